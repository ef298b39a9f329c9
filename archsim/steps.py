"""From a tile table to steps: the order in which tiles are visited, and where that order is cut.

A *visit* is one tile of one group in one pass over the input channels. Visits follow the order that the DRAM
rule chose; what each must have on chip, and what nobody needs after it, are cumulative byte counts along that
order. Steps are stretches of visits, cut so that none moves more than half a buffer where a visit itself does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.tiles import Ints, Tiles
from archsim.traffic import Order

MIN_STEPS = 8
PSUM_BYTES = 3
"""A 24-bit partial sum (docs/machines/README.md)."""


@dataclass(frozen=True)
class Visits:
    """The visits of one phase in time order, N of them.

    `need[flow]` and `free[flow]` (N,) are bytes that must have arrived by each visit, and bytes given up after
    it, both counted from the start of the phase. `outputs` (N,) are results complete, `psum_reads` and
    `psum_writes` (N,) partial sums of layers that take several passes over their input channels.
    """

    cycles: Ints
    side: Mapping[str, Ints]
    outputs: Ints
    need: Mapping[str, Ints]
    free: Mapping[str, Ints]
    psum_reads: Ints
    psum_writes: Ints


@dataclass(frozen=True)
class Steps:
    """A phase cut into n steps: as `Visits`, summed over each step, or as it stands at its end.

    `last` (n,) is each step's last visit.
    """

    last: Ints
    cycles: Ints
    side: Mapping[str, Ints]
    outputs: Ints
    need: Mapping[str, Ints]
    free: Mapping[str, Ints]

    def __len__(self) -> int:
        return len(self.cycles)


def visit_tiles(tiles: Tiles, order: Order, passes: Ints) -> Visits:
    """Lays the tiles out in time. `passes` (G,) is how often a group goes over the input channels."""
    group = np.repeat(np.arange(len(passes)), passes)
    number = np.concatenate([np.arange(count) for count in passes])
    turns = len(group)
    columns = tiles.cycles.shape[1]
    if order.hold_inputs:
        blocks = np.array_split(np.arange(columns), min(order.blocks, columns))
        turn = np.concatenate([np.repeat(np.arange(turns), len(block)) for block in blocks])
        tile = np.concatenate([np.tile(block, turns) for block in blocks])
        first_turn, last_turn = turn == 0, turn == turns - 1
        edges = np.isin(tile, [block[0] for block in blocks]), np.isin(tile, [b[-1] for b in blocks])
    else:
        blocks = np.array_split(np.arange(turns), min(order.blocks, turns))
        turn = np.concatenate([np.tile(block, columns) for block in blocks])
        tile = np.concatenate([np.repeat(np.arange(columns), len(block)) for block in blocks])
        first_turn = np.isin(turn, [block[0] for block in blocks])
        last_turn = np.isin(turn, [block[-1] for block in blocks])
        edges = tile == 0, tile == columns - 1
    of_group, part, count = group[turn], number[turn], passes[group[turn]]
    outputs = np.where(part == count - 1, tiles.outputs[of_group, tile], 0)
    psums = PSUM_BYTES * tiles.outputs[of_group, tile]
    need, free = {}, {}
    for flow, nbytes in tiles.moving.items():
        share = _even(nbytes, columns)[tile]
        halo = _halo(tiles, order, tile, turn, blocks) if flow == next(iter(tiles.moving)) else 0
        repeats = 1 if order.hold_inputs else order.blocks / len(blocks)
        need[flow] = _running(np.where(first_turn, share, 0) + halo, nbytes, order.input_reads, repeats)
        free[flow] = need[flow] if turns == 1 else _freed(need[flow], np.where(last_turn, share, 0))
    for flow, by_group in tiles.stationary.items():
        share = _part(by_group[of_group], part, count)
        repeats = order.blocks / len(blocks) if order.hold_inputs else 1
        total = int(by_group.sum())
        need[flow] = _running(np.where(edges[0], share, 0), total, order.weight_reads, repeats)
        free[flow] = _freed(need[flow], np.where(edges[1], share, 0))
    return Visits(
        cycles=_part(tiles.limited[of_group, tile], part, count),
        side={name: _part(one[of_group, tile], part, count) for name, one in tiles.side.items()},
        outputs=outputs,
        need=need,
        free=free,
        psum_reads=np.where(part > 0, psums, 0),
        psum_writes=np.where(part < count - 1, psums, 0),
    )


def _even(total: int, parts: int) -> Ints:
    """Whole bytes that add up to the total, as even as can be."""
    ends = np.arange(1, parts + 1) * total // parts
    return np.diff(ends, prepend=0)


def _part(amount: Ints, part: Ints, count: Ints) -> Ints:
    """The share of pass `part` of `count` in an amount; the shares of all passes add up to it."""
    return (part + 1) * amount // count - part * amount // count


def _halo(tiles: Tiles, order: Order, tile: Ints, turn: Ints, blocks: list[Ints]) -> Ints:
    """Input rows that each spatial block but the first reads again, at its first visit."""
    if not order.hold_inputs or order.blocks == 1:
        return np.zeros(len(tile), np.int64)
    starts = [block[0] for block in blocks[1:]]
    per_cut = tiles.halo_bytes * (order.blocks - 1) / max(1, len(starts))
    return np.where((turn == 0) & np.isin(tile, starts), round(per_cut), 0)


def _running(increments: Ints, nbytes: int, reads: int, repeats: float) -> Ints:
    """Cumulative bytes; where there are fewer tiles than blocks, a visit stands for several reads."""
    running = np.cumsum(increments)
    if repeats == 1 or not nbytes:
        return running
    extra = nbytes * reads - nbytes * round(reads / repeats)
    return running + (np.arange(1, len(running) + 1) * extra // len(running))


def _freed(need: Ints, increments: Ints) -> Ints:
    """What is given up, never more than has come; everything at the end."""
    running = np.minimum(np.cumsum(increments), need)
    running[-1] = need[-1]
    return running


def cut(visits: Visits, halves: Mapping[str, int], output_half: int, wanted: int) -> Steps:
    """Steps of at most half a buffer of each flow, at least `wanted` of them where there are as many visits.

    `halves` gives half the buffer of each inbound flow. A visit that alone needs more is a step of its own.
    """
    count = len(visits.cycles)
    size = np.full(count, min(MIN_STEPS, count) / count)
    cycles = visits.cycles.sum()
    if cycles:
        size = np.maximum(size, visits.cycles * (min(wanted, count) / cycles))
    for flow, need in visits.need.items():
        size = np.maximum(size, np.diff(need, prepend=0) / halves[flow])
    size = np.maximum(size, visits.outputs / output_half)
    starts = _greedy_starts(np.cumsum(size))
    last = np.append(starts[1:], count) - 1
    return Steps(
        last=last,
        cycles=np.add.reduceat(visits.cycles, starts),
        side={name: np.add.reduceat(one, starts) for name, one in visits.side.items()},
        outputs=np.add.reduceat(visits.outputs, starts),
        need={flow: need[last] for flow, need in visits.need.items()},
        free={flow: free[last] for flow, free in visits.free.items()},
    )


def _greedy_starts(ends: NDArray[np.float64]) -> Ints:
    """First visit of each step, when a step takes visits while they add up to at most one."""
    starts = [0]
    while True:
        first = starts[-1]
        before = ends[first - 1] if first else 0.0
        following = int(np.searchsorted(ends, before + 1 + 1e-9, side="right"))
        following = max(following, first + 1)
        if following >= len(ends):
            return np.array(starts)
        starts.append(following)
