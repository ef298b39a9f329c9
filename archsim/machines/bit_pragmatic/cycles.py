"""Bit-Pragmatic's cycle rule (MICRO 2017): activations enter serially, term by term, and a step
ends when the slowest of the activations that wait for each other is done.
docs/machines/bit_pragmatic.md has the rule.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from archsim.machines.bit_pragmatic.column_sync import end_times
from archsim.machines.bit_pragmatic.terms import TERM_COUNTS, brick_cycles, lane_bricks, term_masks
from archsim.machines.shared.geometry import Ints, ceil_div, pad_plane, window_view
from archsim.workload.convolution import Geometry, Pair

Sync = Literal["pallet", "column", "ideal"]
Steps = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.integer]


@dataclass(frozen=True)
class BitPragmaticArray:
    """`filters` x `columns` elements of `lanes` serial multipliers; columns may run ahead by
    `registers` steps.
    """

    filters: int = 64
    columns: int = 8
    lanes: int = 16
    first_stage_bits: int = 2
    sync: Sync = "column"
    registers: int = 1
    signed_digits: bool = False

    @property
    def multipliers(self) -> int:
        """Serial multipliers in all."""
        return self.filters * self.columns * self.lanes


@dataclass(frozen=True)
class BitPragmaticCycles:
    """Cycles and counts of one layer; `busy + sum(lost.values()) == cycles * multipliers`.

    `pass_cycles`: cycles of each window group (all filter groups), convolution group after
    convolution group, or brick after brick of a depthwise layer; one element for sync "ideal",
    whose cycles are floored, so that up to a cycle's worth of `terms` is not in `busy`. `terms`:
    shift-and-add steps. `macs`: multiplications by a non-zero activation. Reads are bytes.
    `additions`: steps in which a partial sum gets something to add: a (filter, column) adds up its
    lanes, unless all are empty; in depthwise layers every lane has a partial sum of its own.
    """

    pass_cycles: Ints
    terms: int
    macs: int
    busy: int
    weight_reads: int
    activation_reads: int
    additions: int
    lost: dict[str, int]

    @property
    def cycles(self) -> int:
        """Compute cycles of the layer."""
        return int(self.pass_cycles.sum())


@dataclass(frozen=True)
class _Plan:
    """Steps of one convolution group or depthwise brick: cycles (window groups, steps, columns), 0
    without a window.

    `lanes`: channels present at each step. `filters`: output channels; `rounds`: filter groups.
    `terms`, `macs`, `additions`: sums over all windows for one filter.
    """

    cycles: Steps
    lanes: Ints
    filters: int
    rounds: int
    terms: int
    macs: int
    additions: int


def layer_cycles(
    activations: Levels, out_channels: int, geometry: Geometry, array: BitPragmaticArray
) -> BitPragmaticCycles:
    """Cycles of a layer on activations (C, H, W); a linear layer with T positions is 1x1 on a
    plane (T, 1).

    A layer whose groups equal its input and output channels is depthwise: its lanes take filters.
    """
    plans = _plans(activations, out_channels, geometry, array)
    terms = sum(plan.terms * plan.filters for plan in plans)
    if array.sync == "ideal":
        passes = np.array([terms // array.multipliers], np.int64)
        busy = int(passes[0]) * array.multipliers
        lost: dict[str, int] = {}
    else:
        passes = _pass_cycles(plans, array)
        busy, lost = terms, _losses(plans, int(passes.sum()), terms, array)
    windows = int(np.prod(geometry.out_size(_plane(activations))))
    return BitPragmaticCycles(
        pass_cycles=passes,
        terms=terms,
        macs=sum(plan.macs * plan.filters for plan in plans),
        busy=busy,
        weight_reads=sum(len(p.cycles) * int(p.lanes.sum()) * p.filters for p in plans),
        activation_reads=sum(windows * int(p.lanes.sum()) * p.rounds for p in plans),
        additions=sum(plan.additions * plan.filters for plan in plans),
        lost=lost,
    )


def _plane(activations: Levels) -> Pair:
    return activations.shape[1], activations.shape[2]


def _plans(
    activations: Levels, out_channels: int, geometry: Geometry, array: BitPragmaticArray
) -> list[_Plan]:
    channels, groups = activations.shape[0], geometry.groups
    depthwise = groups == channels == out_channels and groups > 1
    each = array.lanes if depthwise else channels // groups
    filters = 1 if depthwise else out_channels // groups
    return [
        _plan(
            term_masks(activations[first : first + each], array.signed_digits),
            filters,
            geometry,
            array,
            depthwise,
        )
        for first in range(0, channels, each)
    ]


def _plan(
    terms: npt.NDArray[np.uint16],
    filters: int,
    geometry: Geometry,
    array: BitPragmaticArray,
    depthwise: bool,
) -> _Plan:
    """Steps of the windows over one group's term masks (channels, H, W), padding lasting one
    cycle.
    """
    full = lane_bricks(terms, array.lanes)
    cycles = brick_cycles(full, array.first_stage_bits)
    counted = TERM_COUNTS[terms].sum(axis=0)
    # An empty brick takes a cycle and adds nothing; in every other cycle a lane takes a term.
    added = counted if depthwise else np.where(full.any(axis=1), cycles, 0).sum(axis=0)
    view = window_view(pad_plane(cycles, geometry.padding, fill=1), geometry)
    bricks, rows, columns = view.shape[:3]
    steps = view.transpose(2, 1, 4, 3, 0).reshape(rows * columns, -1)
    groups = ceil_div(len(steps), array.columns)
    table = np.zeros((groups * array.columns, steps.shape[1]), np.uint8)
    table[: len(steps)] = steps
    present = np.minimum(array.lanes, len(terms) - np.arange(bricks) * array.lanes)
    return _Plan(
        cycles=table.reshape(groups, array.columns, -1).transpose(0, 2, 1),
        lanes=np.tile(present, geometry.kernel[0] * geometry.kernel[1]),
        filters=filters,
        rounds=ceil_div(filters, array.filters),
        terms=_window_sum(counted, geometry),
        macs=_window_sum(np.count_nonzero(terms, axis=0), geometry),
        additions=_window_sum(added, geometry),
    )


def _window_sum(plane: Ints, geometry: Geometry) -> int:
    """Return what a plane (H, W) adds up to when each window counts all it covers."""
    view = window_view(pad_plane(plane[None], geometry.padding, fill=0), geometry)
    return int(view.sum())


def _pass_cycles(plans: list[_Plan], array: BitPragmaticArray) -> Ints:
    if array.sync == "pallet":
        return np.concatenate(
            [p.cycles.max(axis=2).sum(axis=1, dtype=np.int64) * p.rounds for p in plans]
        )
    chains = [
        np.repeat(p.cycles[:, None], p.rounds, axis=1).reshape(-1, array.columns) for p in plans
    ]
    ends = end_times(np.concatenate(chains), array.registers)
    sizes = np.repeat([p.rounds * p.cycles.shape[1] for p in plans], [len(p.cycles) for p in plans])
    passes: Ints = np.diff(ends[np.cumsum(sizes) - 1], prepend=0)
    return passes


def _losses(
    plans: list[_Plan], cycles: int, terms: int, array: BitPragmaticArray
) -> dict[str, int]:
    """Multiplier-cycles lost: lanes with fewer terms than their brick's slowest, columns that
    wait, and absent lanes, filters and windows (an absent column is charged the time of the
    slowest present one).
    """
    busy_columns = np.zeros(array.columns, np.int64)
    absent = np.zeros(array.columns, np.int64)
    mapped = 0
    for plan in plans:
        own = plan.cycles.sum(axis=0, dtype=np.int64)
        mapped += int((own.sum(axis=1) * plan.lanes).sum()) * plan.filters
        busy_columns += own.sum(axis=0) * plan.rounds
        last = plan.cycles[-1]
        # Only the last window group can lack windows, and a column without one has no cycles.
        absent += (last[0] == 0) * int(last.max(axis=1).sum()) * plan.rounds
    size = array.lanes * array.filters
    waits = cycles - busy_columns
    absent = np.minimum(absent, waits)
    idle = int(busy_columns.sum()) * size - mapped
    return {
        "unmapped": idle + int(absent.sum()) * size,
        "lane_sync": mapped - terms,
        "line_sync": int((waits - absent).sum()) * size,
    }
