"""The jobs of a SmartDeal PE line: one coefficient row against the inputs of one tile.

A job's cycles are the sum, over the weights its row rebuilds, of the largest serial count among the
tile's pixels under that weight, at least one each; an all-zero input makes no job
(docs/machines/smartdeal.md). A *unit* is a coefficient row's place in a filter: (input channel,
kernel row), or a channel triple.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from archsim.formats.digits import Values, counts, most_steps
from archsim.machines.shared.digits import Codes, Counts, fold, thermometer
from archsim.machines.shared.geometry import Ints, ceil_div, read_only
from archsim.machines.shared.groups import part_sizes
from archsim.workload.convolution import Geometry, Pair
from archsim.workload.rows import input_rows

Small = NDArray[np.signedinteger[Any]]
Number = TypeVar("Number", bound=np.integer[Any])
TRIPLE = 3
CHUNK = 1 << 16
"""Codes whose columns of the kernel are folded together, so that they stay in a cache."""
HELD = 1 << 22
"""Inputs whose jobs are worked out together: on the way they take several times their own size."""


@dataclass(frozen=True)
class Jobs:
    """What every unit asks of every tile, whatever its weights are. U units, T tiles.

    `cycles` (U, T) is 0 where the input is all zero and `zero_cycles` (U, T) what such a job lasts
    on a machine that keeps it. `digits` (U,) is the serial counts of all multiplications, `inputs`
    (I, T) the inputs that exist for unit u in row u modulo I, `pixels` (T,) the valid output pixels
    of the tile, `weights` (U,) the weights of the row that exist, `line` (U,) the PE line,
    `columns` the tiles of one output row; `linear` jobs put a row's inputs side by side.
    """

    cycles: Small
    zero_cycles: Small
    digits: Ints
    inputs: Small
    pixels: Ints
    weights: Ints
    line: Ints
    columns: int
    linear: bool = False

    def inputs_of(self, tiles: slice) -> Small:
        """(U, tiles) the inputs that exist, of some tiles."""
        return np.resize(self.inputs[:, tiles], (len(self.cycles), self.inputs[0, tiles].size))

    def with_zero_inputs(self) -> Small:
        """(U, T) cycles where an all-zero input has its job too."""
        return np.where(self.cycles > 0, self.cycles, self.zero_cycles)


def step_maxima(codes: Codes, geometry: Geometry, macs: int) -> tuple[Small, NDArray[np.bool_]]:
    """(C, H, W) thermometer codes -> (C, H, tiles of an output row) cycles and whether any input is
    non-zero.
    """
    left, width = geometry.padding[1], geometry.padded(codes.shape[1:])[1]
    padded = np.zeros((*codes.shape[:2], width), codes.dtype)
    padded[:, :, left : left + codes.shape[2]] = codes
    pixels = geometry.out_size(codes.shape[1:])[1]
    tiles = ceil_div(pixels, macs)
    total = np.zeros((*codes.shape[:2], tiles), np.int32)
    live = np.zeros(total.shape, np.bool_)
    window = _taps(padded, geometry, pixels)
    step = max(1, CHUNK // codes.size)
    for first in range(0, len(window), step):
        most = fold(window[first : first + step], macs)
        # A weight takes a cycle even if all its pixels are zero; only a job without any non-zero
        # input is left out (docs/machines/smartdeal.md).
        total += np.maximum(most, 1).sum(axis=0, dtype=np.int32)
        live |= most.any(axis=0)
    return total, live


def _taps(padded: Codes, geometry: Geometry, pixels: int) -> Codes:
    """(kernel columns, C, H, pixels): what each column of the kernel sees of a plane, a view."""
    plane, row, column = padded.strides
    return as_strided(
        padded,
        (geometry.kernel[1], *padded.shape[:2], pixels),
        (column * geometry.dilation[1], plane, row, column * geometry.stride[1]),
        writeable=False,
    )


def spatial_jobs(inputs: Values, geometry: Geometry, macs: int, serial: str, lines: int) -> Jobs:
    """Inputs (C, H, W) -> jobs of units (c, kernel row), tiles (output row, `macs` consecutive
    pixels).
    """
    plane = _plane(geometry, (inputs.shape[1], inputs.shape[2]), macs)
    channels, height = inputs.shape[0], geometry.kernel[0]
    # The least signed type that holds the longest job: of -n - 1 where that is n.
    longest = most_steps(inputs.dtype, serial)
    small = np.min_scalar_type(-longest * geometry.kernel[1] - 1)
    cycles = np.empty((channels, *plane.inputs.shape), small)
    digits = np.empty((channels, height), np.int64)
    step = max(1, HELD // inputs[0].size)
    for first in range(0, channels, step):
        own = slice(first, first + step)
        step_counts = counts(inputs[own], serial)
        row_cycles, row_live = step_maxima(thermometer(step_counts, longest), geometry, macs)
        # What is not live lasts no cycle, and neither does a row that the plane does not have.
        row_cycles *= row_live
        cycles[own] = row_cycles[:, plane.rows]
        digits[own] = _unit_digits(step_counts, geometry, plane)
    cycles *= plane.exists[..., None]
    units = channels * height
    return Jobs(
        cycles=cycles.reshape(units, -1),
        zero_cycles=np.full((units, 1), geometry.kernel[1], np.int32),
        digits=digits.reshape(-1),
        inputs=plane.inputs.reshape(height, -1),
        pixels=plane.pixels,
        weights=np.full(units, geometry.kernel[1]),
        line=(np.arange(channels) % lines).repeat(height),
        columns=plane.columns,
    )


@dataclass(frozen=True)
class _Plane:
    """What the tiles of a plane are, whatever it holds.

    For kernel row r of output row p: `rows` (R, P) the input row it reads, or the nearest one where
    the plane has none, which `exists` (R, P) says; `inputs` (R, P, X) what a tile reads of it.
    `pixels` (P * X,) are those of each tile, of which an output row has X, `columns`.
    """

    rows: Ints
    exists: NDArray[np.bool_]
    inputs: Small
    pixels: Ints
    columns: int


@lru_cache(maxsize=64)
def _plane(geometry: Geometry, in_size: Pair, macs: int) -> _Plane:
    """The tiles of a plane, `macs` pixels wide."""
    rows, exists = input_rows(geometry, in_size)
    pixels, row_inputs = tile_columns(geometry, in_size, macs)
    return _Plane(
        rows=read_only(rows.clip(0, in_size[0] - 1)),
        exists=exists,
        inputs=read_only((exists[..., None] * row_inputs).astype(np.int32)),
        pixels=read_only(np.tile(pixels, len(rows[0]))),
        columns=len(pixels),
    )


@lru_cache(maxsize=256)
def tile_columns(geometry: Geometry, in_size: Pair, macs: int) -> tuple[Ints, Ints]:
    """Per tile of an output row: its pixels, and the input columns from the first to the last it
    reads that exist.
    """
    across = geometry.out_size(in_size)[1]
    pixels = part_sizes(across, macs)
    start = np.arange(0, across, macs) * geometry.stride[1] - geometry.padding[1]
    length = (pixels - 1) * geometry.stride[1] + (geometry.kernel[1] - 1) * geometry.dilation[1] + 1
    existing = np.minimum(start + length, in_size[1]) - np.maximum(start, 0)
    return read_only(pixels), read_only(np.maximum(existing, 0))


def block_inputs(geometry: Geometry, in_size: Pair, macs: int, block: int) -> Ints:
    """(T,) inputs that one channel's tiles of `block` output rows read, each counted once."""
    used, exists = input_rows(geometry, in_size)
    firsts = range(0, used.shape[1], block)
    heights = [len(np.unique(used[:, e : e + block][exists[:, e : e + block]])) for e in firsts]
    _, widths = tile_columns(geometry, in_size, macs)
    return np.outer(heights, widths).reshape(-1)


def _unit_digits(step_counts: Counts, geometry: Geometry, plane: _Plane) -> Ints:
    """(C, R) serial counts summed over every multiplication of a unit."""
    in_size = step_counts.shape[1], step_counts.shape[2]
    # float32 is exact below 2**24, far above what a row adds up to, and BLAS is fastest with it.
    by_row = step_counts.astype(np.float32) @ _column_uses(geometry, in_size)
    picked = np.rint(by_row).astype(np.int64)[:, plane.rows]
    picked *= plane.exists
    digits: Ints = picked.sum(axis=-1)
    return digits


@lru_cache(maxsize=256)
def _column_uses(geometry: Geometry, in_size: Pair) -> NDArray[np.float32]:
    """(W,) how often each input column is read by any pixel, the window's columns taken
    together.
    """
    first = np.arange(geometry.out_size(in_size)[1]) * geometry.stride[1] - geometry.padding[1]
    tap = np.arange(geometry.kernel[1]) * geometry.dilation[1]
    columns = first[:, None] + tap
    inside = columns[(columns >= 0) & (columns < in_size[1])]
    return read_only(np.bincount(inside, minlength=in_size[1]).astype(np.float32))


def pointwise_jobs(inputs: Values, geometry: Geometry, macs: int, serial: str, lines: int) -> Jobs:
    """Inputs (C, H, W) of a 1x1 layer -> jobs of units (triple), tiles of `macs` pixels of the
    flattened plane.
    """
    top, left, bottom, right = geometry.padding
    plane = (
        np.pad(inputs, ((0, 0), (top, bottom), (left, right))) if any(geometry.padding) else inputs
    )
    (p, q), (down, across) = geometry.out_size(inputs.shape[1:]), geometry.stride
    picked = plane[:, : (p - 1) * down + 1 : down, : (q - 1) * across + 1 : across]
    existing, pixels = channels_of_triples(len(inputs)), part_sizes(p * q, macs)
    cycles = np.empty((len(existing), len(pixels)), np.int32)
    digits = np.empty(len(existing), np.int64)
    step = max(1, HELD // (TRIPLE * p * q))
    for first in range(0, len(existing), step):
        own = slice(first, first + step)
        flat = picked[first * TRIPLE : (first + step) * TRIPLE].reshape(-1, p * q)
        step_counts = counts(np.ascontiguousarray(flat), serial)
        most = fold(thermometer(step_counts, most_steps(inputs.dtype, serial)), macs)
        # Three counts of at most 16 fit a byte.
        lasting = _in_triples(np.maximum(most, 1)).sum(axis=1, dtype=np.uint8)
        cycles[own] = lasting * (_in_triples(most).max(axis=1) > 0)
        by_channel = step_counts.sum(axis=1, dtype=np.int64)
        digits[own] = _in_triples(by_channel[:, None]).sum(axis=(1, 2))
    return Jobs(
        cycles=cycles,
        zero_cycles=existing[:, None].astype(np.int32),
        digits=digits,
        inputs=(existing[:, None] * pixels).astype(np.int32),
        pixels=pixels,
        weights=existing,
        line=np.arange(len(existing)) % lines,
        columns=len(pixels),
    )


def linear_jobs(vectors: Values, serial: str, lines: int) -> Jobs:
    """Inputs (positions, C) -> jobs of units (triple), one tile per position; the triple's inputs
    side by side.
    """
    step_counts = counts(np.ascontiguousarray(vectors.T), serial)
    existing = channels_of_triples(len(step_counts))
    triples = _in_triples(step_counts)
    positions = triples.shape[2]
    return Jobs(
        cycles=triples.max(axis=1).astype(np.int32),
        zero_cycles=np.ones((len(existing), 1), np.int32),
        digits=triples.sum(axis=(1, 2), dtype=np.int64),
        inputs=np.repeat(existing[:, None], positions, axis=1).astype(np.int32),
        pixels=np.ones(positions, np.int64),
        weights=existing,
        line=np.arange(len(existing)) % lines,
        columns=positions,
        linear=True,
    )


def channels_of_triples(channels: int) -> Ints:
    """How many input channels each triple really has."""
    return part_sizes(channels, TRIPLE)


def _in_triples(values: NDArray[Number]) -> NDArray[Number]:
    """(C, T) -> (ceil(C/3), 3, T), zero where the last triple lacks channels."""
    if missing := -len(values) % TRIPLE:
        values = np.concatenate([values, np.zeros((missing, values.shape[1]), values.dtype)])
    return values.reshape(-1, TRIPLE, values.shape[1])
