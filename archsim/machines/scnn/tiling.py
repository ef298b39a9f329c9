"""How SCNN cuts a convolution (ISCA 2017): the input plane into a grid of tiles, one per processing
element; the filters into groups that fit the accumulators; and both operands into vectors of
non-zeros, per input channel and stride phase, because only activations and weights of equal phase
meet in an output.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.compiled import compiled
from archsim.machines.shared.geometry import Ints, Mask, ceil_div
from archsim.workload.convolution import Geometry, Pair

BANK_COUNTS = (1, 2, 4, 8, 16, 32, 64)
FILTER_KINDS = 16  # the filter's bits that choose among 64 banks
PACKED = 1 << 22  # weights whose vectors are held together
RUN_BITS = 4  # the zero run before a stored value
LARGEST_QUEUE = 127  # products a queue and one operation may have together: seven bits of a byte


@dataclass(frozen=True)
class ScnnArray:
    """`rows` x `columns` elements of `weights` x `activations` multipliers, each with `banks`
    accumulator banks, a queue of `queue_depth` products before each bank, and room for
    `accumulators` outputs of `most_filters` output channels at most, None for any number.
    Operands have `activation_bits` and `weight_bits`.
    """

    rows: int = 8
    columns: int = 8
    weights: int = 4
    activations: int = 4
    banks: int = 32
    queue_depth: int = 8
    accumulators: int = 1024
    most_filters: int | None = None
    activation_bits: int = 8
    weight_bits: int = 8

    def __post_init__(self) -> None:
        if self.banks not in BANK_COUNTS:
            raise ValueError(f"SCNN has {self.banks} banks; a power of two up to 64 can be hashed")
        if max(self.queue_depth, self.products) + self.products > LARGEST_QUEUE:
            most = LARGEST_QUEUE - self.products
            raise ValueError(f"SCNN queues of {self.queue_depth} products: at most {most}")

    @property
    def elements(self) -> int:
        """Processing elements."""
        return self.rows * self.columns

    @property
    def products(self) -> int:
        """Products of one vector operation."""
        return self.weights * self.activations

    def filters_of(self, outputs: int) -> int:
        """Filters of which the accumulators hold so many outputs each, perhaps none."""
        filters = self.accumulators // outputs
        return filters if self.most_filters is None else min(filters, self.most_filters)

    @property
    def activation_entry_bits(self) -> int:
        """Bits of a stored activation: its value and the zero run before it."""
        return self.activation_bits + RUN_BITS

    @property
    def weight_entry_bits(self) -> int:
        """As `activation_entry_bits`, of a stored weight."""
        return self.weight_bits + RUN_BITS


@dataclass(frozen=True)
class Tiling:
    """A layer on the grid: tiles of `tile` pixels of a plane whose first pixel has padded
    coordinate `origin`; groups of `filters` output channels.
    """

    plane: Pair
    origin: Pair
    tile: Pair
    out_size: Pair
    filters: int


@dataclass(frozen=True)
class Pass:
    """One pass over a plane: its activations, `values` (C, rows, columns) of any type, of which
    those in rows that are not `read` (rows,) count as zeros; and how they lie on the grid.

    The values may be a view of a larger plane: masks are made of the channels that are looked at.
    """

    values: NDArray[Any]
    tiling: Tiling
    read: Mask | None = None

    def live(self, channels: slice, out: Mask) -> None:
        """Write where the non-zeros of some channels are, (channels, rows, columns)."""
        np.not_equal(self.values[channels], 0, out=out)
        if self.read is not None and not self.read.all():
            out &= self.read[:, None]


@dataclass(frozen=True)
class Vectors:
    """Vectors of non-zeros, sorted by run. A run is what one operand brings to one channel and
    phase.

    `counts`: non-zeros of each run, (blocks, channels, phases); a block is a tile or a filter
    group. `members`: (vectors, width) codes, 0 where a vector is not full. `first`: index of each
    run's first vector, and the end.
    """

    counts: Ints
    members: NDArray[Any]
    first: Ints

    @cached_property
    def lengths(self) -> Ints:
        """Vectors of each run, shaped as `counts`."""
        return np.diff(self.first).reshape(self.counts.shape)


def grid_tiling(in_size: Pair, geometry: Geometry, array: ScnnArray) -> Tiling:
    """The unpadded plane on the grid, and the filters whose outputs, halo included, fit the
    accumulators.
    """
    tile = ceil_div(in_size[0], array.rows), ceil_div(in_size[1], array.columns)
    filters = max(1, array.filters_of(prod(geometry.reached(tile))))
    origin = geometry.padding[0], geometry.padding[1]
    return Tiling(in_size, origin, tile, geometry.out_size(in_size), filters)


def phase_of_taps(geometry: Geometry) -> Ints:
    """Stride phase of each tap, row phase outer: (R * S,)."""
    (sh, sw), (dh, dw) = geometry.stride, geometry.dilation
    rows = np.arange(geometry.kernel[0]) * dh % sh
    columns = np.arange(geometry.kernel[1]) * dw % sw
    return (rows[:, None] * sw + columns).reshape(-1)


@dataclass(frozen=True, eq=False)
class WeightRuns:
    """Weights by filter group, groups numbered through the layer: `cube` (groups, filters, C/g,
    taps), the taps ordered by stride phase as `taps` says; `phase` of each of them.

    `rounds` filter groups make a convolution group of `each` filters. Vectors are packed for the
    groups that are asked for. `proofs` keeps what a certificate found of the groups.
    """

    cube: Mask
    taps: Ints
    phase: Ints
    phases: int
    rounds: int
    each: int
    width: int
    proofs: dict[bytes, Mask] = field(default_factory=dict, init=False)

    @cached_property
    def counts(self) -> NDArray[Any]:
        """Non-zeros of each run, (groups, channels, phases)."""
        if loops := compiled("vector_loops"):
            counted: NDArray[Any] = loops.count_weights(self.cube, self._bounds)
            return counted
        # Numbers of the type that is added up, and no wider than they need, go many at a time.
        kind = np.min_scalar_type(self.cube.shape[1])
        per_tap = np.add.reduce(self.cube.view(np.uint8), axis=1, dtype=kind)
        of_phases = [
            per_tap[..., begin:end].sum(axis=-1, dtype=np.int32)
            for begin, end in pairwise(self._bounds.tolist())
        ]
        return np.stack(of_phases, axis=-1)

    @cached_property
    def lengths(self) -> NDArray[Any]:
        """Vectors of each run, shaped as `counts`."""
        return -(-self.counts // self.width)

    def vectors(self, groups: Ints) -> Vectors:
        """Vectors of some groups, weights in order (row, column, filter).

        A weight's code is 1 + k % 16 * R * S + tap, k numbered through the layer: banks see no more
        of a filter.
        """
        filters, _, taps = self.cube.shape[1:]
        first_filter = groups // self.rounds * self.each + groups % self.rounds * filters
        if loops := compiled("vector_loops"):
            counts = self.counts[groups]
            first = _first(self.lengths[groups])
            kernel = self.taps, self._bounds, FILTER_KINDS
            members = loops.pack_weights(
                self.cube, (groups, first_filter), kernel, first, self.width
            )
            return Vectors(counts, members, first)
        # In the order of issue in memory as well: it is gone through twice.
        cube = np.ascontiguousarray(self.cube[groups].transpose(0, 2, 3, 1))
        k = first_filter[:, None, None] + np.arange(filters)
        codes = (1 + k % FILTER_KINDS * taps + self.taps[:, None]).astype(np.int32)
        # All channels of a group have the same codes, so that a place tells the code.
        place, each = np.flatnonzero(cube), taps * filters
        own = place % each
        if len(groups) > 1:
            own += place // cube[0].size * each
        return pack(self.counts[groups], codes.reshape(-1).take(own, mode="clip"), self.width)

    @cached_property
    def _bounds(self) -> Ints:
        """Where the taps of each phase begin, and the end: (phases + 1,)."""
        return np.searchsorted(self.phase, np.arange(self.phases + 1))

    def all_vectors(self) -> Iterator[Vectors]:
        """Those of all groups, some groups after the other; few weights are packed once."""
        step = max(1, PACKED // max(1, self.cube[0].size))
        if step >= len(self.cube):
            yield self._packed
            return
        for first in range(0, len(self.cube), step):
            yield self.vectors(np.arange(first, min(first + step, len(self.cube))))

    @cached_property
    def _packed(self) -> Vectors:
        return self.vectors(np.arange(len(self.cube)))


def weight_runs(weights: Mask, geometry: Geometry, filters: int, width: int) -> WeightRuns:
    """Runs of a mask (K, C/g, R, S) for each group of `filters` output channels."""
    K, channels, R, S = weights.shape
    each = K // geometry.groups
    rounds = ceil_div(each, filters)
    phase = phase_of_taps(geometry)
    # Taps of one phase stand together, so that the codes of a run are a contiguous slice.
    order = np.argsort(phase, kind="stable")
    cube = weights.reshape(geometry.groups, each, channels, R * S)
    if geometry.stride != (1, 1):
        cube = cube[..., order]
    if each < rounds * filters:
        cube = np.pad(cube, ((0, 0), (0, rounds * filters - each), (0, 0), (0, 0)))
    cube = np.ascontiguousarray(cube.reshape(geometry.groups * rounds, filters, channels, R * S))
    phases = geometry.stride[0] * geometry.stride[1]
    return WeightRuns(cube, order, phase[order], phases, rounds, each, width)


def _first(lengths: NDArray[Any]) -> Ints:
    """Where vectors of runs begin, and the end."""
    return np.concatenate([[0], np.cumsum(lengths)])


def pack(counts: NDArray[Any], codes: NDArray[Any], width: int) -> Vectors:
    """Fill each run's codes into vectors of `width`."""
    sizes = counts.reshape(-1)
    lengths = -(-sizes // width)
    first = _first(lengths)
    members = np.zeros(int(first[-1]) * width, np.int32)
    # Every place holds a code, but for the last ones of each run that does not fill its vectors.
    held, spare = np.ones(members.size, bool), lengths * width - sizes
    for back in range(1, width):
        held[first[1:][spare >= back] * width - back] = False
    members[held] = codes
    return Vectors(counts, members.reshape(-1, width), first)
