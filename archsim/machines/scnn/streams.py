"""Single streams of SCNN's operations, what one element does with one filter group, followed from
empty queues to their end. Where few elements of a group matter this is far less work than
following all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from archsim.machines.scnn.banks import Words
from archsim.machines.scnn.operations import LIMITS, Limits, Operands
from archsim.machines.scnn.queues import Segments, run_queues
from archsim.machines.shared.geometry import Ints

CHUNK = 1 << 13
"""Operations summed at once: what they add stays in a cache."""


@dataclass(frozen=True)
class Streams:
    """Some streams of one pass: the filter group and the element of each, (streams,)."""

    layer: Operands
    groups: Ints
    elements: Ints

    @property
    def sizes(self) -> Ints:
        """Operations of each stream."""
        sizes: Ints = self.layer.operations[self.groups, self.elements]
        return sizes

    def of(self, some: slice) -> "Streams":
        """A stretch of them."""
        return Streams(self.layer, self.groups[some], self.elements[some])


def stream_waits(wanted: Sequence[Streams], limits: Limits = LIMITS) -> list[Ints]:
    """Cycles that each stream of each pass waits for banks, (streams,) per pass."""
    waited: list[list[Ints]] = [[] for _ in wanted]
    for batch in _batches(wanted, limits):
        counts = np.concatenate([_issued(part) for _, part in batch])
        sizes = np.concatenate([part.sizes for _, part in batch])
        live = np.flatnonzero(sizes)
        start = np.cumsum(sizes) - sizes
        layer = batch[0][1].layer
        empty = np.zeros((sizes.size, layer.table.words), np.uint64)
        segments = Segments(counts, start[live], sizes[live], live)
        found, _ = run_queues(segments, empty, layer.array.queue_depth)
        ends = np.cumsum([part.groups.size for _, part in batch])
        for (number, _), cycles in zip(batch, np.split(found, ends[:-1]), strict=True):
            waited[number].append(cycles)
    return [np.concatenate(each) if each else np.zeros(0, np.int64) for each in waited]


def _batches(wanted: Sequence[Streams], limits: Limits) -> Iterator[list[tuple[int, Streams]]]:
    """The streams with the number of their pass, in order, as many at once as the limits allow;
    one stream at least.
    """
    batch: list[tuple[int, Streams]] = []
    size = 0
    for number, streams in enumerate(wanted):
        # Runs are listed too, so streams of many channels with hardly any operations count.
        cost = streams.sizes + streams.layer.weights.lengths[0].size
        first = 0
        while first < streams.groups.size:
            room = int(np.searchsorted(np.cumsum(cost[first:]), limits.operations - size, "right"))
            if room == 0 and batch:
                yield batch
                batch, size = [], 0
                continue
            end = first + max(1, room)
            batch.append((number, streams.of(slice(first, end))))
            size += int(cost[first:end].sum())
            first = end
    if batch:
        yield batch


def _issued(streams: Streams) -> Words:
    """Bank counts of the operations of some streams, one stream after the other, (operations,
    words).
    """
    layer = streams.layer
    groups, of_group = np.unique(streams.groups, return_inverse=True)
    weights = layer.weights.vectors(groups)
    channels = layer.channels
    first = streams.groups * layer.geometry.groups // layer.groups * channels
    met = first[:, None] + np.arange(channels)
    place = streams.elements[:, None], met
    ahead = layer.activations.lengths[place].reshape(-1)
    width = weights.lengths[of_group].reshape(-1)
    # One entry per operation: its run, then which of the run's vectors of either kind it takes.
    size = ahead * width
    run = np.repeat(np.arange(size.size), size)
    number = np.arange(run.size) - (np.cumsum(size) - size)[run]
    outer, inner = np.divmod(number, width[run])
    by_run = layer.activations.first[:-1].reshape(layer.activations.lengths.shape)
    taken = by_run[place].reshape(-1)[run] + outer
    broadcast = weights.first[:-1].reshape(weights.lengths.shape)[of_group].reshape(-1)[run] + inner
    return _summed(layer, taken, weights.members[broadcast])


def _summed(layer: Operands, taken: Ints, codes: Ints) -> Words:
    """Bank counts of operations: each activation of vectors `taken` with each weight of `codes`."""
    single = layer.table.single
    rows = single.reshape(-1, single.shape[2])
    classes, places = layer.activation_classes * single.shape[1], codes.T
    counts = np.zeros((taken.size, single.shape[2]), np.uint64)
    one = np.empty((CHUNK, single.shape[2]), np.uint64)
    for first in range(0, taken.size, CHUNK):
        some = slice(first, first + CHUNK)
        total, met = counts[some], classes[taken[some]]
        added = one[: len(met)]
        for member in met.T:
            for code in places[:, some]:
                # mode="clip" lets numpy write into `added` without a buffer.
                total += rows.take(member + code, axis=0, out=added, mode="clip")
    return counts
