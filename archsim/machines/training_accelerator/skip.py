"""Phases of training whose products leave out dead rows of coefficients (paper IV: the pattern is
fixed, so what is zero stays zero and needs no gradient).

A weight is live if its coefficient row may be anything but zero. Tiles of the still operand are
packed: a block of as many filters (backward: channels) as an array has rows keeps the depth
positions that are live in any of them. A weight gradient is made where it is live.

Forward and backward, a tile streams all pixels of its depth positions, and tiles come in the order
of their first position, so that the same positions meet in a wave. In a weight gradient a block
streams what is live in it, and blocks in which the same is live follow each other, as only they can
share a stream. A wave of arrays lasts as long as its longest tile.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.training_accelerator.gemm import (
    NO_WORK,
    PhaseCycles,
    TrainingArray,
    Waves,
    counted,
)
from archsim.machines.training_accelerator.multicast import OperandReads, lanes_read
from archsim.machines.training_accelerator.packing import (
    Flags,
    blocks_of,
    held_twice,
    lanes_of_rows,
    packed_rows,
)


@dataclass(frozen=True)
class _Stretch:
    """Tiles in a row that stream equally long: of each stream, as wide as an array along `depth`,
    `size` tiles; multiplications and held values of all.
    """

    size: int
    depth: int
    length: int
    macs: int
    held: int


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
    if not live.any():
        return NO_WORK
    products = [_matrices(phase, part) for part in np.split(live, groups)]
    if phase == "wg":
        matrices = [matrix for (matrix,) in products]
        columns = [matrix[:, matrix.any(axis=0)].T for matrix in matrices]
        left = _in_waves([_gradient_blocks(one, pixels, array) for one in matrices], array)
        right = _in_waves([_gradient_blocks(one, pixels, array) for one in columns], array)
    else:
        left = _weights_still(products, pixels, array)
        right = _pixels_still(products, pixels, array)
    held_left, held_right = counted("W", array, left), counted("X", array, right)
    return held_left if held_left.cycles <= held_right.cycles else held_right


def _matrices(phase: str, part: Flags) -> list[Flags]:
    """The left operands of a group: the weights forward and for the gradient, and for each tap
    their transpose backward.
    """
    if phase != "bp":
        return [part.reshape(len(part), -1)]
    return [part[:, :, tap].T for tap in range(part.shape[2])]


def _weights_still(products: Sequence[Sequence[Flags]], pixels: int, array: TrainingArray) -> Waves:
    """Weights still, packed by blocks of rows; all pixels pass each tile."""
    tiles = lanes = held = 0
    for matrices in products:
        packed = packed_rows(matrices, array)
        if array.multicast:
            lanes += lanes_of_rows(packed, tiles, array.arrays)
        else:
            lanes += len(packed.position)
        tiles += packed.tiles
        held += packed.held
    waves = ceil_div(tiles, array.arrays)
    reads = OperandReads(streamed=lanes * pixels, held=held)
    return Waves(waves, waves * pixels, held * pixels, reads)


def _pixels_still(products: Sequence[Sequence[Flags]], pixels: int, array: TrainingArray) -> Waves:
    """Activations still, at depths that any row needs; all rows pass each tile."""
    blocks = ceil_div(pixels, array.rows)
    stretches: list[list[_Stretch]] = []
    first = twice = 0
    for matrices in products:
        positions = [np.flatnonzero(matrix.any(axis=0)) for matrix in matrices]
        depths = [len(found) for found in positions]
        if array.multicast and len(matrices) > 1:
            twice += held_twice(positions, first, pixels, array)
        first += sum(ceil_div(depth, array.columns) for depth in depths) * blocks
        rows = len(matrices[0])
        stretches.append(
            [_Stretch(blocks, d, rows, d * rows * pixels, d * pixels) for d in depths if d]
        )
    return _in_waves(stretches, array, twice)


def _gradient_blocks(live: Flags, pixels: int, array: TrainingArray) -> Iterator[_Stretch]:
    """Blocks of rows of `live`, whose part of one operand is still; of the other one passes what is
    live in any of them. Those in which the same is live, in the order of the first of each.
    """
    heights, kept = blocks_of(live, array.rows)
    packed = np.packbits(kept, axis=1)
    _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    which = which.reshape(-1)
    for number in np.argsort(first):
        members = which == number
        length, entries = int(kept[first[number]].sum()), int(heights[members].sum())
        if length:
            macs, held = length * entries * pixels, entries * pixels
            yield _Stretch(int(members.sum()), pixels, length, macs, held)


def _in_waves(
    groups: Iterable[Iterable[_Stretch]], array: TrainingArray, held_twice: int = 0
) -> Waves:
    """Stretches dealt to the arrays in order; a wave lasts as long as its longest tile."""
    stretches = [stretch for group in groups for stretch in group]
    counts = np.array([s.size * ceil_div(s.depth, array.columns) for s in stretches], np.int64)
    ends = np.cumsum(counts)
    waves = ceil_div(int(ends[-1]), array.arrays)
    read = 0
    for begin, s in zip((ends - counts).tolist(), stretches, strict=True):
        if array.multicast:
            read += s.length * lanes_read(begin, s.size, s.depth, array.lanes)
        else:
            read += s.length * s.size * s.depth
    lengths = np.array([s.length for s in stretches], np.int64)
    reads = OperandReads(read, sum(s.held for s in stretches) - held_twice)
    streamed = _streamed(ends, lengths, array.arrays)
    return Waves(waves, streamed, sum(s.macs for s in stretches), reads)


def _streamed(ends: Ints, lengths: Ints, arrays: int) -> int:
    """Cycles of all waves, given at which tile each stretch ends."""
    begins = np.append(0, ends[:-1])
    until = np.append(ends[:-1] // arrays, ceil_div(int(ends[-1]), arrays))
    alone = np.maximum(0, until - ceil_div(begins, arrays))
    shared = np.unique(ends[:-1][ends[:-1] % arrays > 0] // arrays) * arrays
    first = np.searchsorted(ends, shared, side="right")
    last = np.searchsorted(ends, np.minimum(shared + arrays, ends[-1]) - 1, side="right")
    # reduceat over [first, last + 1) pairs; every second result lies between two waves.
    spans = np.stack([first, last + 1], axis=1).reshape(-1)
    longest = np.maximum.reduceat(np.append(lengths, 0), spans)[::2] if len(spans) else spans
    return int((alone * lengths).sum() + longest.sum())
