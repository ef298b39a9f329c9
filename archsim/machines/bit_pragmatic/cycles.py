"""Bit-Pragmatic's cycle rule (MICRO 2017): activations enter serially, term by term, and a step
ends when the slowest of the activations that wait for each other is done.
docs/machines/bit_pragmatic.md has the rule.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from archsim.machines.bit_pragmatic.column_sync import ends_after
from archsim.machines.bit_pragmatic.plan import Bits, Plan, plane_terms
from archsim.machines.shared.geometry import Ints, ceil_div, differences
from archsim.workload.convolution import Geometry, Pair

Sync = Literal["pallet", "column", "ideal"]
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
        weight_reads=sum(plan.groups * int(plan.lanes.sum()) * plan.filters for plan in plans),
        activation_reads=sum(windows * int(plan.lanes.sum()) * plan.rounds for plan in plans),
        additions=sum(plan.additions * plan.filters for plan in plans),
        lost=lost,
    )


def _plane(activations: Levels) -> Pair:
    return activations.shape[1], activations.shape[2]


def _plans(
    activations: Levels, out_channels: int, geometry: Geometry, array: BitPragmaticArray
) -> list[Plan]:
    channels, groups = activations.shape[0], geometry.groups
    depthwise = groups == channels == out_channels and groups > 1
    each = array.lanes if depthwise else channels // groups
    filters = 1 if depthwise else out_channels // groups
    bits = Bits(array.lanes, array.first_stage_bits, array.signed_digits, apart=depthwise)
    return [
        Plan(
            plane=plane_terms(activations[first : first + each], geometry, bits),
            geometry=geometry,
            columns=array.columns,
            filters=filters,
            rounds=ceil_div(filters, array.filters),
        )
        for first in range(0, channels, each)
    ]


def _pass_cycles(plans: list[Plan], array: BitPragmaticArray) -> Ints:
    if array.sync == "pallet":
        return np.concatenate(
            [
                block.max(axis=2).sum(axis=1, dtype=np.int64) * plan.rounds
                for plan in plans
                for block in plan.tables()
            ]
        )
    chains = (
        np.repeat(block[:, None], plan.rounds, axis=1).reshape(-1, array.columns)
        for plan in plans
        for block in plan.tables()
    )
    sizes = np.concatenate(
        [np.full(plan.groups, plan.rounds * len(plan.lanes), np.int64) for plan in plans]
    )
    return differences(ends_after(np.cumsum(sizes), chains, array.registers))


def _losses(plans: list[Plan], cycles: int, terms: int, array: BitPragmaticArray) -> dict[str, int]:
    """Multiplier-cycles lost: lanes with fewer terms than their brick's slowest, columns that
    wait, and absent lanes, filters and windows (an absent column is charged the time of the
    slowest present one).
    """
    busy_columns = np.zeros(array.columns, np.int64)
    absent = np.zeros(array.columns, np.int64)
    mapped = 0
    for plan in plans:
        own, last = np.zeros((len(plan.lanes), array.columns), np.int64), None
        for block in plan.tables():
            own += block.sum(axis=0, dtype=np.int64)
            last = block[-1]
        assert last is not None
        mapped += int((own.sum(axis=1) * plan.lanes).sum()) * plan.filters
        busy_columns += own.sum(axis=0) * plan.rounds
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
