"""What a machine's rule says of a whole network: the tile tables of every layer with weights.

This is the expensive part of a run, and it needs no DRAM, no bus and no prices, so it can be kept
(`archsim.runs.cached`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.arch.arch import Arch
from archsim.formats.errors import InputError
from archsim.formats.progress import Progress
from archsim.formats.source import shown
from archsim.machines.shared.machine import Machine, check_flows, load_machine
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.weight_forms import weight_notes
from archsim.workload.layer import Layer
from archsim.workload.stages import stages_of
from archsim.workload.workload import Workload

MAX_VISITS = 6_000_000
"""Tiles of all samples of a network at most. Each is a visit of some 300 bytes and 40 us, so this
is about 2 GB and a few minutes; steps, which are what the engine sees, are far fewer."""


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
    stages = stages_of(workload.layers)
    phases = {}
    for index, stage in enumerate(stages):
        if progress is not None:
            progress(index, len(stages), stage.layers[0].name)
        if (layer := stage.anchor) is not None:
            phases[layer.name] = tuple(machine.tiles(layer, workload.tensors(layer), arch))
    if progress is not None:
        progress(len(stages), len(stages), "")
    stored = {
        stage.tail.name: _stored_bytes(stage.tail, machine, arch, workload) for stage in stages
    }
    said = [
        f"{arch.name}: {note}" for of in phases.values() for tiles in of for note in tiles.notes
    ]
    return Tables(phases, stored, (*weight_notes(arch, workload), *dict.fromkeys(said)))


def check_batch(arch: Arch, workload: Workload, tables: Tables) -> None:
    """InputError where the samples of a batch have more tiles than a run can lay out in time.

    In training a table is of the whole batch, and is no longer for a larger one.
    """
    if workload.task == "training":
        return
    tiles = sum(one.cycles.size for phases in tables.phases.values() for one in phases)
    most = max(1, MAX_VISITS // max(1, tiles))
    if workload.batch > most:
        raise InputError.at(
            shown(workload.path),
            f"a batch of {workload.batch:,} has {tiles * workload.batch:,} tiles on {arch.name}, "
            f"and a run lays out at most {MAX_VISITS:,}; take a batch of {most:,} or less",
        )


def _stored_bytes(layer: Layer, machine: Machine, arch: Arch, workload: Workload) -> int:
    """What a layer's results take in DRAM: 8 bits per element, unless the machine stores them
    otherwise.

    A machine that compresses sees the values where a layer with weights reads them.
    """
    stored = getattr(machine, "stored_bytes", None)
    if stored is None:
        return layer.output_elements * workload.batch
    readers = [workload.layer(name) for name in workload.consumers(layer.name)]
    reader = next((one for one in readers if one.is_array), None)
    values = workload.tensors(reader).get("input") if reader is not None else None
    return int(stored(layer, values, arch)) * workload.batch
