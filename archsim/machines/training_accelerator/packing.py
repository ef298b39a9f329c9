"""Tiles packed from the live depth positions of a product, and what their arrays read together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.training_accelerator.gemm import TrainingArray

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class PackedRows:
    """Left operands of one group that take the same right one, packed by blocks of rows: of every
    lane (L,) its depth position and the tile it is of, tiles being numbered in the order in which
    the arrays take them; `held` values in all tiles.
    """

    position: Ints
    tile: Ints
    tiles: int
    held: int


def blocks_of(live: Flags, size: int) -> tuple[Ints, Flags]:
    """Rows taken `size` at a time: how many each block has, and what is live in any of them."""
    starts = np.arange(0, len(live), size)
    heights = np.minimum(size, len(live) - starts)
    if not len(starts):
        return heights, np.zeros((0, live.shape[1]), np.bool_)
    return heights, np.logical_or.reduceat(live, starts, axis=0)


def packed_rows(matrices: Sequence[Flags], array: TrainingArray) -> PackedRows:
    """Packs each matrix (rows, depth); tiles in the order of their first position."""
    parts = [blocks_of(matrix, array.rows) for matrix in matrices]
    heights = np.concatenate([height for height, _ in parts])
    block, position = np.nonzero(np.concatenate([kept for _, kept in parts]))
    depth = np.bincount(block, minlength=len(heights))
    rank = np.arange(len(block)) - (np.cumsum(depth) - depth)[block]
    begins = rank % array.columns == 0
    tile = np.cumsum(begins) - 1
    # A stable sort: of tiles with one first position, the order is that of their blocks.
    order = np.argsort(position[begins], kind="stable")
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return PackedRows(position, number[tile], len(order), int((depth * heights).sum()))


def lanes_of_rows(packed: PackedRows, first: int, arrays: int) -> int:
    """Lanes read when each position is read once in a wave, the tiles beginning at tile `first`."""
    if not packed.tiles:
        return 0
    wave = (first + packed.tile) // arrays
    return len(np.unique(wave * (int(packed.position.max()) + 1) + packed.position))


def held_twice(products: Sequence[Ints], first: int, pixels: int, array: TrainingArray) -> int:
    """Values that several arrays of a wave hold, beyond the first: of one group, tiles of products
    with the same right operand, each packed from its own positions, beginning at tile `first`.
    """
    blocks = ceil_div(pixels, array.rows)
    deep = [ceil_div(len(positions), array.columns) for positions in products]
    ends = first + np.cumsum(deep) * blocks
    begins = np.concatenate([[first], ends[:-1]])
    # Only a wave with tiles of two products can hold anything twice.
    inside = np.unique(begins[1:])
    inside = inside[(inside > first) & (inside < ends[-1]) & (inside % array.arrays > 0)]
    waves = np.unique(inside // array.arrays)
    tile = (waves[:, None] * array.arrays + np.arange(array.arrays)).reshape(-1)
    tile = tile[(tile >= first) & (tile < ends[-1])]
    product = np.searchsorted(ends, tile, side="right")
    chunk, block = np.divmod(tile - begins[product], blocks)
    table = _padded(products, max(deep, default=0) * array.columns)
    lanes = table.reshape(len(products), -1, array.columns)[product, chunk]
    width = np.minimum(array.rows, pixels - block * array.rows)
    width = np.broadcast_to(width[:, None], lanes.shape)[lanes >= 0]
    key = (tile // array.arrays * blocks + block)[:, None] * (table.max(initial=0) + 1) + lanes
    _, once = np.unique(key[lanes >= 0], return_index=True)
    return int(width.sum() - width[once].sum())


def _padded(rows: Sequence[Ints], length: int) -> Ints:
    """The rows as one array (N, length), -1 where they end."""
    table = np.full((len(rows), length), -1, np.int64)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return table
