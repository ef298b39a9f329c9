"""SCNN's array (ISCA'17): rules and sources in docs/machines/scnn.md.

Every element holds a tile of the input plane and all elements get the same weights; vectors of
non-zeros of both are multiplied all by all, and the products scattered to accumulator banks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archsim.components.scnn_pe_array import ScnnPeArray
from archsim.kernels import scnn, scnn_dnnsim, scnn_linear
from archsim.kernels.geometry import Geometry
from archsim.kernels.groups import group_sizes
from archsim.kernels.run_length import SCNN_SPAN, stored_entries
from archsim.kernels.scnn_memory import (
    ENTRY_BITS,
    stored_activations,
    stored_weights,
)
from archsim.kernels.scnn_result import ScnnCycles
from archsim.kernels.scnn_tiles import ScnnArray, grid_tiling
from archsim.machine import buffer_of, halo_bytes, name_of, only, share_of, storage_of
from archsim.operands import buffer_waits, geometry_of, plane_of, weights_of
from archsim.steps import STEPS_PER_LAYER
from archsim.tiles import Tiles, ceil_div

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from archsim.arch import Arch
    from archsim.layer import Layer
    from archsim.tensors import LayerTensors
    from archsim.tiles import Ints

FLOWS = ("input", "weight", "output")

PSUM_BYTES = 6
"""A 24-bit accumulator, read and written."""
QUEUE_BYTES = 6
"""A 24-bit product, into a bank's queue and out of it."""


@dataclass(frozen=True)
class _Run:
    """One layer on the array, in its own terms, by filter group (G,): cycles, most operations of an
    element, outputs, bytes of stored weights.

    `stored` (elements,) are values that each element's input memory holds, read `rounds` times;
    `work` has the totals.
    """

    work: ScnnCycles
    cycles: Ints
    operations: Ints
    outputs: Ints
    weights: Ints
    stored: Ints
    rounds: int

    @property
    def input_bytes(self) -> int:
        """Bytes of the stored activations."""
        return -(-int(self.stored.sum()) * ENTRY_BITS // 8)


def tiles(layer: Layer, tensors: LayerTensors, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference; a group is as much of a filter group as half the weight memories
    take, a tile what the input memories hold at once of the plane."""
    part = only(arch, ScnnPeArray)
    array = _array(part)
    run = (_linear if layer.kind == "linear" else _conv)(layer, tensors, arch)
    work = run.work
    cut = _Cut(_parts(run, arch), _passes(run, layer, arch))
    cycles = cut.table(run.cycles)
    read = cut.table(run.operations) * (array.weights * array.elements * ENTRY_BITS)
    limit = buffer_of(arch, "weight").move_cycles(ceil_div(read, 8))
    limited = np.maximum(cycles, limit)
    multipliers = array.elements * array.products
    return (
        Tiles(
            phase="inference",
            cycles=cycles,
            limited=limited,
            outputs=cut.table(run.outputs),
            moving={"input": run.input_bytes},
            stationary={"weight": cut.rows(run.weights)},
            halo_bytes=halo_bytes(layer),
            macs_done=work.macs,
            macs_skipped=layer.macs - work.macs,
            instances={arch.compute: multipliers},
            busy={arch.compute: work.busy},
            lost={arch.compute: work.lost | buffer_waits(cycles, limited, limit, multipliers)},
            actions=_actions(run, arch),
            side={storage_of(arch, "weight"): limit},
            notes=_notes(layer, work),
        ),
    )


def _actions(run: _Run, arch: Arch) -> dict[str, dict[str, int]]:
    """Counts to be priced; DRAM and the filling of memories are counted with the traffic."""
    work = run.work
    return {
        storage_of(arch, "input"): {"read": run.input_bytes * run.rounds},
        storage_of(arch, "weight"): {
            "read": -(-work.weight_reads * ENTRY_BITS // 8),
            # The traffic counts a weight once, and every element gets a copy.
            "write": int(run.weights.sum()) * (buffer_of(arch, "weight").count - 1),
        },
        name_of(arch, ScnnPeArray): {
            "mac": work.busy,
            "scatter": work.macs,
            "fifo": work.macs * QUEUE_BYTES,
            "psum_access": work.macs * PSUM_BYTES,
        },
    }


def stored_bytes(layer: Layer, values: NDArray[np.int8] | None, arch: Arch) -> int:
    """Bytes of a sample of the layer's results, run-length coded by tile and channel; 8 bits an
    element where they are unknown."""
    if values is None or values.size != layer.output_elements:
        return layer.output_elements
    array = _array(only(arch, ScnnPeArray))
    height, width = layer.out_size if layer.op != "linear" else (layer.positions, 1)
    plane = values.reshape(-1, layer.out_channels).T if layer.op == "linear" else values
    plane = plane.reshape(layer.out_channels, height, width)
    tile = -(-height // array.rows), -(-width // array.columns)
    stored = int(stored_activations(plane != 0, tile, array).sum())
    return -(-stored * ENTRY_BITS // 8)


def _array(part: ScnnPeArray) -> ScnnArray:
    return ScnnArray(
        rows=part.rows,
        columns=part.columns,
        weights=part.weights,
        activations=part.activations,
        banks=part.banks,
        queue_depth=part.queue_depth,
        accumulators=part.banks * part.bank_entries,
    )


def _conv(layer: Layer, tensors: LayerTensors, arch: Arch) -> _Run:
    """A convolution by the rule that the arch names."""
    part, geometry = only(arch, ScnnPeArray), geometry_of(layer)
    array = _array(part)
    weights, inputs = weights_of(layer, tensors, arch) != 0, plane_of(layer, tensors) != 0
    plane = inputs.shape[1], inputs.shape[2]
    tiling = grid_tiling(plane, layer.kernel, geometry, array)
    if part.rule == "dnnsim":
        work = scnn_dnnsim.layer_cycles(weights, inputs, geometry, array)
        filters = scnn_dnnsim.padded_tiling(plane, layer.kernel, geometry, array).filters
    else:
        work = scnn.layer_cycles(weights, inputs, geometry, array, part.banks_model)
        filters = tiling.filters
    sizes = group_sizes(layer.out_channels, layer.groups, filters)
    pixels = layer.output_elements // layer.out_channels
    return _Run(
        work=work,
        cycles=work.group_cycles,
        operations=work.group_operations,
        outputs=sizes * pixels,
        weights=ceil_div(stored_weights(weights, geometry, filters) * ENTRY_BITS, 8),
        stored=stored_activations(inputs, tiling.tile, array),
        rounds=len(sizes) // layer.groups,
    )


def _linear(layer: Layer, tensors: LayerTensors, arch: Arch) -> _Run:
    """A linear layer: an element holds every 64th input."""
    array = _array(only(arch, ScnnPeArray))
    weights = weights_of(layer, tensors, arch) != 0
    inputs = plane_of(layer, tensors)[:, :, 0].T != 0
    flat = weights.reshape(layer.out_channels, layer.in_channels)
    work = scnn_linear.layer_cycles(flat, inputs, array)
    sizes = group_sizes(layer.out_channels, 1, array.accumulators)
    by_element = np.zeros(
        (len(inputs), ceil_div(layer.in_channels, array.elements) * array.elements), bool
    )
    by_element[:, : layer.in_channels] = inputs
    blocks = by_element.reshape(len(inputs), -1, array.elements).transpose(2, 0, 1)
    stored = stored_entries(blocks.reshape(array.elements * len(inputs), -1), SCNN_SPAN)
    return _Run(
        work=work,
        cycles=work.group_cycles.reshape(len(inputs), -1).sum(axis=0),
        operations=work.group_operations.reshape(len(inputs), -1).sum(axis=0),
        outputs=sizes * layer.positions,
        weights=ceil_div(stored_weights(weights, Geometry(), array.accumulators) * ENTRY_BITS, 8),
        stored=stored.reshape(array.elements, -1).sum(axis=1),
        rounds=len(sizes),
    )


def _passes(run: _Run, layer: Layer, arch: Arch) -> int:
    """Parts of the plane that the input memories hold one after the other; rows at most.

    As many as the common DRAM rule has blocks, so that a part is never begun while the memories
    still hold the one before.
    """
    share = share_of(arch, storage_of(arch, "input"))
    return max(1, min(-(-run.input_bytes // share), layer.out_size[0]))


def _parts(run: _Run, arch: Arch) -> Ints:
    """(G,) parts of each filter group: half the weight memories each at most, and enough of them
    to see loads, work and results overlap."""
    half = max(1, share_of(arch, storage_of(arch, "weight")) // 2)
    return np.maximum(ceil_div(run.weights, half), -(-STEPS_PER_LAYER // len(run.weights)))


@dataclass(frozen=True)
class _Cut:
    """Filter groups in `parts` (G,) by input channel, and the plane in `columns`.

    Everything is shared evenly. So are results: while a group computes, the accumulators of the
    one before drain (ISCA'17), which is as much at a time.
    """

    parts: Ints
    columns: int

    def rows(self, amounts: Ints) -> Ints:
        """Amounts of the filter groups, (G,), as amounts of their parts."""
        group = np.repeat(np.arange(len(self.parts)), self.parts)
        number = np.arange(len(group)) - (np.cumsum(self.parts) - self.parts)[group]
        count, whole = self.parts[group], amounts[group]
        return (number + 1) * whole // count - number * whole // count

    def table(self, amounts: Ints) -> Ints:
        """Amounts of the filter groups by part and column."""
        ends = np.outer(self.rows(amounts), np.arange(self.columns + 1)) // self.columns
        return np.diff(ends, axis=1)


def _notes(layer: Layer, work: ScnnCycles) -> tuple[str, ...]:
    """That bank conflicts were estimated, where they were."""
    if work.banks != "sampled":
        return ()
    return (
        f"layer {layer.name!r}: bank conflicts from a sample of {work.sampled} filter groups, "
        f"standard error {work.standard_error:.0f} of {work.cycles} cycles",
    )
