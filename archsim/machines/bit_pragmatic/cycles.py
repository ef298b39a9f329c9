"""Bit-Pragmatic's cycle rule (MICRO 2017): activations enter serially, term by term, and a step
ends when the slowest of the activations that wait for each other is done.
docs/machines/bit_pragmatic.md has the rule.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from archsim.machines.bit_pragmatic.column_sync import pass_cycles
from archsim.machines.bit_pragmatic.plan import Bits, Plan, Terms, plane_terms
from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.shared.groups import part_sizes
from archsim.workload.convolution import Geometry

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
    plan, found = _plan(activations, out_channels, geometry, array)
    terms = found.terms * plan.filters
    if array.sync == "ideal":
        passes = np.array([terms // array.multipliers], np.int64)
        busy = int(passes[0]) * array.multipliers
        lost: dict[str, int] = {}
    else:
        passes = _pass_cycles(plan, array)
        busy, lost = terms, _losses(plan, int(passes.sum()), terms, array)
    lanes = int(plan.lanes.sum()) * plan.taps
    return BitPragmaticCycles(
        pass_cycles=passes,
        terms=terms,
        macs=found.macs * plan.filters,
        busy=busy,
        weight_reads=plan.groups * lanes * plan.filters,
        activation_reads=plan.windows * lanes * plan.rounds,
        additions=found.additions * plan.filters,
        lost=lost,
    )


def _plan(
    activations: Levels, out_channels: int, geometry: Geometry, array: BitPragmaticArray
) -> tuple[Plan, Terms]:
    channels, groups = activations.shape[0], geometry.groups
    depthwise = groups == channels == out_channels and groups > 1
    bits = Bits(array.lanes, array.first_stage_bits, array.signed_digits, apart=depthwise)
    if depthwise:
        filters, lanes = 1, part_sizes(channels, array.lanes)[:, None]
    else:
        filters = out_channels // groups
        lanes = np.tile(part_sizes(channels // groups, array.lanes), (groups, 1))
        activations = _whole_bricks(activations, lanes, array.lanes)
    found = plane_terms(activations, geometry, bits)
    plan = Plan(
        cycles=found.cycles.reshape(*lanes.shape, *activations.shape[1:]),
        lanes=lanes,
        geometry=geometry,
        columns=array.columns,
        filters=filters,
        rounds=ceil_div(filters, array.filters),
    )
    return plan, found


def _whole_bricks(activations: Levels, lanes: Ints, width: int) -> Levels:
    """Activations in which no brick has channels of two convolution groups; of `lanes` (groups,
    bricks) channels."""
    groups, bricks = lanes.shape
    missing = groups * bricks * width - len(activations)
    if groups == 1 or not missing:
        return activations
    apart = activations.reshape(groups, -1, *activations.shape[1:])
    padded = np.pad(apart, ((0, 0), (0, missing // groups), (0, 0), (0, 0)))
    return padded.reshape(-1, *activations.shape[1:])


def _pass_cycles(plan: Plan, array: BitPragmaticArray) -> Ints:
    if array.sync == "pallet":
        return np.concatenate(
            [table.max(axis=1).sum(axis=1, dtype=np.int64) * plan.rounds for table in plan.tables()]
        )
    shape = len(plan.lanes) * plan.groups, plan.steps
    return pass_cycles(plan.tables(), shape, plan.rounds, array.registers)


def _losses(plan: Plan, cycles: int, terms: int, array: BitPragmaticArray) -> dict[str, int]:
    """Multiplier-cycles lost: lanes with fewer terms than their brick's slowest, columns that
    wait, and absent lanes, filters and windows (an absent column is charged the time of the
    slowest present one).
    """
    mapped = plan.lane_cycles() * plan.filters
    busy_columns = plan.column_cycles() * plan.rounds
    absent = np.zeros(array.columns, np.int64)
    if plan.windows % array.columns:
        # Only the last window group can lack windows.
        slowest = plan.last_groups().max(axis=1).sum(dtype=np.int64)
        absent[plan.windows % array.columns :] = slowest * plan.rounds
    size = array.lanes * array.filters
    waits = cycles - busy_columns
    absent = np.minimum(absent, waits)
    idle = int(busy_columns.sum()) * size - mapped
    return {
        "unmapped": idle + int(absent.sum()) * size,
        "lane_sync": mapped - terms,
        "line_sync": int((waits - absent).sum()) * size,
    }
