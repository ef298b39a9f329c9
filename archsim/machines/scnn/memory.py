"""SCNN's compressed operands: how many values its run-length format stores, fillers included
(ISCA 2017).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.compiled import compiled
from archsim.machines.scnn.elements import channel_blocks
from archsim.machines.scnn.tiling import ScnnArray
from archsim.machines.shared.geometry import Ints, Mask
from archsim.machines.shared.run_length import SCNN_SPAN, stored_entries
from archsim.workload.convolution import Geometry, Pair


def stored_weights(weights: NDArray[Any], geometry: Geometry, filters: int) -> Ints:
    """Stored values of each group of `filters` output channels of weights (K, C/g, R, S), or of
    the mask of them: (groups,).

    A block is one input channel of a group, in order (row, column, filter).
    """
    K, each = weights.shape[:2]
    per_group = K // geometry.groups
    if loops := compiled("vector_loops"):
        # Of a large layer not all at once; many convolution groups of few filters are small.
        step = filters if geometry.groups == 1 else K
        parts = (weights[first : first + step] != 0 for first in range(0, K, step))
        counted = [
            loops.count_stored_weights(live.reshape(len(live), each, -1), geometry.groups, filters)
            for live in parts
        ]
        return np.concatenate(counted)
    cube = weights.reshape(geometry.groups, per_group, each, -1)
    stored = []
    for first in range(0, per_group, filters):
        # The convolution groups are many where each has few filters: they are taken together.
        live = cube[:, first : first + filters] != 0
        blocks = live.transpose(0, 2, 3, 1).reshape(geometry.groups * each, -1)
        entries = stored_entries(blocks, SCNN_SPAN)
        stored.append(entries.reshape(geometry.groups, each).sum(axis=1))
    return np.stack(stored, axis=1).reshape(-1)


def stored_activations(
    activations: NDArray[Any], tile: Pair, array: ScnnArray, read: Mask | None = None
) -> Ints:
    """Stored values of each element for activations (C, H, W), or the mask of them, cut into
    tiles: (elements,). Rows that are not `read` (H,) are not there.

    A block is one channel of a tile, in row-major order.
    """
    C, H, W = activations.shape
    th, tw = tile
    stored = np.zeros((array.rows, array.columns), np.int64)
    full = min(array.columns, W // tw)
    loops, every = compiled("vector_loops"), np.ones(H, bool) if read is None else np.array(read)
    for channels in channel_blocks(slice(0, C), H * W):
        if loops:
            live = np.not_equal(activations[channels], 0, order="C")
            stored += loops.count_stored(live, every, tile, stored.shape)
            continue
        # Zeros below the plane come last in a tile and are not stored.
        rows = np.zeros((channels.stop - channels.start, array.rows * th, W), bool)
        np.not_equal(activations[channels], 0, out=rows[:, :H])
        if read is not None:
            rows[:, :H] = read_rows_first(rows[:, :H], read, th)
        stored[:, :full] += _stored_in_tiles(rows[:, :, : full * tw], (array.rows, full))
        if full < array.columns and full * tw < W:  # a narrower tile, whose rows are shorter
            stored[:, full : full + 1] += _stored_in_tiles(rows[:, :, full * tw :], (array.rows, 1))
    return stored.reshape(-1)


def read_rows_first(activations: Mask, read: Mask, tile_rows: int) -> Mask:
    """A mask (C, H, W) in which the rows of each tile that are `read` (H,) come first, and the
    others, emptied, last: it stores what the read rows alone would.
    """
    if read.all():
        return activations
    row = np.arange(len(read))
    order = np.lexsort((row, ~read, row // tile_rows))
    return (activations & read[:, None])[:, order]


def _stored_in_tiles(plane: Mask, tiles: Pair) -> Ints:
    """Stored values of equal `tiles` (down, across) of a plane (C, H, W)."""
    C, H, W = plane.shape
    down, across = tiles
    if across == 0:
        return np.zeros(tiles, np.int64)
    cut = plane.reshape(C, down, H // down, across, W // across).transpose(1, 3, 0, 2, 4)
    entries = stored_entries(cut.reshape(down * across * C, -1), SCNN_SPAN)
    stored: Ints = entries.reshape(down, across, C).sum(axis=2)
    return stored
