"""How well tiles and filter groups of a size fill SCNN's vectors, from counts of non-zeros alone:
smaller tiles allow larger filter groups, which fill vectors of weights, and larger tiles fill
vectors of activations.
"""

from functools import cached_property
from math import prod

import numpy as np

from archsim.machines.scnn.tiling import ScnnArray, phase_of_taps
from archsim.machines.shared.geometry import Ints, Mask, ceil_div
from archsim.workload.convolution import Geometry


class Counts:
    """A layer's non-zeros, weights (K, C/g, R, S) and activations (C, H, W), counted once."""

    def __init__(
        self, weights: Mask, activations: Mask, geometry: Geometry, array: ScnnArray
    ) -> None:
        self.geometry, self.array = geometry, array
        self.activations, self.plane = activations, (activations.shape[1], activations.shape[2])
        K, self.channels, R, S = weights.shape
        self.each = K // geometry.groups
        phase = phase_of_taps(geometry)
        taps = weights.reshape(geometry.groups, self.each, self.channels, R * S)
        self.weights = np.stack(
            [
                taps[..., phase == one].sum(axis=3, dtype=np.int64)
                for one in range(prod(geometry.stride))
            ],
            axis=3,
        )

    @cached_property
    def before(self) -> Ints:
        """Non-zeros above and left of each pixel by stride phase, (phases, C, H + 1, W + 1)."""
        (sh, sw), (top, left) = self.geometry.stride, self.geometry.padding[:2]
        C, H, W = self.activations.shape
        before = np.zeros((sh * sw, C, H + 1, W + 1), np.int32)
        for phase in range(sh * sw):
            row, column = (phase // sw - top) % sh, (phase % sw - left) % sw
            before[phase, :, 1 + row :: sh, 1 + column :: sw] = self.activations[
                :, row::sh, column::sw
            ]
        return before.cumsum(axis=2, dtype=np.int32).cumsum(axis=3, dtype=np.int32)

    def operations(self, rows: Ints, columns: Ints, filters: int) -> int:
        """Operations of the busiest element, summed over groups and passes; tiles begin and end at
        (passes, elements + 1) `rows` and `columns`.
        """
        below = np.diff(self.before[:, :, rows], axis=3)
        counts = np.diff(below[..., columns], axis=5)
        vectors = ceil_div(counts, self.array.activations)
        # (phases, C, down, rows, across, columns) to (groups, C/g x phases, passes x elements)
        of_groups = self.geometry.groups
        vectors = vectors.transpose(1, 0, 2, 4, 3, 5).reshape(
            of_groups, -1, vectors.shape[2] * vectors.shape[4], self.array.elements
        )
        starts = np.arange(0, self.each, filters)
        runs = ceil_div(np.add.reduceat(self.weights, starts, axis=1), self.array.weights)
        total = 0.0
        for weight, activation in zip(runs, vectors, strict=True):
            left = weight.reshape(len(starts), -1).astype(np.float64)
            issued = left @ activation.reshape(left.shape[1], -1).astype(np.float64)
            total += issued.reshape(-1, self.array.elements).max(axis=1).sum()
        return round(total)
