"""Jobs shared out over streams of slices and over lines, and how long each stream needs for each
tile.

A *need* is the rebuild cycles of a coefficient row, -1 for a row that is skipped. The filters of
one stream step together: a row is there if one of them has it, and waits for the slowest rebuild
among them.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints
from archsim.machines.smartdeal.jobs import Small

DEAD = -1
LONGEST = np.iinfo(np.int32).max
CHUNK = 1 << 20
"""Jobs whose lines are added up together: many small lines in one call, and large ones one by
one."""


def by_stream(needs: Small, filters: int) -> Small:
    """(K, U) needs -> (streams, U): the largest among each `filters` consecutive filters, the last
    ones fewer.
    """
    return np.maximum.reduceat(needs, np.arange(0, len(needs), filters), axis=0)


def levels(needs: Small, cycles: Small) -> Iterator[tuple[NDArray[np.bool_], Small]]:
    """Splits the rows by how long their jobs last: pairs (which rows, job cycles of every unit and
    tile).

    A job lasts max(job, need), so all needs up to the shortest job are one level, which is nearly
    always the only one. The masks of all levels together are the rows that are not dead.
    """
    shortest = np.minimum.reduce(cycles, axis=None, where=cycles > 0, initial=LONGEST)
    hidden = needs <= shortest
    longer = () if hidden.all() else np.unique(needs[~hidden])
    hidden &= needs >= 0
    if hidden.any():
        yield hidden, cycles
    for need in longer:
        yield needs == need, np.where(cycles > 0, np.maximum(cycles, need), 0)


def line_cycles(needs: Small, cycles: Small, line: Ints, lines: int) -> NDArray[np.float32]:
    """(S, U) needs x (U, T) job cycles -> (lines, S, T) cycles of each line, unit u on line
    `line[u]`.
    """
    total = np.zeros((lines, len(needs), cycles.shape[1]), np.float32)
    for rows, lasting in levels(needs, cycles):
        total += _sum_on_lines(rows.astype(np.float32), lasting, line, lines)
    return total


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


def stream_cycles(needs: Small, cycles: Small, line: Ints, lines: int) -> Ints:
    """(S, T): a stream lasts as long as its slowest line, at least one cycle per tile."""
    slowest = line_cycles(needs, cycles, line, lines).max(axis=0)
    return np.asarray(np.maximum(np.rint(slowest), 1), dtype=np.int64)


def total_cycles(needs: Small, cycles: Small) -> int:
    """Cycles of all live jobs of all filters, each with its own need (B in
    docs/machines/smartdeal.md).
    """
    total = 0
    for rows, lasting in levels(needs, cycles):
        total += int(rows.sum(axis=0, dtype=np.int64) @ lasting.sum(axis=1, dtype=np.int64))
    return total


def first_streams(per_stream: Ints, streams: int) -> Ints:
    """(G,) the first stream of each output-channel group, as `reduceat` takes them."""
    return np.arange(0, len(per_stream), streams)
