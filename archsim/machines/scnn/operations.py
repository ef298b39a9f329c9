"""The vector operations of an SCNN layer: how many each processing element issues for each filter
group, and, for some groups at a time, which banks every one of them hits, in order of issue.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.banks import BankTable, Words, bank_table
from archsim.machines.scnn.compiled import compiled
from archsim.machines.scnn.elements import BLOCK, run_counts
from archsim.machines.scnn.met import Met, met
from archsim.machines.scnn.tiling import Pass, ScnnArray, Tiling, Vectors, WeightRuns, weight_runs
from archsim.machines.shared.geometry import Ints
from archsim.workload.convolution import Geometry


@dataclass(frozen=True)
class Limits:
    """How much is worked on at once: a table should stay in a cache, bank counts in some 16 MB."""

    table_bytes: int = 1 << 19
    operations: int = 1 << 19


LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Operands:
    """A pass of a layer: the layer's weights by filter group, and the activations of its elements,
    of which only the counts of operations are kept; C/g channels per group.
    """

    weights: WeightRuns
    part: Pass
    geometry: Geometry
    array: ScnnArray

    @property
    def tiling(self) -> Tiling:
        """How the pass lies on the grid."""
        return self.part.tiling

    @property
    def groups(self) -> int:
        """Filter groups, all convolution groups together."""
        return len(self.weights.cube)

    @property
    def channels(self) -> int:
        """Input channels of a convolution group."""
        return int(self.weights.cube.shape[2])

    def input_channels(self, group: int) -> slice:
        """The channels that a filter group meets."""
        first = group * self.geometry.groups // self.groups * self.channels
        return slice(first, first + self.channels)

    @property
    def operations(self) -> Ints:
        """Operations of each (filter group, element)."""
        return self._counted[0].astype(np.int64)

    def issued(self, groups: Ints, elements: Ints | slice) -> Ints:
        """Operations of some filter groups on some elements."""
        issued: Ints = self._counted[0][groups, elements].astype(np.int64)
        return issued

    @property
    def multiplications(self) -> int:
        """Multiplications of all filter groups and elements, off-plane products included."""
        return self._counted[1]

    @cached_property
    def _counted(self) -> tuple[Ints, int]:
        """Operations in the narrowest type that holds them, there being many passes; and all
        multiplications.
        """
        counts, og = run_counts(self.part, self.geometry, self.array), self.geometry.groups
        activations = counts.sum(axis=0, dtype=np.int64).reshape(og, -1)
        weights = self.weights.counts.reshape(og, self.groups // og, -1).sum(1, dtype=np.int64)
        # Rounded up without adding to a count, which would overflow a narrow type.
        width = counts.dtype.type(self.array.activations)
        vectors = counts // width + (counts % width != 0)
        issued = self._products(self.weights.lengths, vectors)
        kind = np.min_scalar_type(int(issued.max(initial=0)))
        return issued.astype(kind), int((weights * activations).sum())

    def _products(self, weights: Ints, activations: Ints) -> Ints:
        """Sums over channels and phases; floats are exact below 2^53."""
        of_groups = self.geometry.groups
        left = weights.reshape(of_groups, self.groups // of_groups, -1).astype(np.float64)
        right = activations.reshape(len(activations), of_groups, -1).astype(np.float64)
        # A matrix product of floats goes through BLAS; one of integers does not.
        sums = left @ right.transpose(1, 2, 0)
        return np.rint(sums).astype(np.int64).reshape(self.groups, -1)

    @property
    def table(self) -> BankTable:
        """Bank counts of single products."""
        return bank_table(self.geometry, self.tiling, self.array.banks)

    def met(self, channels: slice) -> Met:
        """Activation vectors of some channels by the weights they meet."""
        return met(self.part, channels, self.geometry, self.array, self.table)


def operands(
    weights: NDArray[Any], passes: Sequence[Pass], geometry: Geometry, array: ScnnArray
) -> list[Operands]:
    """The passes of a layer, from its weights (K, C/g, R, S) or the mask of them."""
    runs = weight_runs(weights != 0, geometry, passes[0].tiling.filters, array.weights)
    return [Operands(runs, part, geometry, array) for part in passes]


@dataclass(frozen=True)
class Piece:
    """A filter group and some of its input channels, with the `codes` of their weights (vectors,
    width), the `lengths` of their runs (channels, phases), and the activations `met` in them.
    """

    group: int
    codes: Ints
    lengths: Ints
    met: Met

    @cached_property
    def operations(self) -> Ints:
        """Operations of each (element, channel)."""
        return self.met.operations(self.lengths)

    def follow(self, layer: Operands, queues: Words, waited: Ints) -> None:
        """Let the elements go through it by compiled loops: `queues` (elements, words) and the
        cycles `waited` (elements,) go on from what they are.
        """
        met, table, array = self.met, layer.table, layer.array
        compiled().follow(
            (self.codes, np.ascontiguousarray(self.lengths, np.int32)),
            (table.by_class.reshape(-1), table.by_class[0].size),
            (met.classes.T, met.first, met.lengths),
            (queues, waited),
            (
                array.queue_depth,
                *((0,) * n for n in (table.words, array.weights, array.activations)),
            ),
        )


def piece(layer: Operands, group: int, channels: slice, weights: Vectors, of: Met) -> Piece:
    """A piece of a filter group whose `weights` those are, `of` being met in these channels."""
    phases = weights.counts.shape[2]
    first, end = weights.first[[channels.start * phases, channels.stop * phases]]
    lengths = layer.weights.lengths[group, channels]
    return Piece(group, weights.members[first:end], lengths, of)


def pieces(
    layer: Operands, groups: Sequence[int], limits: Limits = LIMITS
) -> Iterator[list[Piece]]:
    """Some filter groups cut into pieces, each with a small table, batched up to the limits."""
    batch: list[Piece] = []
    size, own = 0, slice(0, 0)
    for group in groups:
        mine = layer.input_channels(group)
        if not own.start <= mine.start < own.stop:
            own = _together(layer, mine, layer.input_channels(groups[-1]))
            together = layer.met(own)
        every = together.of(slice(mine.start - own.start, mine.stop - own.start))
        issued = every.operations(layer.weights.lengths[group]).sum(axis=0)
        vectors = layer.weights.vectors(np.array([group]))
        for channels in _cuts(layer, group, issued, limits):
            more = int(issued[channels].sum())
            if batch and size + more > limits.operations:
                yield batch
                batch, size = [], 0
            batch.append(piece(layer, group, channels, vectors, every.of(channels)))
            size += more
    if batch:
        yield batch


def _together(layer: Operands, first: slice, last: slice) -> slice:
    """Channels of convolution groups from the `first` to the `last` at most that are looked at
    together, for those of a depthwise layer are many and small.
    """
    most = BLOCK // max(1, prod(layer.tiling.plane) * layer.channels) * layer.channels
    return slice(first.start, max(first.stop, min(last.stop, first.start + most)))


def _cuts(layer: Operands, group: int, issued: Ints, limits: Limits) -> Iterator[slice]:
    """Ranges of a group's channels within the limits, or of one channel."""
    table = np.cumsum(layer.weights.lengths[group].sum(axis=1)) * layer.table.entry_bytes
    work = np.cumsum(issued)
    first, table_done, work_done = 0, 0, 0
    while first < layer.channels:
        # A table beyond the cache makes every lookup a miss; it is rebuilt for each cut instead.
        small = np.searchsorted(table, table_done + limits.table_bytes, side="right")
        short = np.searchsorted(work, work_done + limits.operations, side="right")
        end = max(first + 1, min(int(small), int(short), layer.channels))
        yield slice(first, end)
        first, table_done, work_done = end, int(table[end - 1]), int(work[end - 1])


def issue(layer: Operands, batch: list[Piece]) -> tuple[Words, Ints]:
    """Bank counts of a batch's operations, piece by piece, element by element: (operations,
    words), and how many each (piece, element) has.
    """
    sizes = np.stack([piece.operations.sum(axis=1) for piece in batch])
    counts = np.empty((int(sizes.sum()), layer.table.words), np.uint64)
    ends = np.cumsum(sizes.sum(axis=1))
    for piece, end, size in zip(batch, ends, sizes.sum(axis=1), strict=True):
        if size:
            _fill(layer, piece, counts[end - size : end])
    return counts, sizes


def _fill(layer: Operands, piece: Piece, out: Words) -> None:
    """Write a piece's bank counts: activation vectors are the outer loop, weight vectors the
    inner.

    They are summed by channel and phase, where all elements meet the same weight vectors and an
    activation adds a whole row of them; then they are put in order of issue.
    """
    first, lengths = piece.met.first, piece.lengths
    rows = piece.met.lengths.sum(axis=2)
    place = (np.cumsum(rows * lengths) - (rows * lengths).reshape(-1)).reshape(lengths.shape)
    summed = np.empty_like(out)
    _sum_banks(layer, piece, rows, summed)
    # The sums stand by channel, phase, vector; elements issue by element, channel, phase.
    start = place[..., None] + (first - first[..., :1]) * lengths[..., None]
    sizes = np.moveaxis(piece.met.lengths * lengths[..., None], 2, 0).reshape(-1)
    where = np.repeat(np.moveaxis(start, 2, 0).reshape(-1) - (np.cumsum(sizes) - sizes), sizes)
    where += np.arange(len(out))
    summed.take(where, axis=0, out=out, mode="clip")


def _sum_banks(layer: Operands, piece: Piece, rows: Ints, out: Words) -> None:
    """Bank counts by channel, phase, activation vector (as many as `rows`) and weight vector."""
    begin = piece.met.first[:, :, 0]
    table = layer.table.of_weights(piece.codes)
    words = table.shape[2]
    weight, place = 0, 0
    runs = zip(*(each.reshape(-1).tolist() for each in (rows, piece.lengths, begin)), strict=True)
    for count, width, at in runs:
        if count and width:
            row = table[weight : weight + width].transpose(1, 0, 2).reshape(-1, width * words)
            target = out[place : place + count * width].reshape(count, width * words)
            members = piece.met.classes[:, at : at + count]
            # mode="clip" lets numpy write into `out` without a buffer; no index is out of range.
            row.take(members[0], axis=0, out=target, mode="clip")
            for member in members[1:]:
                target += row.take(member, axis=0)
        weight, place = weight + width, place + count * width
