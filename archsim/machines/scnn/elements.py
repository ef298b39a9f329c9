"""What SCNN's elements hold of a plane in a pass: the non-zeros of their tiles, counted by channel
and stride phase, or packed into vectors. Neither is kept: a layer of many passes would not fit a
memory, and what a pass holds is quickly found again.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from archsim.machines.scnn.tiling import Pass, ScnnArray, Tiling, Vectors, pack
from archsim.machines.shared.geometry import Ints, Mask
from archsim.workload.convolution import Geometry

BLOCK = 1 << 21
"""Pixels that are worked on together."""


def channel_blocks(channels: slice, pixels: int) -> Iterator[slice]:
    """A range of channels of so many pixels each, in stretches of a BLOCK; one channel at least."""
    step = max(1, BLOCK // max(1, pixels))
    for first in range(channels.start, channels.stop, step):
        yield slice(first, min(first + step, channels.stop))


def _on_grid(part: Pass, array: ScnnArray, channels: slice) -> Mask:
    """Some channels of a pass on the whole grid, (C, rows, tile rows, columns, tile columns)."""
    (th, tw), (height, width) = part.tiling.tile, part.tiling.plane
    count = channels.stop - channels.start
    grid = np.zeros((count, array.rows * th, array.columns * tw), bool)
    part.live(channels, grid[:, :height, :width])
    return grid.reshape(count, array.rows, th, array.columns, tw)


def tiles_of(part: Pass, array: ScnnArray, channels: slice, elements: Ints) -> Mask:
    """The tiles of some elements, (elements, C, tile rows, tile columns)."""
    grid = _on_grid(part, array, channels).transpose(1, 3, 0, 2, 4)
    row, column = np.divmod(elements, array.columns)
    tiles: Mask = grid[row, column]
    return tiles


def run_counts(part: Pass, geometry: Geometry, array: ScnnArray) -> Ints:
    """Non-zeros of each run, (elements, C, phases), in the narrowest type that holds a tile."""
    (th, tw), (sh, sw) = part.tiling.tile, geometry.stride
    C = len(part.values)
    kind = np.min_scalar_type(th * tw)
    counts = np.empty((sh * sw, C, array.rows, array.columns), kind)
    row = (np.arange(array.rows * th).reshape(-1, th) + part.tiling.origin[0]) % sh
    column = (np.arange(array.columns * tw).reshape(-1, tw) + part.tiling.origin[1]) % sw
    for channels in channel_blocks(slice(0, C), prod(part.tiling.plane)):
        grid = _on_grid(part, array, channels)
        for phase in range(sh * sw):
            live = grid
            if sh * sw > 1:
                live = grid & (row == phase // sw)[:, :, None, None] & (column == phase % sw)
            # Down first: whole rows of the grid are added at once.
            down = np.add.reduce(live.view(np.uint8), axis=2, dtype=kind)
            np.add.reduce(down, axis=3, dtype=kind, out=counts[phase, channels])
    return counts.reshape(sh * sw, C, array.elements).transpose(2, 1, 0)


def activation_vectors(part: Pass, geometry: Geometry, array: ScnnArray) -> Vectors:
    """Vectors of a pass for each tile of the grid, padding included where the tiling includes it.

    An activation's code is 1 + row * columns of the plane + column; activations come in row-major
    order.
    """
    elements = np.arange(array.elements)
    tiles = tiles_of(part, array, slice(0, len(part.values)), elements)
    return tile_vectors(tiles, elements, part.tiling, geometry, array)


def tile_vectors(
    tiles: Mask, elements: Ints, tiling: Tiling, geometry: Geometry, array: ScnnArray
) -> Vectors:
    """Vectors of `tiles` (blocks, C, tile rows, tile columns), which lie where the `elements`
    (blocks,) do; codes as those of `activation_vectors`.
    """
    blocks, C, th, tw = tiles.shape
    sh, sw = geometry.stride
    live = np.flatnonzero(tiles)
    strip = live // (th * tw)
    block = strip // C
    at = block * (th * tw) + live - strip * (th * tw)
    row, column = _coordinates(elements, tiling, array)
    code = (1 + row * tiling.plane[1] + column).astype(np.int32)[at]
    phases = sh * sw
    run = strip
    if phases > 1:
        phase = (row + tiling.origin[0]) % sh * sw + (column + tiling.origin[1]) % sw
        run = strip * phases + phase[at]
        order = np.argsort(run, kind="stable")
        run, code = run[order], code[order]
    counts = np.bincount(run, minlength=blocks * C * phases)
    return pack(counts.reshape(blocks, C, phases), code, array.activations)


def _coordinates(elements: Ints, tiling: Tiling, array: ScnnArray) -> tuple[Ints, Ints]:
    """Row and column in the plane of each (element, pixel of its tile), flat."""
    (th, tw), elements = tiling.tile, elements[:, None]
    pixel = np.arange(th * tw)
    row = elements // array.columns * th + pixel // tw
    column = elements % array.columns * tw + pixel % tw
    return row.reshape(-1), column.reshape(-1)
