"""The bricks of a convolution group, the cycles that each takes, and the windows that take them.

A layer is worked through a piece at a time: its terms are counted where they stand, and the windows
over its plane are laid out only as they are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt

from archsim.machines.bit_pragmatic.terms import brick_cycles, lane_bricks, term_counts, term_masks
from archsim.machines.shared.geometry import Ints, ceil_div, pad_plane, window_view
from archsim.workload.convolution import Geometry, Pair

Steps = npt.NDArray[np.uint8]

PIECE = 1 << 20
"""Activations whose terms are found together, and cycles of windows laid out together."""


@dataclass(frozen=True)
class Bits:
    """How lanes take the bits of a brick, as on `BitPragmaticArray`; `apart`: each lane has a
    partial sum of its own."""

    lanes: int
    first_stage_bits: int
    signed_digits: bool
    apart: bool


@dataclass(frozen=True)
class Terms:
    """Cycles of each brick of a plane (bricks, H, W); `terms`, `macs` and `additions` are sums
    over all windows for one filter, `lanes` (bricks,) the channels of each brick.
    """

    cycles: Steps
    lanes: Ints
    terms: int
    macs: int
    additions: int


def plane_terms(activations: npt.NDArray[np.integer], geometry: Geometry, bits: Bits) -> Terms:
    """The terms of one group's activations (channels, H, W)."""
    channels, height, width = activations.shape
    bricks = ceil_div(channels, bits.lanes)
    cycles = np.empty((bricks, height, width), np.uint8)
    across = _windows_over(geometry, (height, width), 1)
    down = _windows_over(geometry, (height, width), 0)
    rows = max(1, min(height, PIECE // (bits.lanes * width)))
    deep = max(1, PIECE // (bits.lanes * rows * width))
    sums = np.zeros(3, np.int64)
    for first in range(0, bricks, deep):
        part = activations[first * bits.lanes : (first + deep) * bits.lanes]
        for top in range(0, height, rows):
            place = slice(top, top + rows)
            taken, *counts = _brick_terms(part[:, place], bits)
            cycles[first : first + deep, place] = taken
            sums += [down[place] @ (count @ across) for count in counts]
    terms, macs, additions = (int(count) for count in sums)
    lanes = np.minimum(bits.lanes, channels - np.arange(bricks) * bits.lanes)
    return Terms(cycles, lanes, terms, macs, additions)


def _brick_terms(
    activations: npt.NDArray[np.integer], bits: Bits
) -> tuple[Steps, Ints, Ints, Ints]:
    """Cycles of the bricks of some activations (bricks, H, W), and terms, multiplications and
    additions at each pixel (H, W)."""
    terms = term_masks(activations, bits.signed_digits)
    full = lane_bricks(terms, bits.lanes)
    cycles = brick_cycles(full, bits.first_stage_bits)
    counted = term_counts(terms).sum(axis=0)
    # An empty brick takes a cycle and adds nothing; in every other cycle a lane takes a term.
    live = full.any(axis=1)
    added = counted if bits.apart else np.where(live, cycles, 0).sum(axis=0, dtype=np.int64)
    return cycles, counted, np.count_nonzero(terms, axis=0), added


def _windows_over(geometry: Geometry, plane: Pair, axis: int) -> Ints:
    """How many windows see each row (axis 0) or column (axis 1) of a plane."""
    before = geometry.padding[axis]
    starts = np.arange(geometry.out_size(plane)[axis]) * geometry.stride[axis] - before
    taps = np.arange(geometry.kernel[axis]) * geometry.dilation[axis]
    seen = (starts[:, None] + taps).reshape(-1)
    seen = seen[(seen >= 0) & (seen < plane[axis])]
    return np.bincount(seen, minlength=plane[axis])


@dataclass(frozen=True)
class Plan:
    """The steps of one convolution group or depthwise brick; `columns` windows go together.

    `filters`: output channels; `rounds`: filter groups.
    """

    plane: Terms
    geometry: Geometry
    columns: int
    filters: int
    rounds: int

    @property
    def terms(self) -> int:
        """Terms that all windows take for one filter; `macs` and `additions` likewise."""
        return self.plane.terms

    @property
    def macs(self) -> int:
        return self.plane.macs

    @property
    def additions(self) -> int:
        return self.plane.additions

    @property
    def lanes(self) -> Ints:
        """(steps,) channels present at each step of a window."""
        return np.tile(self.plane.lanes, self.geometry.kernel[0] * self.geometry.kernel[1])

    @property
    def groups(self) -> int:
        """Groups of windows."""
        across, down = self._view.shape[:2]
        return ceil_div(int(across * down), self.columns)

    @cached_property
    def _view(self) -> Steps:
        """(Q, P, S, R, bricks) cycles that each window sees, padding lasting one."""
        padded = pad_plane(self.plane.cycles, self.geometry.padding, fill=1)
        return cast("Steps", window_view(padded, self.geometry)).transpose(2, 1, 4, 3, 0)

    def tables(self) -> Iterator[Steps]:
        """Cycles of some window groups after the others, (groups, steps, columns): 0 without a
        window."""
        across, down = self._view.shape[:2]
        steps = len(self.lanes)
        size = max(1, PIECE // (self.columns * steps * self.rounds))
        for first in range(0, self.groups, size):
            count = min(size, self.groups - first)
            windows = np.arange(first * self.columns, (first + count) * self.columns)
            there = windows[windows < across * down]
            table = np.zeros((len(windows), steps), np.uint8)
            table[: len(there)] = self._view[there // down, there % down].reshape(-1, steps)
            yield table.reshape(count, self.columns, steps).transpose(0, 2, 1)
