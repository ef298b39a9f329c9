"""Planes that SCNN's input memories cannot hold at once (ISCA 2017: temporal tiling). Every
element's tile is cut, and the parts are worked on in passes; partial sums at their edges go from
pass to pass as they go from element to element.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, prod

import numpy as np

from archsim.machines.scnn.memory import ENTRY_BITS, read_rows_first, stored_activations
from archsim.machines.scnn.tiling import Pass, ScnnArray, Tiling, grid_tiling
from archsim.machines.shared.geometry import Mask
from archsim.workload.convolution import Geometry, Pair


@dataclass(frozen=True)
class Passes:
    """All passes of a layer, and `stored`: the values that all elements hold in all of them."""

    parts: tuple[Pass, ...]
    stored: int

    @property
    def filters(self) -> int:
        """Output channels of a group, the same in every pass."""
        return self.parts[0].tiling.filters


def planar_passes(
    activations: Mask,
    geometry: Geometry,
    array: ScnnArray,
    capacity: int,
    read: Mask | None = None,
) -> Passes:
    """The fewest passes over a mask (C, H, W) in which what each element stores fits `capacity`
    bytes, cut by rows rather than by columns; single pixels of every tile where even they do not
    fit. Only the rows that are `read` (H,) are there, all unless it is given.
    """
    plane = activations.shape[1], activations.shape[2]
    read = np.ones(plane[0], np.bool_) if read is None else read
    activations = activations & read[:, None]
    whole = grid_tiling(plane, geometry, array)
    for cut in _cuts(whole.tile, int(np.count_nonzero(activations)), array, capacity):
        extents = list(_extents(whole, cut, array))
        parts = tuple(_part(activations, whole, extent, array) for extent in extents)
        # Single pixels cannot be cut further, so their capacity is not asked about.
        rows = [read[extent[0]] for extent in extents]
        stored = _stored(parts, rows, array, capacity if cut != whole.tile else inf)
        if stored is not None:
            break
    assert stored is not None  # the last cut is taken as it is
    tile = tuple(max(one.tiling.tile[axis] for one in parts) for axis in (0, 1))
    # The same filter groups in every pass, for their weights are stored once: the largest tile
    # decides how many filters the accumulators hold.
    outputs = geometry.reached((tile[0], tile[1]))
    filters = max(1, array.accumulators // prod(outputs))
    return Passes(
        tuple(replace(one, tiling=replace(one.tiling, filters=filters)) for one in parts), stored
    )


def _stored(
    parts: Sequence[Pass], rows: Sequence[Mask], array: ScnnArray, capacity: float
) -> int | None:
    """Values stored in all passes, `rows` being those read in each; None where an element's exceed
    `capacity` bytes in one.
    """
    total = 0
    for one, read in zip(parts, rows, strict=True):
        tile = one.tiling.tile
        kept = read_rows_first(one.activations, read, tile[0])
        of_elements = stored_activations(kept, tile, array)
        if int(of_elements.max()) * ENTRY_BITS > capacity * 8:
            return None
        total += int(of_elements.sum())
    return total


def _cuts(tile: Pair, nonzeros: int, array: ScnnArray, capacity: int) -> list[Pair]:
    """(parts of a tile's rows, parts of its columns) that may be enough, the fewest passes first
    and single pixels last.
    """
    enough = [
        (rows, columns)
        for rows in range(1, tile[0] + 1)
        for columns in range(1, tile[1] + 1)
        if rows * columns * array.elements * capacity * 8 >= nonzeros * ENTRY_BITS
    ]
    return sorted({*enough, tile}, key=lambda cut: (cut[0] * cut[1], cut[1]))


def _extents(whole: Tiling, cut: Pair, array: ScnnArray) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the plane that each pass takes, `cut` of them down and across."""
    down, across = (
        np.minimum(np.arange(cut[axis] + 1) * whole.tile[axis] // cut[axis] * count, plane).tolist()
        for axis, count, plane in zip((0, 1), (array.rows, array.columns), whole.plane, strict=True)
    )
    for top, bottom in pairwise(down):
        for left, right in pairwise(across):
            yield slice(top, bottom), slice(left, right)


def _part(activations: Mask, whole: Tiling, extent: tuple[slice, slice], array: ScnnArray) -> Pass:
    """A part of a plane, its rows and columns, on the whole grid."""
    mine = activations[:, extent[0], extent[1]]
    plane = mine.shape[1], mine.shape[2]
    tiling = replace(
        whole,
        plane=plane,
        origin=(whole.origin[0] + extent[0].start, whole.origin[1] + extent[1].start),
        tile=(-(-plane[0] // array.rows), -(-plane[1] // array.columns)),
    )
    return Pass(mine, tiling)
