"""The bricks of a layer, the cycles that each takes, and the windows that take them.

A layer is worked through a piece at a time: its terms are counted where they stand, and the windows
over its plane are laid out only as they are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt

from archsim.machines.bit_pragmatic.terms import (
    Masks,
    brick_cycles,
    lane_bricks,
    term_counts,
    term_masks,
)
from archsim.machines.shared.geometry import Ints, ceil_div, pad_plane, window_view
from archsim.workload.convolution import Geometry, Pair

Steps = npt.NDArray[np.uint8]

HELD = 1 << 17
"""Activations whose terms are found together, so that they stay in a cache."""
PIECE = 1 << 20
"""Cycles of windows that are laid out together."""


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
    over all windows for one filter.
    """

    cycles: Steps
    terms: int
    macs: int
    additions: int


def plane_terms(activations: npt.NDArray[np.integer], geometry: Geometry, bits: Bits) -> Terms:
    """The terms of activations (channels, H, W)."""
    channels, height, width = activations.shape
    bricks = ceil_div(channels, bits.lanes)
    cycles = np.empty((bricks, height, width), np.uint8)
    across = windows_over(geometry, (height, width), 1)
    down = windows_over(geometry, (height, width), 0)
    rows = max(1, min(height, HELD // (bits.lanes * width)))
    deep = max(1, HELD // (bits.lanes * rows * width))
    sums = np.zeros(3, np.int64)
    for first in range(0, bricks, deep):
        part = activations[first * bits.lanes : (first + deep) * bits.lanes]
        for top in range(0, height, rows):
            place = slice(top, top + rows)
            taken, *counts = _brick_terms(part[:, place], bits)
            cycles[first : first + deep, place] = taken
            # Of all bricks, over all windows that see a pixel.
            sums += [down[place] @ (count.sum(axis=0, dtype=np.int64) @ across) for count in counts]
    terms, macs, additions = (int(count) for count in sums)
    return Terms(cycles, terms, macs, additions)


def _brick_terms(activations: npt.NDArray[np.integer], bits: Bits) -> tuple[Masks, ...]:
    """Cycles of the bricks of some activations, and terms, multiplications and additions of each,
    (bricks, H, W)."""
    full = lane_bricks(term_masks(activations, bits.signed_digits), bits.lanes)
    cycles = brick_cycles(full, bits.first_stage_bits)
    small = np.min_scalar_type(bits.lanes * 8 * full.itemsize)
    counted = term_counts(full).sum(axis=1, dtype=small)
    taken = (full != 0).view(np.uint8).sum(axis=1, dtype=small)
    # An empty brick takes a cycle and adds nothing; in every other cycle a lane takes a term.
    added = counted if bits.apart else cycles * (counted > 0)
    return cycles, counted, taken, added


def windows_over(geometry: Geometry, plane: Pair, axis: int) -> Ints:
    """How many windows see each row (axis 0) or column (axis 1) of a plane."""
    before = geometry.padding[axis]
    starts = np.arange(geometry.out_size(plane)[axis]) * geometry.stride[axis] - before
    taps = np.arange(geometry.kernel[axis]) * geometry.dilation[axis]
    seen = (starts[:, None] + taps).reshape(-1)
    seen = seen[(seen >= 0) & (seen < plane[axis])]
    return np.bincount(seen, minlength=plane[axis])


@dataclass(frozen=True)
class Plan:
    """The steps of a layer, of one set of bricks after the other: a set is a convolution group, or
    a brick of a depthwise layer. Of each set, `columns` windows go together.

    `cycles` (sets, bricks, H, W) of each brick, `lanes` (sets, bricks) the channels in it;
    `filters`: output channels of a set; `rounds`: filter groups of a set.
    """

    cycles: Steps
    lanes: Ints
    geometry: Geometry
    columns: int
    filters: int
    rounds: int

    @property
    def taps(self) -> int:
        """Steps that each brick takes in a window."""
        return self.geometry.kernel[0] * self.geometry.kernel[1]

    @property
    def steps(self) -> int:
        """Steps of a window."""
        return self.taps * int(self.lanes.shape[1])

    @property
    def windows(self) -> int:
        """Windows of each set."""
        down, across = self.geometry.out_size(self.cycles.shape[2:])
        return int(down * across)

    @property
    def groups(self) -> int:
        """Groups of windows of each set."""
        return ceil_div(self.windows, self.columns)

    @cached_property
    def _view(self) -> Steps:
        """(sets, Q, P, S, R, bricks) cycles that each window sees, padding lasting one."""
        sets, bricks, height, width = self.cycles.shape
        flat = self.cycles.reshape(-1, height, width)
        padded = pad_plane(flat, self.geometry.padding, fill=1)
        # Bricks lie side by side, for they are taken side by side.
        turned = np.ascontiguousarray(padded.transpose(2, 1, 0)).transpose(2, 1, 0)
        seen = cast("Steps", window_view(turned, self.geometry))
        split = seen.reshape(sets, bricks, *seen.shape[1:])
        return split.transpose(0, 3, 2, 5, 4, 1)

    def tables(self) -> Iterator[Steps]:
        """Cycles of some window groups after the others, set after set, (groups, columns, steps):
        0 without a window."""
        each = self.columns * self.steps * self.rounds
        sets = max(1, PIECE // (each * self.groups))
        size = max(1, PIECE // each)
        for first in range(0, len(self.cycles), sets):
            for group in range(0, self.groups, size):
                count = min(size, self.groups - group)
                yield self._table(slice(first, first + sets), group, count)

    def last_groups(self) -> Steps:
        """(sets, columns, steps) cycles of the last window group of each set."""
        return self._table(slice(None), self.groups - 1, 1)

    def _table(self, sets: slice, group: int, count: int) -> Steps:
        """So many window groups of some sets, from a group on."""
        own, first = self._view[sets], group * self.columns
        windows = np.arange(first, min(first + count * self.columns, self.windows))
        down = own.shape[2]
        table = np.zeros((len(own), count * self.columns, self.steps), np.uint8)
        seen = own[:, windows // down, windows % down]
        table[:, : len(windows)] = seen.reshape(len(own), len(windows), self.steps)
        return table.reshape(-1, self.columns, self.steps)

    def column_cycles(self) -> Ints:
        """(columns,) cycles of the windows of each column, for one filter group."""
        fill = self.lanes.size
        padded = pad_plane(self._together[None], self.geometry.padding, fill=fill)
        by_window = np.zeros(self.groups * self.columns, np.int64)
        seen = cast("Ints", window_view(padded, self.geometry))[0]
        by_window[: self.windows] = seen.sum(axis=(2, 3)).T.reshape(-1)
        total: Ints = by_window.reshape(-1, self.columns).sum(axis=0)
        return total

    def lane_cycles(self) -> int:
        """Cycles of all windows for one filter, times the channels that are in a brick."""
        plane = (self.cycles.shape[2], self.cycles.shape[3])
        across, down = (windows_over(self.geometry, plane, axis) for axis in (1, 0))
        most = self.lanes.max()
        # Few bricks lack channels: the last one of a set.
        fewer = self.lanes < most
        lacking = np.tensordot(most - self.lanes[fewer], self.cycles[fewer], axes=1)
        there = int(down @ (most * self._together - lacking) @ across)
        beside = self.windows * self.taps - int(down.sum()) * int(across.sum())
        return there + beside * int(self.lanes.sum())

    @cached_property
    def _together(self) -> Ints:
        """(H, W) cycles of all bricks of all sets."""
        total: Ints = self.cycles.sum(axis=(0, 1), dtype=np.int64)
        return total
