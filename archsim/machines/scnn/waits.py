"""Cycles that SCNN's elements wait for their accumulator banks: followed exactly for any choice of
filter groups.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from archsim.machines.scnn.banks import Words
from archsim.machines.scnn.certificate import never_waits
from archsim.machines.scnn.compiled import compiled
from archsim.machines.scnn.counts import Banks
from archsim.machines.scnn.operations import LIMITS, Limits, Operands, issue, pieces
from archsim.machines.scnn.queues import Segments, run_queues
from archsim.machines.shared.geometry import Ints


@dataclass(frozen=True)
class Waits:
    """Waiting `cycles` of each (filter group, element) in one pass over the plane, and the
    `group_cycles` that follow.
    """

    cycles: Ints
    group_cycles: Ints


class WaitsOfPasses(Sequence[Waits]):
    """The waits of each pass of a layer, found when they are asked for: those of many passes would
    not fit a memory together.
    """

    def __init__(self, find: Callable[[int], Waits], passes: int) -> None:
        self._find, self._passes = find, passes

    def __len__(self) -> int:
        return self._passes

    @overload
    def __getitem__(self, at: int) -> Waits: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Waits]: ...

    def __getitem__(self, at: int | slice) -> Waits | Sequence[Waits]:
        places = range(self._passes)[at]
        return self._find(places) if isinstance(places, int) else [self._find(p) for p in places]


@dataclass(frozen=True)
class Conflicts:
    """The waits of a layer's `passes`, and how they were found.

    Where not all groups were followed, `sampled` of them were, counted in each pass, and
    `standard_error` is that of the layer's cycles.
    """

    passes: Sequence[Waits]
    how: Banks
    sampled: int = 0
    standard_error: float = 0.0


def no_waits(passes: Sequence[Operands]) -> Conflicts:
    """Operations alone."""

    def find(number: int) -> Waits:
        operations = passes[number].operations
        return Waits(np.zeros_like(operations), operations.max(axis=1))

    return Conflicts(WaitsOfPasses(find, len(passes)), "none")


def bank_waits(passes: Sequence[Operands]) -> Conflicts:
    """Every queue of every group that is not proven free of waiting."""
    return all_waits(passes, [np.flatnonzero(~never_waits(one)) for one in passes])


def all_waits(passes: Sequence[Operands], unproven: Sequence[Ints]) -> Conflicts:
    """Every queue of the groups of each pass that are not proven free of waiting."""

    def find(number: int) -> Waits:
        waited = followed(passes[number], unproven[number])
        return Waits(waited, (passes[number].operations + waited).max(axis=1))

    how: Banks = "exact" if any(map(len, unproven)) else "proven"
    return Conflicts(WaitsOfPasses(find, len(passes)), how)


def followed(layer: Operands, groups: Ints, limits: Limits = LIMITS) -> Ints:
    """Waiting cycles of each (filter group, element), zero but for some groups; queues start empty
    in every group."""
    waited = np.zeros_like(layer.operations)
    queues = np.zeros((*waited.shape, layer.table.words), np.uint64)
    for batch in pieces(layer, groups.tolist(), limits):
        if compiled():
            for one in batch:
                one.follow(layer, queues[one.group], waited[one.group])
            continue
        counts, sizes = issue(layer, batch)
        present, of_piece = np.unique([piece.group for piece in batch], return_inverse=True)
        segments = _by_stream(counts, sizes, of_piece)
        entry = queues[present].reshape(-1, layer.table.words)
        more, left = run_queues(segments, entry, layer.array.queue_depth)
        waited[present] += more.reshape(len(present), -1)
        queues[present] = left.reshape(len(present), -1, layer.table.words)
    return waited


def _by_stream(counts: Words, sizes: Ints, group: Ints) -> Segments:
    """Segments of the operations of pieces (pieces, elements), by group, element and piece."""
    start = (np.cumsum(sizes) - sizes.reshape(-1)).reshape(sizes.shape)
    stream = (group[:, None] * sizes.shape[1] + np.arange(sizes.shape[1])).reshape(-1)
    order = np.argsort(stream, kind="stable")
    order = order[sizes.reshape(-1)[order] > 0]
    return Segments(counts, start.reshape(-1)[order], sizes.reshape(-1)[order], stream[order])
