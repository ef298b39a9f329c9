"""What a machine's rule says of a whole network: the tile tables of every layer with weights.

This is the expensive part of a run, and it needs no DRAM, no bus and no prices, so it can be kept
(`archsim.runs.cached`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.arch.arch import Arch
from archsim.formats.progress import Progress
from archsim.machines.shared.machine import Machine, check_flows, load_machine
from archsim.machines.shared.products import product_tiles
from archsim.machines.shared.sections import joined
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.weight_forms import product_notes, weight_notes
from archsim.machines.shared.widths import activation_bytes, check_widths, width_notes, widths_of
from archsim.workload.given_tensors import samples_of
from archsim.workload.layer import Layer
from archsim.workload.stages import stages_of
from archsim.workload.tensors import Array, LayerTensors
from archsim.workload.workload import Workload


@dataclass(frozen=True)
class Tables:
    """What a rule says of one network on one machine.

    `phases` maps each layer with weights to its tables, one per phase, as the rule makes them: of
    one sample in inference, of the batch in training. `stored` maps the last layer of each stage to
    what the results of the batch take in DRAM; `notes` is what the output has to say about the form
    of weights, and whatever the rule has to say of a layer.
    """

    phases: Mapping[str, tuple[Tiles, ...]]
    stored: Mapping[str, int]
    notes: tuple[str, ...]


def tables_of(arch: Arch, workload: Workload, progress: Progress | None) -> Tables:
    """Ask the rule about every layer.

    `progress` is called with (stages done, stages in all, layer).
    """
    machine = load_machine(arch)
    check_flows(arch, machine)
    check_widths(arch, widths_of(machine), workload)
    stages = stages_of(workload.layers)
    phases = {}
    for index, stage in enumerate(stages):
        if progress is not None:
            progress(index, len(stages), stage.layers[0].name)
        if (layer := stage.anchor) is not None:
            phases[layer.name] = _tables(layer, workload.tensors(layer), arch, machine)
    if progress is not None:
        progress(len(stages), len(stages), "")
    stored = {
        stage.tail.name: _stored_bytes(stage.tail, machine, arch, workload) for stage in stages
    }
    said = [
        f"{arch.name}: {note}" for of in phases.values() for tiles in of for note in tiles.notes
    ]
    notes = (
        *width_notes(arch), *weight_notes(arch, workload), *product_notes(arch, workload),
        *dict.fromkeys(said),
    )  # fmt: skip
    return Tables(phases, stored, notes)


def _tables(layer: Layer, tensors: LayerTensors, arch: Arch, machine: Machine) -> tuple[Tiles, ...]:
    """The tables of a layer; of the whole batch where its samples are known one by one."""

    def of(part: LayerTensors) -> tuple[Tiles, ...]:
        if layer.op == "matmul":
            return (product_tiles(layer, part, arch, machine.tiles),)
        return tuple(machine.tiles(layer, part, arch))

    if not tensors.stored_samples or arch.task == "training":
        return of(tensors)
    known = [of(sample)[0] for sample in samples_of(tensors)]
    whole = [known[number % len(known)] for number in range(tensors.batch)]
    return (joined(whole, arch.batch_order),)


def _stored_bytes(layer: Layer, machine: Machine, arch: Arch, workload: Workload) -> int:
    """What a layer's results take in DRAM: dense, each sample in whole bytes, unless the machine
    stores them otherwise.

    A machine that compresses sees the values where a layer with weights reads them.
    """
    stored = getattr(machine, "stored_bytes", None)
    if stored is None:
        return activation_bytes(layer.result_elements, arch) * workload.batch
    readers = [workload.layer(name) for name in workload.consumers(layer.name)]
    reader = next((one for one in readers if one.is_array), None)
    if reader is None:
        return int(stored(layer, None, arch)) * workload.batch
    # A product reads what its first operand's layer makes as inputs, else as its second operand.
    what = "input" if not reader.inputs or reader.inputs[0] == layer.name else "weight"
    tensors = workload.tensors(reader)
    samples = samples_of(tensors) if arch.task == "inference" else [tensors]
    each = [
        int(stored(layer, _as_made(layer, reader, what, sample.get(what)), arch))
        for sample in samples
    ]
    return sum(each[number % len(each)] for number in range(workload.batch))


def _as_made(layer: Layer, reader: Layer, what: str, values: Array | None) -> Array | None:
    """An operand of a product in the order in which the layer that made it has it, (C, 1, tokens):
    rows are tokens, and so are the columns of a second operand that comes as keys do."""
    if reader.op != "matmul" or values is None:
        return values
    heads, columns, inner = values.shape
    keys = (layer.out_channels, layer.out_size) == (heads * inner, (1, columns))
    return values.transpose(0, 2, 1) if what == "input" or keys else values
