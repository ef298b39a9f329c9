"""SCNN's cycle rule (ISCA 2017): vectors of non-zero weights meet vectors of non-zero activations,
one operation a cycle unless an accumulator bank's queue is full, and the elements wait for each
other at the end of every filter group. docs/machines/scnn.md has the rule.
"""

from typing import Literal

import numpy as np

from archsim.kernels.geometry import Geometry, Mask
from archsim.kernels.scnn_operations import Operands, operands
from archsim.kernels.scnn_result import Occupation, ScnnCycles
from archsim.kernels.scnn_tiles import ScnnArray, Tiling, grid_tiling
from archsim.kernels.scnn_waits import bank_waits, no_waits, sampled_waits

BanksModel = Literal["auto", "exact", "none"]
FIND_WAITS = {"auto": sampled_waits, "exact": bank_waits, "none": no_waits}


def layer_cycles(
    weights: Mask, activations: Mask, geometry: Geometry, array: ScnnArray, banks_model: BanksModel
) -> ScnnCycles:
    """Cycles of a convolution from its masks of non-zeros (K, C/g, R, S) and (C, H, W).

    `banks_model`: "exact" follows every queue; "none" leaves bank conflicts out; "auto" is exact
    while that is predicted to take at most a second, else it follows a seeded sample of filter
    groups.
    """
    kernel = weights.shape[2], weights.shape[3]
    tiling = grid_tiling((activations.shape[1], activations.shape[2]), kernel, geometry, array)
    layer = operands(weights, activations, geometry, tiling, array)
    waits = FIND_WAITS[banks_model](layer)
    products = int(layer.multiplications.sum())
    mapped = mapped_elements(tiling, array)
    occupation = Occupation(layer.operations, waits.cycles, products, mapped)
    return ScnnCycles(
        group_cycles=waits.group_cycles,
        group_operations=layer.operations.max(axis=1),
        vector_ops=int(layer.operations.sum()),
        macs=effectual_macs(weights, activations, geometry),
        busy=products,
        weight_reads=int(layer.operations.sum()) * array.weights,
        activation_reads=activation_reads(layer),
        lost=occupation.losses(waits.group_cycles, array),
        banks=waits.how,
        sampled=waits.sampled,
        standard_error=waits.standard_error,
    )


def mapped_elements(tiling: Tiling, array: ScnnArray) -> Mask:
    """Which elements hold a tile, the plane being no multiple of the grid: (elements,)."""
    rows = np.arange(array.rows) * tiling.tile[0] < tiling.plane[0]
    columns = np.arange(array.columns) * tiling.tile[1] < tiling.plane[1]
    return (rows[:, None] & columns).reshape(-1)


def activation_reads(layer: Operands) -> int:
    """Non-zero activations, each read once for every filter group of its convolution group."""
    rounds = layer.groups // layer.geometry.groups
    return rounds * int(layer.activations.counts.sum())


def effectual_macs(weights: Mask, activations: Mask, geometry: Geometry) -> int:
    """Products of a non-zero weight and a non-zero activation that reach an output."""
    _, each, R, S = weights.shape
    top, left, bottom, right = geometry.padding
    padded = np.pad(activations, ((0, 0), (top, bottom), (left, right)))
    P, Q = geometry.out_size((activations.shape[1], activations.shape[2]), (R, S))
    (sh, sw), (dh, dw) = geometry.stride, geometry.dilation
    live = weights.reshape(geometry.groups, -1, each, R, S).sum(axis=1, dtype=np.int64)
    live = live.reshape(len(activations), R, S)
    total = 0
    for r, s in np.ndindex(R, S):
        seen = padded[:, r * dh :: sh, s * dw :: sw][:, :P, :Q]
        total += int(live[:, r, s] @ np.count_nonzero(seen, axis=(1, 2)))
    return total
