"""SCNN's cycle rule (ISCA 2017): vectors of non-zero weights meet vectors of non-zero activations,
one operation per cycle unless an accumulator bank's queue is full, and the elements wait for each
other at the end of every filter group. docs/machines/scnn.md has the rule.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.counts import Occupation, ScnnCycles, joined
from archsim.machines.scnn.elements import channel_blocks
from archsim.machines.scnn.operations import Operands, operands
from archsim.machines.scnn.sample import sampled_waits
from archsim.machines.scnn.tiling import Pass, ScnnArray, Tiling, grid_tiling
from archsim.machines.scnn.waits import Waits, bank_waits, no_waits
from archsim.machines.shared.geometry import Ints, Mask
from archsim.workload.convolution import Geometry

BanksModel = Literal["auto", "exact", "none"]
FIND_CONFLICTS = {"auto": sampled_waits, "exact": bank_waits, "none": no_waits}


def layer_cycles(
    weights: NDArray[Any],
    activations: NDArray[Any],
    geometry: Geometry,
    array: ScnnArray,
    banks_model: BanksModel,
) -> ScnnCycles:
    """Cycles of a convolution from its masks of non-zeros (K, C/g, R, S) and (C, H, W), the whole
    plane in one pass.

    `banks_model`: "exact" follows every queue; "none" leaves bank conflicts out; "auto" is exact
    while that is predicted to take at most a second, else it follows a seeded sample of filter
    groups.
    """
    tiling = grid_tiling((activations.shape[1], activations.shape[2]), geometry, array)
    whole = pass_cycles(weights, [Pass(activations, tiling)], geometry, array, banks_model)
    return replace(
        whole, group_cycles=whole.group_cycles[:, 0], group_operations=whole.group_operations[:, 0]
    )


def pass_cycles(
    weights: NDArray[Any],
    passes: Sequence[Pass],
    geometry: Geometry,
    array: ScnnArray,
    banks_model: BanksModel,
) -> ScnnCycles:
    """Cycles of a convolution in several passes over its plane; the rest as for `layer_cycles`."""
    layers = operands(weights, passes, geometry, array)
    conflicts = FIND_CONFLICTS[banks_model](layers)
    live = live_weights(weights, geometry)
    cycles = []
    for layer, waits in zip(layers, conflicts.passes, strict=True):
        cycles.append(counted(layer, effectual_macs(live, layer.part, geometry), waits))
    return replace(
        joined(cycles),
        banks=conflicts.how,
        sampled=conflicts.sampled,
        standard_error=conflicts.standard_error,
    )


def counted(layer: Operands, macs: int, waits: Waits) -> ScnnCycles:
    """What follows from the operations of a layer and from their waiting; `macs` of its products
    reach an output."""
    products, operations = layer.multiplications, layer.operations
    mapped = mapped_elements(layer.tiling, layer.array)
    occupation = Occupation(operations, waits.cycles, products, mapped)
    return ScnnCycles(
        group_cycles=waits.group_cycles,
        group_operations=operations.max(axis=1),
        vector_ops=int(operations.sum()),
        macs=macs,
        busy=products,
        lost=occupation.losses(waits.group_cycles, layer.array),
    )


def mapped_elements(tiling: Tiling, array: ScnnArray) -> Mask:
    """Which elements hold a tile, the plane being no multiple of the grid: (elements,)."""
    rows = np.arange(array.rows) * tiling.tile[0] < tiling.plane[0]
    columns = np.arange(array.columns) * tiling.tile[1] < tiling.plane[1]
    return (rows[:, None] & columns).reshape(-1)


def live_weights(weights: NDArray[Any], geometry: Geometry) -> Ints:
    """Non-zero weights of each tap by input channel of the layer, (C, R, S)."""
    K, each, R, S = weights.shape
    groups = weights.reshape(geometry.groups, K // geometry.groups, each, R, S)
    live = np.stack([np.count_nonzero(filters, axis=0) for filters in groups])
    return live.reshape(-1, R, S)


def effectual_macs(live: Ints, part: Pass, geometry: Geometry) -> int:
    """Products of a non-zero activation and of `live` weights (C, R, S) that reach an output."""
    C, R, S = live.shape
    pixels = prod(part.tiling.plane)
    total = 0
    for channels in channel_blocks(slice(0, C), pixels):
        plane = np.empty((channels.stop - channels.start, *part.tiling.plane), bool)
        part.live(channels, plane)
        for r, s in np.ndindex(R, S):
            rows, columns = (
                _reaching(tap, axis, geometry, part.tiling) for axis, tap in enumerate((r, s))
            )
            reached = np.count_nonzero(plane[:, rows, columns], axis=(1, 2))
            total += int(live[channels, r, s] @ reached)
    return total


def _reaching(tap: int, axis: int, geometry: Geometry, tiling: Tiling) -> slice:
    """Coordinates on the plane whose products with a tap reach an output, along one axis."""
    stride = geometry.stride[axis]
    ahead = tiling.origin[axis] - tap * geometry.dilation[axis]  # of the plane's first pixel
    first = max(0, -(-ahead // stride))
    last = min(tiling.out_size[axis], (ahead + tiling.plane[axis] - 1) // stride + 1) - 1
    if last < first:
        return slice(0, 0)
    return slice(first * stride - ahead, last * stride - ahead + 1, stride)
