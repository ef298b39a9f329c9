"""Planes that SCNN's memories cannot hold at once (ISCA 2017: temporal tiling). The tile of every
element is cut, and the parts are worked on in passes; partial sums at their edges go from pass to
pass as they go from element to element.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, product
from math import inf, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.fill import Counts, Cut
from archsim.machines.scnn.memory import stored_activations
from archsim.machines.scnn.tiling import Pass, ScnnArray, Tiling, grid_tiling
from archsim.machines.shared.geometry import Ints, Mask, ceil_div
from archsim.workload.convolution import Geometry, Pair
from archsim.workload.rows import rows_read


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
    activations: NDArray[Any], geometry: Geometry, array: ScnnArray, capacity: int
) -> Passes:
    """The fewest passes over activations (C, H, W) in which what each element stores fits
    `capacity` bytes, and the outputs of a filter its accumulators; cut by rows rather than by
    columns, single pixels of every tile where even they do not fit. Rows that no window reads are
    not there.
    """
    return _fewest(_Plane.of(activations, geometry, array), capacity)[1]


def fewest_operations(
    weights: NDArray[Any],
    activations: NDArray[Any],
    geometry: Geometry,
    array: ScnnArray,
    capacity: int,
) -> Passes:
    """Passes as `planar_passes`, or more of them where that saves operations: smaller tiles allow
    larger filter groups, and few filters fill no vectors of weights.
    """
    plane = _Plane.of(activations, geometry, array)
    least, few = _fewest(plane, capacity)
    each = weights.shape[0] // geometry.groups
    if len(few.parts) == 1 and few.filters >= each:
        return few
    cuts = {}
    for cut in _ladder(plane.whole.tile, least):
        filters = max(1, plane.filters(cut))
        cuts[cut] = Cut(plane.edges(cut, 0), plane.edges(cut, 1), filters)
        # What half the memory would have taken is looked at too.
        if filters >= each and prod(cut) >= 2 * len(few.parts):
            break
    counts = Counts(weights, activations, plane.read, geometry, array)
    cost = dict(zip(cuts, counts.operations(tuple(cuts.values())), strict=True))
    # Among equals the fewest passes, which come first and fit, stay.
    cheapest = sorted(cost, key=lambda cut: cost[cut])
    tried = (few if cut == least else plane.passes(cut, capacity) for cut in cheapest)
    return next(found for found in tried if found is not None)


def _cuts(tile: Pair) -> list[Pair]:
    """(parts of a tile's rows, parts of its columns), the fewest first, by rows rather than by
    columns.
    """
    every = product(range(1, tile[0] + 1), range(1, tile[1] + 1))
    return sorted(every, key=lambda cut: (prod(cut), cut[1]))


def _ladder(tile: Pair, least: Pair) -> list[Pair]:
    """The cut `least` and cuts into more parts, each a seventh more than the one before where they
    are many.
    """
    ladder = [least]
    for cut in _cuts(tile):
        if prod(cut) > prod(ladder[-1]) * 8 // 7:
            ladder.append(cut)
    return ladder


@dataclass(frozen=True)
class _Plane:
    """Activations (C, H, W) on the grid, and the ways to cut their tiles; `read` (H,) are the rows
    that some window reads: what stands in others is not there.
    """

    activations: NDArray[Any]
    read: Mask
    geometry: Geometry
    array: ScnnArray

    @classmethod
    def of(cls, activations: NDArray[Any], geometry: Geometry, array: ScnnArray) -> "_Plane":
        """The plane of a layer."""
        read = rows_read(geometry, (activations.shape[1], activations.shape[2]))
        return cls(activations, read, geometry, array)

    @cached_property
    def whole(self) -> Tiling:
        """The plane in one pass."""
        size = self.activations.shape[1], self.activations.shape[2]
        return grid_tiling(size, self.geometry, self.array)

    @cached_property
    def nonzeros(self) -> int:
        """Of all channels."""
        if self.read.all():
            return int(np.count_nonzero(self.activations))
        return sum(int(np.count_nonzero(rows[self.read])) for rows in self.activations)

    def filters(self, cut: Pair) -> int:
        """Filters whose outputs of a tile's largest part fit the accumulators, perhaps none."""
        largest = ceil_div(self.whole.tile[0], cut[0]), ceil_div(self.whole.tile[1], cut[1])
        return self.array.filters_of(prod(self.geometry.reached(largest)))

    def passes(self, cut: Pair, capacity: float) -> Passes | None:
        """The passes of a cut, None where an element stores more than `capacity` bytes in one."""
        parts = [self._part(rows, columns) for rows, columns in self._extents(cut)]
        stored = _stored(parts, self.array, capacity)
        if stored is None:
            return None
        # The same filter groups in every pass, for their weights are stored once: the largest tile
        # decides how many filters the accumulators hold.
        tile = tuple(max(one.tiling.tile[axis] for one in parts) for axis in (0, 1))
        filters = max(1, self.array.filters_of(prod(self.geometry.reached((tile[0], tile[1])))))
        alike = (replace(one, tiling=replace(one.tiling, filters=filters)) for one in parts)
        return Passes(tuple(alike), stored)

    def _bounds(self, cut: Pair, axis: int) -> Ints:
        """Where the parts of the plane that passes take begin and end along one axis."""
        count = (self.array.rows, self.array.columns)[axis]
        ends = np.arange(cut[axis] + 1) * self.whole.tile[axis] // cut[axis] * count
        bounds: Ints = np.minimum(ends, self.whole.plane[axis])
        return bounds

    def edges(self, cut: Pair, axis: int) -> Ints:
        """Where the elements' tiles begin and end along one axis, (passes, elements + 1)."""
        bounds, count = self._bounds(cut, axis), (self.array.rows, self.array.columns)[axis]
        tile = ceil_div(np.diff(bounds), count)
        starts = bounds[:-1, None] + tile[:, None] * np.arange(count + 1)
        edges: Ints = np.minimum(starts, bounds[1:, None])
        return edges

    def _extents(self, cut: Pair) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of the plane that each pass takes, `cut` of them down and across."""
        down, across = (self._bounds(cut, axis).tolist() for axis in (0, 1))
        for top, bottom in pairwise(down):
            for left, right in pairwise(across):
                yield slice(top, bottom), slice(left, right)

    def _part(self, rows: slice, columns: slice) -> Pass:
        """A part of the plane on the whole grid."""
        mine, whole = self.activations[:, rows, columns], self.whole
        size = mine.shape[1], mine.shape[2]
        tiling = replace(
            whole,
            plane=size,
            origin=(whole.origin[0] + rows.start, whole.origin[1] + columns.start),
            tile=(-(-size[0] // self.array.rows), -(-size[1] // self.array.columns)),
        )
        return Pass(mine, tiling, self.read[rows])


def _fewest(plane: _Plane, capacity: float) -> tuple[Pair, Passes]:
    """The cut into the fewest parts that fit, the first of several, and its passes."""
    pixels, bits = plane.whole.tile, plane.array.activation_entry_bits
    enough = [
        cut
        for cut in _cuts(pixels)
        if prod(cut) * plane.array.elements * capacity * 8 >= plane.nonzeros * bits
        # Where not even the outputs of single pixels fit, cutting does not help.
        and plane.filters(cut) >= min(1, plane.filters(pixels))
    ]
    for cut in enough:
        found = plane.passes(cut, capacity)
        if found is not None:
            return cut, found
    # Single pixels cannot be cut further, so they are taken as they are.
    found = plane.passes(pixels, inf)
    assert found is not None  # of infinite capacity
    return pixels, found


def _stored(parts: Sequence[Pass], array: ScnnArray, capacity: float) -> int | None:
    """Values stored in all passes; None where an element's exceed `capacity` bytes in one."""
    total = 0
    for one in parts:
        of_elements = stored_activations(one.values, one.tiling.tile, array, one.read)
        if int(of_elements.max()) * array.activation_entry_bits > capacity * 8:
            return None
        total += int(of_elements.sum())
    return total
