"""The vector operations of an SCNN layer: how many each processing element issues for each filter
group, and, for some groups at a time, which banks every one of them hits, in order of issue.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from archsim.machines.scnn.banks import BankTable, Words, bank_table
from archsim.machines.scnn.tiling import (
    Pass,
    ScnnArray,
    Tiling,
    Vectors,
    WeightRuns,
    activation_vectors,
    weight_runs,
)
from archsim.machines.shared.geometry import Ints, Mask
from archsim.workload.convolution import Geometry


@dataclass(frozen=True)
class Limits:
    """How much is worked on at once: a table should stay in a cache, bank counts in some 16 MB."""

    table_bytes: int = 1 << 19
    operations: int = 1 << 19


LIMITS = Limits()


@dataclass(frozen=True)
class Operands:
    """A layer's vectors. Weights come by filter group, activations by element; C/g channels per
    group.
    """

    weights: WeightRuns
    activations: Vectors
    geometry: Geometry
    tiling: Tiling
    array: ScnnArray

    @property
    def groups(self) -> int:
        """Filter groups, all convolution groups together."""
        return len(self.weights.counts)

    @property
    def channels(self) -> int:
        """Input channels of a convolution group."""
        return int(self.weights.counts.shape[1])

    def input_channels(self, group: int) -> slice:
        """The channels that a filter group meets."""
        first = group * self.geometry.groups // self.groups * self.channels
        return slice(first, first + self.channels)

    @cached_property
    def operations(self) -> Ints:
        """Operations of each (filter group, element)."""
        return self._products(self.weights.lengths, self.activations.lengths)

    def channel_operations(self, group: int) -> Ints:
        """Operations of a filter group by (element, channel)."""
        vectors = self.activations.lengths[:, self.input_channels(group)]
        each: Ints = (vectors * self.weights.lengths[group]).sum(axis=2)
        return each

    @cached_property
    def multiplications(self) -> Ints:
        """Multiplications of each (filter group, element), off-plane products included."""
        return self._products(self.weights.counts, self.activations.counts)

    def _products(self, weights: Ints, activations: Ints) -> Ints:
        """Sums over channels and phases; floats are exact below 2^53."""
        of_groups = self.geometry.groups
        left = weights.reshape(of_groups, self.groups // of_groups, -1).astype(np.float64)
        right = activations.reshape(len(activations), of_groups, -1).astype(np.float64)
        # A matrix product of floats goes through BLAS; one of integers does not.
        sums = left @ right.transpose(1, 2, 0)
        return np.rint(sums).astype(np.int64).reshape(self.groups, -1)

    def of(self, channels: Ints) -> "Operands":
        """Some channels alone, the same of every convolution group."""
        groups = np.arange(self.geometry.groups)[:, None] * self.channels
        activations = self.activations.of((groups + channels).reshape(-1))
        return replace(self, weights=self.weights.of(channels), activations=activations)

    @cached_property
    def table(self) -> BankTable:
        """Bank counts of single products."""
        return bank_table(self.geometry, self.tiling, self.array.banks)

    @cached_property
    def activation_classes(self) -> Ints:
        """Class of every activation, vectors as they come: (vectors, width)."""
        return self.table.activation_classes(self.activations)

    @cached_property
    def met(self) -> "Met":
        """Activation vectors by the weights they meet."""
        lengths = np.ascontiguousarray(np.moveaxis(self.activations.lengths, 0, 2))
        old = self.activations.first[:-1].reshape(self.activations.lengths.shape)
        sizes = lengths.reshape(-1)
        first = np.cumsum(sizes) - sizes
        order = np.repeat(np.moveaxis(old, 0, 2).reshape(-1) - first, sizes)
        order += np.arange(order.size)
        classes = np.ascontiguousarray(self.activation_classes[order].T)
        return Met(classes, first.reshape(lengths.shape))


@dataclass(frozen=True)
class Met:
    """Activation vectors ordered by (channel, phase, element): all that meet the same weights
    together.

    `classes` (width, vectors) of their activations; `first` (channels, phases, elements), index of
    each run's first vector.
    """

    classes: Ints
    first: Ints


def operands(
    weights: Mask, passes: Sequence[Pass], geometry: Geometry, array: ScnnArray
) -> list[Operands]:
    """Vectors of each pass of a layer, from the mask of its weights (K, C/g, R, S)."""
    runs = weight_runs(weights, geometry, passes[0].tiling.filters, array.weights)
    vectors = [activation_vectors(part, geometry, array) for part in passes]
    return [
        Operands(runs, of_pass, geometry, part.tiling, array)
        for part, of_pass in zip(passes, vectors, strict=True)
    ]


@dataclass(frozen=True)
class Piece:
    """A filter group and some of its input channels, with the codes of their weights (vectors,
    width).
    """

    group: int
    channels: slice
    codes: Ints


def pieces(
    layer: Operands, groups: Sequence[int], limits: Limits = LIMITS
) -> Iterator[list[Piece]]:
    """Some filter groups cut into pieces, each with a small table, batched up to the limits."""
    batch: list[Piece] = []
    size = 0
    for group in groups:
        issued = layer.channel_operations(group).sum(axis=0)
        vectors = layer.weights.vectors(np.array([group]))
        phases = vectors.counts.shape[2]
        for channels in _cuts(layer, group, issued, limits):
            more = int(issued[channels].sum())
            if batch and size + more > limits.operations:
                yield batch
                batch, size = [], 0
            first, end = vectors.first[[channels.start * phases, channels.stop * phases]]
            batch.append(Piece(group, channels, vectors.members[first:end]))
            size += more
    if batch:
        yield batch


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
    sizes = np.stack([layer.channel_operations(p.group)[:, p.channels].sum(axis=1) for p in batch])
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
    own = layer.input_channels(piece.group)
    first = layer.met.first[own][piece.channels]
    vectors = layer.activations.lengths[:, own][:, piece.channels]
    lengths = layer.weights.lengths[piece.group, piece.channels]
    rows = vectors.sum(axis=0)
    place = (np.cumsum(rows * lengths) - (rows * lengths).reshape(-1)).reshape(lengths.shape)
    summed = np.empty_like(out)
    _sum_banks(layer, piece, rows, summed)
    # The sums stand by channel, phase, vector; elements issue by element, channel, phase.
    start = place[..., None] + (first - first[..., :1]) * lengths[..., None]
    sizes = (vectors * lengths).reshape(-1)
    where = np.repeat(np.moveaxis(start, 2, 0).reshape(-1) - (np.cumsum(sizes) - sizes), sizes)
    where += np.arange(len(out))
    summed.take(where, axis=0, out=out, mode="clip")


def _sum_banks(layer: Operands, piece: Piece, rows: Ints, out: Words) -> None:
    """Bank counts by channel, phase, activation vector (as many as `rows`) and weight vector."""
    lengths = layer.weights.lengths[piece.group, piece.channels]
    begin = layer.met.first[layer.input_channels(piece.group)][piece.channels, :, 0]
    table = layer.table.of_weights(piece.codes)
    words = table.shape[2]
    weight, place = 0, 0
    runs = zip(*(each.reshape(-1).tolist() for each in (rows, lengths, begin)), strict=True)
    for count, width, at in runs:
        if count and width:
            row = table[weight : weight + width].transpose(1, 0, 2).reshape(-1, width * words)
            target = out[place : place + count * width].reshape(count, width * words)
            members = layer.met.classes[:, at : at + count]
            # mode="clip" lets numpy write into `out` without a buffer; no index is out of range.
            row.take(members[0], axis=0, out=target, mode="clip")
            for member in members[1:]:
                target += row.take(member, axis=0)
        weight, place = weight + width, place + count * width
