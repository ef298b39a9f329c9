"""Planes that SCNN's input memories cannot hold at once (ISCA 2017: temporal tiling). Every
element's tile is cut, and the parts are worked on in passes; partial sums at their edges go from
pass to pass as they go from element to element.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, prod

import numpy as np

from archsim.machines.scnn.memory import ENTRY_BITS, stored_activations
from archsim.machines.scnn.operations import operands
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
    activations: Mask, geometry: Geometry, array: ScnnArray, capacity: int, filters: int = 1
) -> Passes:
    """The fewest passes over a mask (C, H, W) in which what each element stores fits `capacity`
    bytes, and the outputs of so many filters its accumulators; cut by rows rather than by columns,
    single pixels of every tile where even they do not fit.
    """
    plane = activations.shape[1], activations.shape[2]
    whole = grid_tiling(plane, geometry, array)
    cuts = _cuts(whole.tile, int(np.count_nonzero(activations)), array, capacity)
    # Where not even the outputs of single pixels fit, cutting does not help.
    filters = min(filters, _filters(whole.tile, whole.tile, geometry, array))
    for cut in cuts:
        if _filters(whole.tile, cut, geometry, array) < filters:
            continue
        extents = list(_extents(whole, cut, array))
        parts = tuple(_part(activations, whole, extent, array) for extent in extents)
        # Single pixels cannot be cut further, so their capacity is not asked about.
        stored = _stored(parts, array, capacity if cut != whole.tile else inf)
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


def fewest_operations(
    weights: Mask, activations: Mask, geometry: Geometry, array: ScnnArray, capacity: int
) -> Passes:
    """Passes as `planar_passes`, or more of them where the larger filter groups that smaller tiles
    allow save operations: a channel of few filters fills no vectors of weights.
    """
    each = weights.shape[0] // geometry.groups
    best = planar_passes(activations, geometry, array, capacity)
    least = _operations(weights, best, geometry, array)
    filters = best.filters
    while filters < each:
        filters = min(each, 2 * filters)
        found = planar_passes(activations, geometry, array, capacity, filters)
        work = _operations(weights, found, geometry, array)
        if work >= least or found.filters < filters:
            break
        best, least, filters = found, work, found.filters
    return best


def _operations(weights: Mask, passes: Passes, geometry: Geometry, array: ScnnArray) -> int:
    """Those of the busiest element in all groups and passes, which are the cycles but for banks."""
    layers = operands(weights, passes.parts, geometry, array)
    return sum(int(one.operations.max(axis=1).sum()) for one in layers)


def _filters(tile: Pair, cut: Pair, geometry: Geometry, array: ScnnArray) -> int:
    """Filters whose outputs of a part of a tile fit the accumulators, perhaps none."""
    largest = -(-tile[0] // cut[0]), -(-tile[1] // cut[1])
    return array.accumulators // prod(geometry.reached(largest))


def _stored(parts: Sequence[Pass], array: ScnnArray, capacity: float) -> int | None:
    """Values stored in all passes, None where an element's exceed `capacity` bytes in one."""
    total = 0
    for one in parts:
        of_elements = stored_activations(one.activations, one.tiling.tile, array)
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
