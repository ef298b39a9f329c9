"""Single streams of SCNN's operations, what one element does with one filter group, followed from
empty queues to their end. Where few elements of a group matter this is far less work than
following all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from archsim.machines.scnn.banks import Words
from archsim.machines.scnn.compiled import compiled
from archsim.machines.scnn.elements import tile_vectors, tiles_of
from archsim.machines.scnn.met import Blocks, met_in
from archsim.machines.scnn.operations import LIMITS, Limits, Operands, Piece
from archsim.machines.scnn.queues import Segments, run_queues
from archsim.machines.scnn.tiling import Vectors
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
        return self.layer.issued(self.groups, self.elements)

    def of(self, some: slice) -> "Streams":
        """A stretch of them."""
        return Streams(self.layer, self.groups[some], self.elements[some])


def stream_waits(wanted: Sequence[Streams], limits: Limits = LIMITS) -> list[Ints]:
    """Cycles that each stream of each pass waits for banks, (streams,) per pass."""
    waited: list[list[Ints]] = [[] for _ in wanted]
    for batch in _batches(wanted, limits):
        if compiled():
            for number, part in batch:
                waited[number].append(_followed(part))
            continue
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
        cost = streams.sizes + prod(streams.layer.weights.lengths.shape[1:])
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


def _followed(streams: Streams) -> Ints:
    """Cycles that some streams wait, (streams,), by the compiled loop."""
    layer, waited = streams.layer, np.zeros(streams.groups.size, np.int64)
    groups, of_group = np.unique(streams.groups, return_inverse=True)
    weights = layer.weights.vectors(groups)
    (of, elements), block = _pairs(streams)
    blocks = Blocks(of * layer.channels, elements, layer.channels)
    together = met_in(blocks, layer.part, layer.geometry, layer.array, layer.table)
    ends = weights.first[:: prod(weights.lengths.shape[1:])]
    for group, lengths in enumerate(weights.lengths):
        mine = np.flatnonzero(of_group == group)
        codes = weights.members[ends[group] : ends[group + 1]]
        one = Piece(int(groups[group]), codes, lengths, together.on(block[mine]))
        queues, cycles = np.zeros((mine.size, layer.table.words), np.uint64), waited[mine]
        one.follow(layer, queues, cycles)
        waited[mine] = cycles
    return waited


def _issued(streams: Streams) -> Words:
    """Bank counts of the operations of some streams, one stream after the other, (operations,
    words).
    """
    layer = streams.layer
    groups, of_group = np.unique(streams.groups, return_inverse=True)
    weights = layer.weights.vectors(groups)
    vectors, block = _activations(streams)
    ahead = vectors.lengths[block].reshape(-1)
    width = weights.lengths[of_group].reshape(-1)
    # One entry per operation: its run, then which of the run's vectors of either kind it takes.
    size = ahead * width
    run = np.repeat(np.arange(size.size), size)
    number = np.arange(run.size) - (np.cumsum(size) - size)[run]
    outer, inner = np.divmod(number, width[run])
    taken = vectors.first[:-1].reshape(vectors.lengths.shape)[block].reshape(-1)[run] + outer
    broadcast = weights.first[:-1].reshape(weights.lengths.shape)[of_group].reshape(-1)[run] + inner
    classes = layer.table.activation_classes(vectors)
    return _summed(layer, classes, taken, weights.members[broadcast])


def _activations(streams: Streams) -> tuple[Vectors, Ints]:
    """Vectors of the elements in the channels that streams meet, and which of their blocks each
    stream meets: those of a convolution group on an element are a block.
    """
    layer = streams.layer
    (of, elements), block = _pairs(streams)
    tiles = [
        tiles_of(
            layer.part,
            layer.array,
            slice(group * layer.channels, (group + 1) * layer.channels),
            elements[of == group],
        )
        for group in np.unique(of).tolist()
    ]
    return tile_vectors(
        np.concatenate(tiles), elements, layer.tiling, layer.geometry, layer.array
    ), block


def _pairs(streams: Streams) -> tuple[tuple[Ints, Ints], Ints]:
    """The convolution groups and elements that some streams meet, each pair once, and which of the
    pairs each stream meets.
    """
    layer = streams.layer
    of = streams.groups * layer.geometry.groups // layer.groups
    pairs, which = np.unique(of * layer.array.elements + streams.elements, return_inverse=True)
    group, element = np.divmod(pairs, layer.array.elements)
    return (group, element), which


def _summed(layer: Operands, classes: Ints, taken: Ints, codes: Ints) -> Words:
    """Bank counts of operations: each activation of vectors `taken`, of these classes, with each
    weight of `codes`.
    """
    table = layer.table
    rows, places = table.by_code.reshape(-1, table.words), codes.T * table.classes
    counts = np.zeros((taken.size, table.words), np.uint64)
    one = np.empty((CHUNK, table.words), np.uint64)
    for first in range(0, taken.size, CHUNK):
        some = slice(first, first + CHUNK)
        total, met = counts[some], classes[taken[some]].T.astype(np.int64)
        added = one[: len(total)]
        for member in met:
            for code in places[:, some]:
                # mode="clip" lets numpy write into `added` without a buffer.
                total += rows.take(member + code, axis=0, out=added, mode="clip")
    return counts
