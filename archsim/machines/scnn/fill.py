"""How well tiles and filter groups of a size fill SCNN's vectors, from counts of non-zeros alone:
smaller tiles allow larger filter groups, which fill vectors of weights, and larger tiles fill
vectors of activations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.tiling import ScnnArray, phase_of_taps
from archsim.machines.shared.geometry import Ints, Mask, ceil_div
from archsim.workload.convolution import Geometry

PIXELS = 1 << 20
"""Of the channels that are summed together."""
SUMS = 1 << 22
"""Of elements, filter groups and passes that are held together."""


@dataclass(frozen=True)
class Cut:
    """A way to cut a plane: tiles begin and end at (passes, elements + 1) `rows` and `columns`;
    `filters` make a group.
    """

    rows: Ints
    columns: Ints
    filters: int

    @property
    def passes(self) -> int:
        """Passes over the plane."""
        return len(self.rows) * len(self.columns)


class Counts:
    """A layer's non-zeros, of weights (K, C/g, R, S) and of activations (C, H, W) in the rows that
    are `read` (H,).
    """

    def __init__(
        self,
        weights: NDArray[Any],
        activations: NDArray[Any],
        read: Mask,
        geometry: Geometry,
        array: ScnnArray,
    ) -> None:
        self.geometry, self.array, self.read = geometry, array, read
        K, self.channels, R, S = weights.shape
        self.each = K // geometry.groups
        self.activations = activations.reshape(
            geometry.groups, self.channels, *activations.shape[1:]
        )
        phase = phase_of_taps(geometry)
        taps = weights.reshape(geometry.groups, self.each, self.channels, R * S)
        kind = np.min_scalar_type(R * S)
        self.weights = np.stack(
            [
                np.count_nonzero(taps[..., phase == one], axis=3).astype(kind)
                for one in range(prod(geometry.stride))
            ],
            axis=3,
        )

    @cached_property
    def _groups_together(self) -> int:
        """Convolution groups that are worked on at once."""
        return max(1, PIXELS // int(prod(self.activations.shape[1:])))

    def _before(self, groups: slice, channels: slice) -> Ints:
        """Non-zeros above and left of each pixel by stride phase, (phases, groups, channels, H + 1,
        W + 1).
        """
        (sh, sw), (top, left) = self.geometry.stride, self.geometry.padding[:2]
        plane = (self.activations[groups, channels] != 0) & self.read[:, None]
        *many, height, width = plane.shape
        before = np.zeros((sh * sw, *many, height + 1, width + 1), np.int32)
        for phase in range(sh * sw):
            row, column = (phase // sw - top) % sh, (phase % sw - left) % sw
            before[phase, :, :, 1 + row :: sh, 1 + column :: sw] = plane[..., row::sh, column::sw]
        np.cumsum(before, axis=3, out=before)
        return np.cumsum(before, axis=4, out=before)

    def operations(self, cuts: Sequence[Cut]) -> list[int]:
        """Operations of the busiest element, summed over groups and passes, of each cut."""
        total = [0] * len(cuts)
        for batch in self._batches(cuts):
            parts = [part for _, part in batch]
            for (number, _), more in zip(batch, self._of_parts(parts), strict=True):
                total[number] += more
        return total

    def _sums(self, cut: Cut) -> int:
        """Operations of single elements that are held for a cut."""
        starts = ceil_div(self.each, cut.filters)
        return int(self._groups_together * starts * cut.passes * self.array.elements)

    def _batches(self, cuts: Sequence[Cut]) -> Iterator[list[tuple[int, Cut]]]:
        """Parts of the cuts with the cut's number, as many together as may be held."""
        batch: list[tuple[int, Cut]] = []
        held = 0
        for number, cut in enumerate(cuts):
            step = max(1, SUMS * len(cut.rows) // max(1, self._sums(cut)))
            for first in range(0, len(cut.rows), step):
                part = replace(cut, rows=cut.rows[first : first + step])
                if batch and held + self._sums(part) > SUMS:
                    yield batch
                    batch, held = [], 0
                batch.append((number, part))
                held += self._sums(part)
        if batch:
            yield batch

    def _of_parts(self, parts: Sequence[Cut]) -> list[int]:
        """As `operations`, of parts of cuts that may be held together."""
        total = [0.0] * len(parts)
        together = self._groups_together
        step = max(1, PIXELS // int(prod(self.activations.shape[2:])))
        for group in range(0, self.geometry.groups, together):
            groups = slice(group, min(group + together, self.geometry.groups))
            # Sums over all channels of a group; floats are exact below 2^53.
            issued: list[Any] = [0.0] * len(parts)
            for first in range(0, self.channels, step):
                channels = slice(first, min(first + step, self.channels))
                before = self._before(groups, channels)
                for number, part in enumerate(parts):
                    issued[number] += self._issued(before, part, groups, channels)
            for number, sums in enumerate(issued):
                total[number] += sums.reshape(-1, self.array.elements).max(axis=1).sum()
        return [round(sums) for sums in total]

    def _issued(self, before: Ints, part: Cut, groups: slice, channels: slice) -> Any:
        """Operations in some channels, (groups, filter groups, passes x elements)."""
        counts = _between(_between(before, part.columns, 4), part.rows, 3)
        # By phase, group, channel; pass down, element down; pass across, element across.
        vectors = ceil_div(counts, self.array.activations)
        vectors = vectors.transpose(1, 2, 0, 3, 5, 4, 6).reshape(
            vectors.shape[1], -1, part.passes * self.array.elements
        )
        starts = np.arange(0, self.each, part.filters)
        mine = self.weights[groups, :, channels]
        runs = ceil_div(np.add.reduceat(mine, starts, axis=1, dtype=np.int64), self.array.weights)
        left = runs.reshape(len(runs), len(starts), -1).astype(np.float64)
        return left @ vectors.astype(np.float64)


def _between(before: Ints, edges: Ints, axis: int) -> Ints:
    """Counts between `edges` (passes, elements + 1) along an axis, which becomes two."""
    return np.diff(before.take(edges, axis=axis), axis=axis + 1)
