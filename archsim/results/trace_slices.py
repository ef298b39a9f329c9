"""Slices of a timeline: few enough for a file that a browser opens.

A row is one component, or one side of a buffer, and does one thing at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

LIMIT = 60_000
"""Slices in one run: less than 9 MB of JSON."""
MIXED = "mixed"


class Slice(NamedTuple):
    """A stretch of cycles on a row: `what` was done for `layer`, or the cause for which it stood
    still where `stalled`. It stands for `tasks` tasks and stalls, in which `cycles` cycles were
    spent; `parts` are those of each kind where it stands for several."""

    row: str
    layer: str
    what: str
    stalled: bool
    start: int
    end: int
    cycles: int
    tasks: int = 1
    parts: tuple[tuple[str, int], ...] = ()


def merged(slices: Iterable[Slice], limit: int = LIMIT) -> tuple[list[Slice], int]:
    """The slices row by row in the order of time, and the width of the windows, in cycles, in which
    they were drawn together; 1 where they were not.

    Slices of a row that follow each other without a pause and are of one kind are one. Where more
    than `limit` are left, those of a row and a layer that are shorter than a window and begin in
    the same one are one too; the window is the smallest power of 2 that does.
    """
    ordered = sorted(slices, key=lambda one: (one.row, one.start, one.end))
    joined = [_joined(own) for own in _unbroken(ordered)]
    found, window = joined, 1
    while len(found) > limit:
        window *= 2
        found = [_joined(own) for own in _windows(joined, window)]
    return found, window


def _unbroken(ordered: Sequence[Slice]) -> Iterator[list[Slice]]:
    """Slices of one kind, each beginning where the one before ends."""
    run: list[Slice] = []
    for one in ordered:
        if run and not (run[-1][:4] == one[:4] and run[-1].end == one.start):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _windows(slices: Sequence[Slice], width: int) -> Iterator[list[Slice]]:
    """Short slices by the window in which they begin, long ones by themselves."""

    def key(numbered: tuple[int, Slice]) -> tuple[str, str, int, int]:
        number, one = numbered
        long = one.end - one.start >= width
        return one.row, one.layer, one.start // width, number if long else -1

    for _, own in groupby(enumerate(slices), key):
        yield [one for _, one in own]


def _joined(own: Sequence[Slice]) -> Slice:
    first = own[0]
    if len(own) == 1:
        return first
    cycles, tasks = sum(one.cycles for one in own), sum(one.tasks for one in own)
    kinds = {(one.what, one.stalled) for one in own}
    joined = first._replace(end=own[-1].end, cycles=cycles, tasks=tasks)
    if len(kinds) == 1:
        return joined
    parts: dict[str, int] = {}
    for one in own:
        parts[one.what] = parts.get(one.what, 0) + one.cycles
    return joined._replace(what=MIXED, stalled=False, parts=(*parts.items(),))
