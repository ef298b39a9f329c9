"""From a tile table to steps: the order in which tiles are visited, and where that order is cut.

A *visit* is one tile of one group in one pass over the input channels. Visits follow the order that
the DRAM rule chose; what each must have on chip, and what nobody needs after it, are cumulative
byte counts along that order: a load may serve many visits and a visit take many loads, and with
sums from the start neither has to know how the other is cut. Steps are stretches of visits, cut so
that none moves more than half a buffer where a visit itself does not.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints, differences, portion
from archsim.machines.shared.sections import split
from archsim.machines.shared.tiles import Tiles, even_parts
from archsim.machines.shared.traffic import Order

Flags = NDArray[np.bool_]

MIN_STEPS = 8
STEPS_PER_LAYER = 96
"""Steps a layer is cut into at least, where it has as many tiles; twice as many move cycles by
under 2 %."""


@dataclass(frozen=True)
class Visits:
    """The visits of one phase in time order, N of them.

    `need[flow]` and `free[flow]` (N,) are bytes that must have arrived by each visit, and bytes
    given up after it, both counted from the start of the phase. `outputs` (N,) are results
    complete, `psum_reads` and `psum_writes` (N,) partial sums of layers that take several passes
    over their input channels.
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


@dataclass(frozen=True)
class _Walk:
    """The order of visits: a *turn* is one pass of one group, `tile` the tile it does then, (N,)
    each.

    The other columns say whether a visit is the first or last to use its tile's inputs, and the
    first or last to use its turn's weights, while they stay on chip; `cuts` are visits at which a
    second or later block of inputs begins. `blocks` is in how many blocks the held operand really
    comes.
    """

    turn: Ints
    tile: Ints
    first_input: Flags
    last_input: Flags
    first_weight: Flags
    last_weight: Flags
    cuts: Flags
    blocks: int


@lru_cache(maxsize=64)
def _walk(turns: int, columns: int, order: Order) -> _Walk:
    """Inputs held: each block of tiles, all turns over it. Weights held: each block of turns, all
    tiles.
    """
    if order.hold_inputs:
        blocks = np.array_split(np.arange(columns), min(order.blocks, columns))
        turn = np.concatenate([np.repeat(np.arange(turns), len(block)) for block in blocks])
        tile = np.concatenate([np.tile(block, turns) for block in blocks])
        starts, ends = [block[0] for block in blocks], [block[-1] for block in blocks]
        return _Walk(
            turn,
            tile,
            first_input=turn == 0,
            last_input=turn == turns - 1,
            first_weight=np.isin(tile, starts),
            last_weight=np.isin(tile, ends),
            cuts=(turn == 0) & np.isin(tile, starts[1:]),
            blocks=len(blocks),
        )
    blocks = np.array_split(np.arange(turns), min(order.blocks, turns))
    turn = np.concatenate([np.tile(block, columns) for block in blocks])
    tile = np.concatenate([np.repeat(np.arange(columns), len(block)) for block in blocks])
    return _Walk(
        turn,
        tile,
        first_input=np.isin(turn, [block[0] for block in blocks]),
        last_input=np.isin(turn, [block[-1] for block in blocks]),
        first_weight=tile == 0,
        last_weight=tile == columns - 1,
        cuts=np.zeros(len(turn), np.bool_),
        blocks=len(blocks),
    )


def visit_tiles(tiles: Tiles, order: Order, passes: Ints, psum_bytes: int) -> Visits:
    """Lays the tiles out in time, section after section. `passes` (G,) is how often a group goes
    over the input channels, `psum_bytes` what a partial sum takes.
    """
    if not tiles.sections:
        return _visit(tiles, order, passes, psum_bytes)
    ends = np.cumsum([section.groups for section in tiles.sections])
    return _joined(
        [
            _visit(part, order, own, psum_bytes)
            for part, own in zip(split(tiles), np.split(passes, ends[:-1]), strict=True)
        ]
    )


def _joined(parts: Sequence[Visits]) -> Visits:
    """Visits one after the other."""
    first = parts[0]
    return Visits(
        cycles=np.concatenate([part.cycles for part in parts]),
        side={name: np.concatenate([part.side[name] for part in parts]) for name in first.side},
        outputs=np.concatenate([part.outputs for part in parts]),
        need={flow: _on_and_on([part.need[flow] for part in parts]) for flow in first.need},
        free={flow: _on_and_on([part.free[flow] for part in parts]) for flow in first.free},
        psum_reads=np.concatenate([part.psum_reads for part in parts]),
        psum_writes=np.concatenate([part.psum_writes for part in parts]),
    )


def _on_and_on(columns: Sequence[Ints]) -> Ints:
    """Running sums that go on where the one before ends."""
    before = np.cumsum([0, *(int(column[-1]) for column in columns)])
    return np.concatenate([column + before[k] for k, column in enumerate(columns)])


def _visit(tiles: Tiles, order: Order, passes: Ints, psum_bytes: int) -> Visits:
    """The visits of one section."""
    group = np.repeat(np.arange(len(passes)), passes)
    number = np.concatenate([np.arange(count) for count in passes])
    walk = _walk(len(group), tiles.cycles.shape[1], order)
    of_group, part = group[walk.turn], number[walk.turn]
    count = passes[of_group]
    # Nearly all layers take one pass, which has all of everything.
    share_of = partial(_part, part=part, count=count) if len(group) > len(passes) else np.asarray
    outputs = tiles.outputs[of_group, walk.tile]
    need, free = _inputs(tiles, order, walk)
    for flow, by_group in tiles.stationary.items():
        share = share_of(by_group[of_group])
        reads = np.where(walk.first_weight, share, 0)
        total = int(by_group.sum()) * order.weight_reads
        need[flow] = _running(reads, total)
        free[flow] = _freed(need[flow], np.where(walk.last_weight, share, 0))
    return Visits(
        cycles=share_of(tiles.limited[of_group, walk.tile]),
        side={name: share_of(one[of_group, walk.tile]) for name, one in tiles.side.items()},
        outputs=np.where(part == count - 1, outputs, 0),
        need=need,
        free=free,
        psum_reads=np.where(part > 0, psum_bytes * outputs, 0),
        psum_writes=np.where(part < count - 1, psum_bytes * outputs, 0),
    )


def _inputs(tiles: Tiles, order: Order, walk: _Walk) -> tuple[dict[str, Ints], dict[str, Ints]]:
    """What the moving flows must have brought by each visit, and what is given up after it."""
    need, free = {}, {}
    columns, copies = tiles.cycles.shape[1], tiles.sections[0].copies if tiles.sections else 1
    for number, (flow, nbytes) in enumerate(tiles.moving.items()):
        share = even_parts(nbytes, columns)[walk.tile]
        again = tiles.halo_bytes * copies if number == 0 and order.hold_inputs else 0
        reads = np.where(walk.first_input, share, 0) + np.where(walk.cuts, again, 0)
        need[flow] = _running(reads, nbytes * order.input_reads + again * (order.blocks - 1))
        free[flow] = _freed(need[flow], np.where(walk.last_input, share, 0))
    return need, free


def _part(amount: Ints, part: Ints, count: Ints) -> Ints:
    """The share of pass `part` of `count` in an amount; the shares of all passes add up to it."""
    return portion(part + 1, amount, count) - portion(part, amount, count)


def _running(reads: Ints, total: int) -> Ints:
    """Cumulative bytes, `total` at the end.

    Where a layer has fewer tiles or groups than the DRAM rule has blocks, each read stands for
    several.
    """
    running: Ints = reads.cumsum()
    missing = total - int(running[-1])
    if not missing:
        return running
    # Spread evenly, as the extra blocks would cut through every tile alike.
    return running + portion(np.arange(1, len(running) + 1), missing, len(running))


def _freed(need: Ints, increments: Ints) -> Ints:
    """What is given up, never more than has come; everything at the end."""
    running: Ints = np.minimum(increments.cumsum(), need)
    running[-1] = need[-1]
    return running


def cut(visits: Visits, halves: Mapping[str, int], output_half: int, wanted: int) -> Steps:
    """Steps of at most half a buffer of each flow, and of at most one part in `wanted` of the
    cycles, of the bytes of each flow and of the results.

    `halves` gives half the buffer of each inbound flow. A visit that alone needs more is a step of
    its own. The parts bound what a larger buffer would do to the steps: a step starts when all of
    it is there, so longer ones overlap less.
    """
    # A visit's size is the largest share of a step that any bound gives it, so that one running sum
    # of sizes finds the cuts.
    count = len(visits.cycles)
    size = np.full(count, min(MIN_STEPS, count) / count)
    cycles = visits.cycles.sum()
    if cycles:
        size = np.maximum(size, visits.cycles * (min(wanted, count) / cycles))
    amounts = [(differences(need), halves[flow]) for flow, need in visits.need.items()]
    for amount, half in [*amounts, (visits.outputs, output_half)]:
        size = np.maximum(size, amount / min(half, max(1.0, amount.sum() / min(wanted, count))))
    starts = _greedy_starts(size.cumsum())
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
    starts, sums = [0], ends.tolist()
    while True:
        first = starts[-1]
        before = sums[first - 1] if first else 0.0
        # Without the slack, rounding of the sum could cut eight equal shares into nine steps.
        following = max(bisect_right(sums, before + 1 + 1e-9), first + 1)
        if following >= len(sums):
            return np.array(starts)
        starts.append(following)
