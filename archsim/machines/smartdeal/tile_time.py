"""When the lines of SmartDeal's slices are through with a tile: their jobs one after the other,
each rebuilt under the one before it, and what a tile waits for besides (docs/machines/smartdeal.md,
section "Cycles").

Arrays have the axes (lines, streams, tiles); a stream is what reads the same inputs in step.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints
from archsim.machines.smartdeal.jobs import Small

Counts = NDArray[np.int32]
LONG_AGO = -(1 << 40)


@dataclass(frozen=True, kw_only=True)
class Waits:
    """What tiles wait for besides their jobs.

    `hidden` is whether a rebuild runs while the job before it does, or only after that; `fill`
    whether the first rebuild of an output-channel group is waited for; `empty` the cycles of a tile
    without a job, `barrier` those between two tiles, and `drain` the least from one barrier to the
    next. With `together` all streams of a group meet at the barrier, else each runs by itself.
    """

    hidden: bool
    fill: bool
    empty: int
    barrier: int
    drain: int
    together: bool


@dataclass(frozen=True)
class LineWork:
    """What each line does in each tile, (L, S, T) each: cycles of its `jobs`, those of the `last`
    of them, cycles of the rebuild of the `first` (0 without a job), and `stalls` between two jobs
    for a rebuild that outlasts the job before it.
    """

    jobs: Counts
    last: Counts
    first: Counts
    stalls: Counts


@dataclass(frozen=True)
class Times:
    """When streams are through: `cycles` (S, T) of every tile without the fill; `opening` (S,)
    those of the first tile with it; `stalls` (S,) cycles for which all lines together wait for
    rebuilds, the fill apart.
    """

    cycles: Ints
    opening: Ints
    stalls: Ints


Step = tuple[NDArray[np.signedinteger[Any]], NDArray[np.signedinteger[Any]]]


def line_work(steps: Iterable[Step], waits: Waits) -> LineWork:
    """Jobs as lines take them. Each step is the next job of every line: its rebuild, (L, S, 1),
    less than 0 for a row that is skipped, and its cycles, (L, 1 or S, T), 0 for one not made.
    """
    found: LineWork | None = None
    for need, cycles in steps:
        live = (need >= 0) & (cycles > 0)
        lasting = cycles.astype(np.int32) * live
        rebuild = np.maximum(need, 1).astype(np.int32) * live
        if found is None:
            found = LineWork(lasting, lasting, rebuild, np.zeros_like(lasting))
            continue
        waiting = np.maximum(rebuild - found.last, 0) if waits.hidden else rebuild
        found = LineWork(
            jobs=found.jobs + lasting,
            last=np.where(live, lasting, found.last),
            first=np.where(found.first > 0, found.first, rebuild),
            stalls=found.stalls + np.where(live & (found.first > 0), waiting, 0),
        )
    assert found is not None
    return found


def hides_all(needs: Small, cycles: Small, waits: Waits) -> bool:
    """Whether no rebuild can outlast the job before it, whatever that is."""
    if not waits.hidden:
        return False
    shortest = int(np.min(cycles, where=cycles > 0, initial=np.iinfo(cycles.dtype).max))
    return max(int(needs.max()), 1) <= shortest


def rebuilt_after(first: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """When the rebuild of the first jobs of lines is over, from the cycles that it takes, of which
    a line without a job has none."""
    # A cycle takes the row to its engine, which then rebuilds it.
    return np.where(first > 0, first + 1, 0)


def opening(work: LineWork, waits: Waits) -> Ints:
    """(S,) what the first tile lasts with the rebuild of its first jobs."""
    ends = work.jobs[:, :, 0] + work.stalls[:, :, 0]
    if waits.fill:
        ends = ends + rebuilt_after(work.first[:, :, 0])
    return np.asarray(np.maximum(ends.max(axis=0), waits.empty))


def starts(work: LineWork, first: Ints, waits: Waits) -> Counts:
    """(L, S, T) how long the first job of a line waits for its rebuild after its tile has opened;
    0 in the first tile, whose wait is the fill.

    A rebuild begins when the job before it does, whichever tile that was in.
    """
    live = work.first > 0
    before = np.zeros_like(live)
    before[:, :, 1:] = live[:, :, :-1]
    # The job before ends within its tile, the barrier follows: what is shorter never shows.
    shown = np.zeros_like(live)
    shown[:, :, 1:] = work.first[:, :, 1:] > work.last[:, :, :-1] + waits.barrier
    late = work.first + 1 > max(waits.empty + waits.barrier, waits.drain)
    if not waits.hidden or (live & ~before & late)[:, :, 1:].any():
        return _walk(work, first, waits, range(work.jobs.shape[2]))
    tiles = np.flatnonzero((live & before & shown).any(axis=(0, 1)))
    return _walk(work, first, waits, sorted({*(tiles - 1).tolist(), *tiles.tolist()}))


def _walk(work: LineWork, first: Ints, waits: Waits, tiles: Iterable[int]) -> Counts:
    """`starts`, which are 0 in all other tiles than these. Where a tile is not the one after the
    tile before it, no first job of it waits.
    """
    waiting = np.zeros(work.jobs.shape, work.jobs.dtype)
    spread = np.repeat(np.arange(len(first)), np.diff([*first, work.jobs.shape[1]]))
    begun, last = np.full(waiting.shape[:2], LONG_AGO, np.int64), -1
    for tile in tiles:
        if tile == 0 and waits.fill:
            begun[:] = 1
        elif tile != last + 1:
            begun[:] = LONG_AGO
        last, live = tile, work.first[:, :, tile] > 0
        start = np.where(live, np.maximum(begun + work.first[:, :, tile], 0), 0)
        if tile:
            waiting[:, :, tile] = start
        ends = start + work.jobs[:, :, tile] + work.stalls[:, :, tile]
        took = np.maximum(ends.max(axis=0), waits.empty)
        if waits.together:
            took = np.maximum.reduceat(took, first)[spread]
        span = np.maximum(took + waits.barrier, waits.drain)
        behind = ends - work.last[:, :, tile] if waits.hidden else ends
        begun = np.where(live, behind, begun) - span
    return waiting


def times(work: LineWork, first: Ints, waits: Waits) -> Times:
    """When the streams of each group are through; `first` (G,) is the first stream of each."""
    waiting = starts(work, first, waits)
    stalls = waiting + work.stalls
    ends = (stalls + work.jobs).max(axis=0).astype(np.int64)
    return Times(
        cycles=np.maximum(ends, waits.empty),
        opening=opening(work, waits).astype(np.int64),
        stalls=stalls.sum(axis=(0, 2), dtype=np.int64),
    )
