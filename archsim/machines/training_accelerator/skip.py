"""Phases of training whose products leave out dead rows of coefficients (paper IV: the pattern is
fixed, so what is zero stays zero and needs no gradient).

A weight is live if its coefficient row may be anything but zero. Tiles of the still operand are
packed: a block of as many filters (backward: channels) as an array has rows keeps the depth
positions that are live in any of them. A weight gradient is made where it is live. The order of
tiles is that of the blocks, and a round of arrays lasts as long as its longest tile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints
from archsim.machines.training_accelerator.gemm import NO_WORK, PhaseCycles, TrainingArray, counted

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _Tiles:
    """Blocks of equal tiles, (B,) each: how many, how long each streams, multiplications in all."""

    counts: Ints
    lengths: Ints
    macs: Ints


def live_weights(mask: NDArray[np.generic], shape: tuple[int, ...]) -> Flags:
    """(K, C, taps): the weights of `shape` (K, C, R, S) whose row of `mask` has a live code.

    Rows are kernel rows or, for 1x1, three channels each.
    """
    rows = (mask != 0).any(axis=-1)
    filters, channels, height, width = shape
    if height * width == 1:
        return np.repeat(rows, 3, axis=1)[:, :channels, None]
    return np.repeat(rows[..., None], width, axis=-1).reshape(filters, channels, height * width)


def skipping_cycles(
    phase: Literal["ff", "bp", "wg"], live: Flags, pixels: int, groups: int, array: TrainingArray
) -> PhaseCycles:
    """Cycles of the faster stationarity, the left operand's on a tie.

    Args:
        phase: which product.
        live: (K, C/groups, taps) of the weights.
        pixels: output pixels of the whole batch.
        groups: of the convolution; each is a product of its own.
        array: what it runs on.
    """
    left, right = [], []
    for part in np.split(live, groups):
        for matrix in _matrices(phase, part):
            if phase == "wg":
                left.append(_gradient_left(matrix, pixels, array))
                right.append(_gradient_right(matrix, pixels, array))
            else:
                left.append(_product_left(matrix, pixels, array))
                right.append(_product_right(matrix, pixels, array))
    held_left, held_right = _timed("W", left, array), _timed("X", right, array)
    return held_left if held_left.cycles <= held_right.cycles else held_right


def _matrices(phase: str, part: Flags) -> Iterator[Flags]:
    """Yield the left operands of a group: the weights forward and for the gradient, and for each
    tap their transpose backward.
    """
    if phase != "bp":
        yield part.reshape(len(part), -1)
    else:
        yield from (part[:, :, tap].T for tap in range(part.shape[2]))


def _product_left(live: Flags, pixels: int, array: TrainingArray) -> _Tiles:
    """Weights still, packed by blocks of rows; all pixels pass each tile."""
    heights, kept = _blocks(live, array.rows)
    depth = kept.sum(axis=1)
    length = np.full(len(depth), pixels)
    return _Tiles(-(-depth // array.columns), length, depth * heights * pixels)


def _product_right(live: Flags, pixels: int, array: TrainingArray) -> _Tiles:
    """Activations still, at depths that any row needs; all rows pass each tile."""
    depth = int(live.any(axis=0).sum())
    tiles = -(-depth // array.columns) * -(-pixels // array.rows)
    return _Tiles(np.array([tiles]), np.array([len(live)]), np.array([depth * len(live) * pixels]))


def _gradient_left(live: Flags, pixels: int, array: TrainingArray) -> _Tiles:
    """Errors of a block of filters still; the inputs of its live weights pass each tile."""
    heights, kept = _blocks(live, array.rows)
    length = kept.sum(axis=1)
    counts = np.where(length > 0, -(-pixels // array.columns), 0)
    return _Tiles(counts, length, length * heights * pixels)


def _gradient_right(live: Flags, pixels: int, array: TrainingArray) -> _Tiles:
    """Inputs of a block of live columns still; the errors of filters that are live in one pass."""
    widths, kept = _blocks(live[:, live.any(axis=0)].T, array.rows)
    length = kept.sum(axis=1)
    counts = np.full(len(length), -(-pixels // array.columns))
    return _Tiles(counts, length, length * widths * pixels)


def _blocks(live: Flags, size: int) -> tuple[Ints, Flags]:
    """Rows taken `size` at a time: how many each block has, and what is live in any of them."""
    starts = np.arange(0, len(live), size)
    heights = np.minimum(size, len(live) - starts)
    if not len(starts):
        return heights, np.zeros((0, live.shape[1]), np.bool_)
    return heights, np.logical_or.reduceat(live, starts, axis=0)


def _timed(stationary: Literal["W", "X"], parts: list[_Tiles], array: TrainingArray) -> PhaseCycles:
    """Tiles dealt to the arrays in order; a round lasts as long as its longest tile."""
    counts = np.concatenate([part.counts for part in parts])
    lengths = np.concatenate([part.lengths for part in parts])[counts > 0]
    macs = int(sum(part.macs.sum() for part in parts))
    ends = np.cumsum(counts[counts > 0])
    if not len(ends):
        return NO_WORK
    starts = np.arange(0, ends[-1], array.arrays)
    first = np.searchsorted(ends, starts, side="right")
    last = np.searchsorted(ends, np.minimum(starts + array.arrays, ends[-1]) - 1, side="right")
    # reduceat over [first, last + 1) pairs; every second result lies between two rounds.
    spans = np.stack([first, last + 1], axis=1).reshape(-1)
    streamed = int(np.maximum.reduceat(np.append(lengths, 0), spans)[::2].sum())
    return counted(stationary, array, rounds=len(starts), streamed=streamed, macs=macs)
