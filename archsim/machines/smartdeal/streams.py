"""Jobs shared out over streams of slices and over lines, and how long each stream needs for each
tile.

A *need* is the rebuild cycles of a coefficient row, -1 for a row that is skipped. The filters of
one stream step together: a row is there if one of them has it, and waits for the slowest rebuild
among them.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints
from archsim.machines.smartdeal.jobs import Small
from archsim.machines.smartdeal.tile_time import (
    Step,
    Times,
    Waits,
    hides_all,
    line_work,
    rebuilt_after,
    times,
)

DEAD = -1
CHUNK = 1 << 20
"""Jobs whose lines are added up together: many small lines in one call, and large ones one by
one."""


def by_stream(needs: Small, filters: int) -> Small:
    """(K, U) needs -> (streams, U): the largest among each `filters` consecutive filters, the last
    ones fewer.
    """
    whole = len(needs) // filters * filters
    largest: Small = needs[:whole].reshape(-1, filters, needs.shape[1]).max(axis=1)
    if whole == len(needs):
        return largest
    return np.concatenate([largest, needs[whole:].max(axis=0, keepdims=True)])


def line_cycles(needs: Small, cycles: Small, line: Ints, lines: int) -> NDArray[np.float32]:
    """(S, U) needs x (U, T) job cycles -> (lines, S, T) cycles of the jobs of each line, unit u on
    line `line[u]`.
    """
    return _sum_on_lines((needs >= 0).astype(np.float32), cycles, line, lines)


def rebuild_line_cycles(needs: Small, cycles: Small, line: Ints, lines: int) -> NDArray[np.float32]:
    """(lines, S, T) cycles that the rebuild engines of each line need for the live jobs."""
    return _sum_on_lines(np.maximum(needs, 0).astype(np.float32), cycles > 0, line, lines)


def _sum_on_lines(
    left: NDArray[np.float32], right: NDArray[np.generic], line: Ints, lines: int
) -> NDArray[np.float32]:
    """Per line, the product over its units; float32 is exact here, sums stay far below 2**24."""
    total = np.zeros((lines, len(left), right.shape[1]), np.float32)
    units, present = _units_of_lines(line.tobytes())
    step = max(1, CHUNK // (units.shape[1] * right.shape[1]))
    for first in range(0, len(units), step):
        own = units[first : first + step]
        of_lines = left[:, own].transpose(1, 0, 2) * present[first : first + step, None]
        np.matmul(of_lines, right[own].astype(np.float32), out=total[first : first + len(own)])
    return total


@lru_cache(maxsize=64)
def _units_of_lines(line: bytes) -> tuple[Ints, NDArray[np.float32]]:
    """(used lines, n) the units of each line, and 0 in the place of each by which a line has fewer
    than n, else 1; `line` are the bytes of the line (U,) of each unit.
    """
    of_unit = np.frombuffer(line, np.int64)
    counts = np.bincount(of_unit)
    present = np.arange(counts.max()) < counts[:, None]
    units = np.zeros(present.shape, np.int64)
    units[present] = np.argsort(of_unit, kind="stable")
    return units, present.astype(np.float32)


def stream_times(needs: Small, cycles: Small, line: Ints, first: Ints, waits: Waits) -> Times:
    """(S, U) needs x (U, T) job cycles -> when each stream is through with each tile; `first` (G,)
    is the first stream of each group.
    """
    bounds, groups = np.append(first, len(needs)), len(first)
    # No group waits for another: some at a time, for what all lines do in all tiles is large.
    each = int(np.diff(bounds).max()) * cycles.shape[1] * (int(line.max()) + 1)
    step, parts = max(1, CHUNK // each), []
    for at in range(0, groups, step):
        begin, end = bounds[at], bounds[min(at + step, groups)]
        own = first[at : at + step] - begin
        parts.append(_times(needs[begin:end], cycles, line, own, waits))
    return all_times(parts)


def all_times(parts: Sequence[Times]) -> Times:
    """Those of all streams, of some in each part."""
    return Times(
        cycles=np.concatenate([part.cycles for part in parts]),
        opening=np.concatenate([part.opening for part in parts]),
        stalls=np.concatenate([part.stalls for part in parts]),
    )


def _times(needs: Small, cycles: Small, line: Ints, first: Ints, waits: Waits) -> Times:
    """Those of some groups."""
    lines = int(line.max()) + 1
    if hides_all(needs, cycles, waits):
        on_lines = line_cycles(needs, cycles, line, lines)
        slowest = on_lines.max(axis=0)
        # With nothing between two jobs, the first tile is its jobs, and the first rebuild.
        ends = np.rint(on_lines[:, :, 0]).astype(np.int64)
        if waits.fill:
            ends += rebuilt_after(_first_rebuilds(needs, cycles[:, 0], line))
        filled = np.maximum(ends.max(axis=0), waits.empty)
        tiles = np.asarray(np.maximum(np.rint(slowest), waits.empty), dtype=np.int64)
        # An empty first tile may be over before the first row of the second one is rebuilt.
        meeting = np.maximum.reduceat(slowest[:, 0], first) if waits.together else slowest[:, 0]
        if (meeting > 0).all():
            return Times(tiles, filled, np.zeros(len(needs), np.int64))
    return times(line_work(_in_turn(needs, cycles, line), waits), first, waits)


def _first_rebuilds(needs: Small, cycles: Small, line: Ints) -> Ints:
    """(lines, S) cycles of the rebuild of each line's first job of a tile, 0 without a job; (S, U)
    needs, (U,) cycles."""
    units, present = _units_of_lines(line.tobytes())
    live = ((needs >= 0) & (cycles > 0)).T[units] & (present[..., None] > 0)
    first = live.argmax(axis=1)
    number, stream = np.ogrid[: len(units), : len(needs)]
    need = needs[stream, units[number, first]].astype(np.int64)
    return np.where(live[number, first, stream], np.maximum(need, 1), 0)


def _in_turn(needs: Small, cycles: Small, line: Ints) -> Iterator[Step]:
    """The jobs of all lines as `line_work` takes them: each line's units in their order."""
    units, present = _units_of_lines(line.tobytes())
    for place in range(units.shape[1]):
        own = units[:, place]
        there = present[:, place, None] > 0
        yield np.where(there, needs[:, own].T, DEAD)[:, :, None], cycles[own][:, None, :]


def first_streams(per_stream: Ints, streams: int) -> Ints:
    """(G,) the first stream of each output-channel group, as `reduceat` takes them."""
    return np.arange(0, len(per_stream), streams)
