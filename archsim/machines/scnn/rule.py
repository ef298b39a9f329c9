"""SCNN's array (ISCA'17): rules and sources in docs/machines/scnn.md.

Every element holds a tile of the input plane and all elements get the same weights; vectors of
non-zeros of both are multiplied all by all, and the products scattered to accumulator banks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from archsim.arch.arch import Arch
from archsim.machines.scnn import dnnsim, linear
from archsim.machines.scnn.components import ScnnPeArray
from archsim.machines.scnn.counts import ScnnCycles
from archsim.machines.scnn.cycles import pass_cycles
from archsim.machines.scnn.memory import stored_activations, stored_weights
from archsim.machines.scnn.passes import fewest_operations, planar_passes
from archsim.machines.scnn.tiling import ScnnArray
from archsim.machines.shared.fetches import fetches
from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.shared.groups import cut_groups, group_sizes, parts_of_groups
from archsim.machines.shared.machine import halo_bytes, name_of, only, share_of, storage_of
from archsim.machines.shared.operands import plane_of, weights_of
from archsim.machines.shared.partial_sums import psum_bytes, psum_update_bytes
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.token_planes import folded, folded_row, folded_size
from archsim.machines.shared.traffic import Held
from archsim.machines.shared.widths import activation_bytes, packed_bytes
from archsim.workload.convolution import Geometry
from archsim.workload.layer import Layer
from archsim.workload.rows import rows_read
from archsim.workload.tensors import LayerTensors

FLOWS = ("input", "weight", "output")
WIDTHS = (4, 8, 16)

NOT_MADE_FOR = (
    "linear and squeeze-and-excite layers run by an assumed rule (docs/machines/scnn.md): SCNN is "
    "made for convolutions, and the authors of SmartDeal leave EfficientNet-B0 out for it"
)


@dataclass(frozen=True)
class _Run:
    """One layer on the array, in its own terms: (G, passes) cycles, most operations of an element,
    and outputs, by filter group and pass over the plane; (G,) bytes of stored weights.

    The input memories hold `input_bytes` of stored activations in all passes, read `rounds` times;
    `work` has the totals.
    """

    work: ScnnCycles
    cycles: Ints
    operations: Ints
    outputs: Ints
    weights: Ints
    input_bytes: int
    rounds: int

    @property
    def passes(self) -> int:
        """Passes over the plane."""
        return int(self.cycles.shape[1])


def tiles(layer: Layer, tensors: LayerTensors, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference; a group is as much of a filter group as half the weight memories
    take, a tile what the input memories hold at once of the plane."""
    part = only(arch, ScnnPeArray)
    array = _array(part, arch)
    run = (_linear if layer.kind == "linear" else _conv)(layer, tensors, arch)
    work, parts = run.work, _parts(run, arch)
    cycles = cut_groups(run.cycles, parts)
    issued = cut_groups(run.operations, parts)
    bits = issued * (array.weights * array.elements * array.weight_entry_bits)
    read = fetches(arch, cycles, {"weight": ceil_div(bits, 8)})
    multipliers = array.elements * array.products
    return (
        Tiles(
            phase="inference",
            cycles=cycles,
            limited=read.limited,
            outputs=cut_groups(run.outputs, parts),
            moving={"input": run.input_bytes},
            min_blocks=run.passes,
            stationary={"weight": cut_groups(run.weights[:, None], parts)[:, 0]},
            halo_bytes=_halo(layer, run, arch),
            macs_done=work.macs,
            macs_skipped=layer.macs - work.macs,
            instances={arch.compute: multipliers},
            busy={arch.compute: work.busy},
            lost={arch.compute: work.lost | read.waits(multipliers)},
            actions=_actions(run, arch),
            side=read.side,
            notes=_notes(layer, work),
        ),
    )


def _halo(layer: Layer, run: _Run, arch: Arch) -> int:
    """Stored bytes that a cut of the plane brings again: the share of its rows in those read."""
    room = share_of(arch, storage_of(arch, "input"))
    dense = halo_bytes(layer, max(run.passes, Held(run.input_bytes, room).blocks))
    return ceil_div(run.input_bytes * dense, max(1, layer.read_elements))


def _actions(run: _Run, arch: Arch) -> dict[str, dict[str, int]]:
    """Counts to be priced; DRAM and the filling of memories are counted with the traffic."""
    work, array = run.work, _array(only(arch, ScnnPeArray), arch)
    return {
        storage_of(arch, "input"): {"read": run.input_bytes * run.rounds},
        storage_of(arch, "weight"): {
            "read": packed_bytes(work.vector_ops * array.weights, array.weight_entry_bits),
            # The traffic counts one copy of a weight, and every element gets one in every pass.
            "write": int(run.weights.sum()) * (array.elements - 1) * run.passes,
        },
        name_of(arch, ScnnPeArray): {
            "mac": work.busy,
            "scatter": work.macs,
            # A product as wide as the sum goes into a bank's queue and out of it.
            "fifo": work.macs * 2 * psum_bytes(arch),
            "psum_access": work.macs * psum_update_bytes(arch),
        },
    }


def stored_bytes(layer: Layer, values: NDArray[np.int8] | None, arch: Arch) -> int:
    """Bytes of a sample of the layer's results, run-length coded by tile and channel; dense where
    they are unknown."""
    if values is None or values.size != layer.result_elements:
        return activation_bytes(layer.result_elements, arch)
    array = _array(only(arch, ScnnPeArray), arch)
    if layer.op == "linear":
        plane = values.reshape(-1, layer.out_channels).T[:, :, None]
    elif layer.out_size[0] == 1:  # tokens, or rows of a product
        plane = values.reshape(layer.out_channels, 1, -1)
        plane = folded(plane, folded_row(plane.shape[2], array.rows))
    elif layer.kept is not None:  # a transposed convolution, as its reader has it
        plane = values if values.ndim == 3 else values.reshape(layer.out_channels, 1, -1)
    else:
        plane = values.reshape(layer.out_channels, *layer.out_size)
    tile = -(-plane.shape[1] // array.rows), -(-plane.shape[2] // array.columns)
    stored = int(stored_activations(plane, tile, array).sum())
    return packed_bytes(stored, array.activation_entry_bits)


def _array(part: ScnnPeArray, arch: Arch) -> ScnnArray:
    return ScnnArray(
        rows=part.rows,
        columns=part.columns,
        weights=part.weights,
        activations=part.activations,
        banks=part.banks,
        queue_depth=part.queue_depth,
        accumulators=part.banks * part.bank_entries,
        most_filters=part.group_filters,
        activation_bits=arch.activation_bits,
        weight_bits=arch.weight_bits,
    )


def _conv(layer: Layer, tensors: LayerTensors, arch: Arch) -> _Run:
    """A convolution by the rule that the arch names, the plane in as many passes as the input
    memories need."""
    part, geometry = only(arch, ScnnPeArray), layer.geometry
    array = _array(part, arch)
    weights = weights_of(layer, tensors, arch)
    inputs = folded(plane_of(layer, tensors), folded_size(layer, array.rows))
    memory = share_of(arch, storage_of(arch, "input")) // array.elements
    passes = planar_passes(inputs, geometry, array, memory)
    entry = array.weight_entry_bits
    at_once = passes.filters
    stored = packed_bytes(stored_weights(weights, geometry, at_once), entry)
    # More passes cost no traffic where the weights stay on the chip from pass to pass.
    if part.rule == "queued" and int(stored.sum()) <= share_of(arch, storage_of(arch, "weight")):
        passes = fewest_operations(weights, inputs, geometry, array, memory)
    areas = np.array([prod(one.tiling.plane) for one in passes.parts])
    if part.rule == "dnnsim":  # knows no capacities: the passes share the cycles of one
        filters = dnnsim.padded_tiling(inputs.shape[1:], geometry, array).filters
        read = rows_read(geometry, inputs.shape[1:])
        if not read.all():
            inputs = inputs * read[:, None]
        work = dnnsim.layer_cycles(weights, inputs, geometry, array)
        cycles = _shared(work.group_cycles, areas)
        operations = _shared(work.group_operations, areas)
    else:
        filters = passes.filters
        work = pass_cycles(weights, passes.parts, geometry, array, part.banks_model)
        cycles, operations = work.group_cycles, work.group_operations
    if filters != at_once:
        stored = packed_bytes(stored_weights(weights, geometry, filters), entry)
    sizes = group_sizes(layer.out_channels, layer.groups, filters)
    return _Run(
        work=work,
        cycles=cycles,
        operations=operations,
        outputs=_shared(sizes * prod(layer.out_size), areas),
        weights=stored,
        input_bytes=packed_bytes(passes.stored, array.activation_entry_bits),
        rounds=len(sizes) // layer.groups,
    )


def _linear(layer: Layer, tensors: LayerTensors, arch: Arch) -> _Run:
    """A linear layer: an element holds every 64th input."""
    array = _array(only(arch, ScnnPeArray), arch)
    weights = weights_of(layer, tensors, arch)
    inputs = plane_of(layer, tensors)[:, :, 0].T
    flat = weights.reshape(layer.out_channels, layer.in_channels)
    work = linear.layer_cycles(flat, inputs, array)
    sizes = group_sizes(layer.out_channels, 1, array.accumulators)
    of_groups = stored_weights(weights, Geometry(), array.accumulators)
    entries = linear.stored_inputs(inputs, array)
    return _Run(
        work=work,
        cycles=work.group_cycles.reshape(len(inputs), -1).sum(axis=0)[:, None],
        operations=work.group_operations.reshape(len(inputs), -1).sum(axis=0)[:, None],
        outputs=(sizes * layer.positions)[:, None],
        weights=packed_bytes(of_groups, array.weight_entry_bits),
        input_bytes=packed_bytes(entries, array.activation_entry_bits),
        rounds=len(sizes),
    )


def _parts(run: _Run, arch: Arch) -> Ints:
    """(G,) parts of each filter group."""
    return parts_of_groups(run.weights, share_of(arch, storage_of(arch, "weight")))


def _shared(amounts: Ints, areas: Ints) -> Ints:
    """Amounts (G,) shared out over passes by the area that each has of the plane: (G, passes)."""
    ends = np.outer(amounts, np.cumsum(areas)) // int(areas.sum())
    return np.diff(ends, axis=1, prepend=0)


def _notes(layer: Layer, work: ScnnCycles) -> tuple[str, ...]:
    """That SCNN is not made for a layer, or that bank conflicts were estimated."""
    if layer.kind == "linear":
        return (NOT_MADE_FOR,)
    if work.banks != "sampled":
        return ()
    return (
        f"layer {layer.name!r}: bank conflicts from a sample of {work.sampled} filter groups, "
        f"standard error {work.standard_error:.0f} of {work.cycles} cycles",
    )
