"""The jobs of a SmartDeal PE line: one coefficient row against the inputs of one tile.

A job's cycles are the sum, over the weights its row rebuilds, of the largest serial count among the
tile's pixels under that weight, at least one each; an all-zero input makes no job
(docs/machines/smartdeal.md). A *unit* is a coefficient row's place in a filter: (input channel,
kernel row), or a channel triple.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats.digits import counts
from archsim.machines.shared.digits import Codes, fold, thermometer
from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.groups import part_sizes
from archsim.workload.convolution import Geometry, Pair
from archsim.workload.rows import input_rows

Small = NDArray[np.signedinteger[Any]]
TRIPLE = 3


@dataclass(frozen=True)
class Jobs:
    """What every unit asks of every tile, whatever its weights are. U units, T tiles.

    `cycles` (U, T) is 0 where the input is all zero and `zero_cycles` (U, T) what such a job lasts
    on a machine that keeps it. `digits` (U,) is the serial counts of all multiplications, `inputs`
    (U, T) the inputs that exist, `pixels` (T,) the valid output pixels of the tile, `weights` (U,)
    the weights of the row that exist, `line` (U,) the PE line, `columns` the tiles of one output
    row; `linear` jobs put a row's inputs side by side.
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

    def with_zero_inputs(self) -> Small:
        """(U, T) cycles where an all-zero input has its job too."""
        return np.where(self.cycles > 0, self.cycles, self.zero_cycles)


def step_maxima(codes: Codes, geometry: Geometry, macs: int) -> tuple[Small, NDArray[np.bool_]]:
    """(C, H, W) thermometer codes -> (C, H, tiles of an output row) cycles and whether any input is
    non-zero.
    """
    left, right = geometry.padding[1], geometry.padding[3]
    padded = np.pad(codes, ((0, 0), (0, 0), (left, right)))
    span = (geometry.out_size(codes.shape[1:])[1] - 1) * geometry.stride[1] + 1
    total: Small | None = None
    live: NDArray[np.bool_] | None = None
    for s in range(geometry.kernel[1]):
        first = s * geometry.dilation[1]
        most = fold(padded[:, :, first : first + span : geometry.stride[1]], macs)
        # A weight takes a cycle even if all its pixels are zero; only a job without any non-zero
        # input is left out (docs/machines/smartdeal.md).
        step = np.maximum(most, 1).astype(np.int32)
        total = step if total is None else total + step
        live = most > 0 if live is None else live | (most > 0)
    assert total is not None
    assert live is not None
    return total, live


def spatial_jobs(
    inputs: NDArray[np.int8], geometry: Geometry, macs: int, serial: str, lines: int
) -> Jobs:
    """Inputs (C, H, W) -> jobs of units (c, kernel row), tiles (output row, `macs` consecutive
    pixels).
    """
    in_size = inputs.shape[1], inputs.shape[2]
    step_counts = counts(inputs, serial)
    row_cycles, row_live = step_maxima(thermometer(step_counts), geometry, macs)
    rows, exists = input_rows(geometry, in_size)
    rows = np.clip(rows, 0, in_size[0] - 1)
    pixels, row_inputs = tile_columns(geometry, in_size, macs)
    channels, height = inputs.shape[0], geometry.kernel[0]
    kept = row_live[:, rows] & exists[None, :, :, None]
    cycles = np.where(kept, row_cycles[:, rows], 0)
    units = channels * height
    in_plane = np.broadcast_to(exists[None, :, :, None] * row_inputs, kept.shape)
    return Jobs(
        cycles=cycles.reshape(units, -1).astype(np.int32),
        zero_cycles=np.full((units, 1), geometry.kernel[1], np.int32),
        digits=_unit_digits(step_counts, geometry, rows, exists).reshape(-1),
        inputs=in_plane.reshape(units, -1).astype(np.int32),
        pixels=np.tile(pixels, len(rows[0])),
        weights=np.full(units, geometry.kernel[1]),
        line=np.repeat(np.arange(channels) % lines, height),
        columns=len(pixels),
    )


def tile_columns(geometry: Geometry, in_size: Pair, macs: int) -> tuple[Ints, Ints]:
    """Per tile of an output row: its pixels, and the input columns from the first to the last it
    reads that exist.
    """
    across = geometry.out_size(in_size)[1]
    pixels = part_sizes(across, macs)
    start = np.arange(0, across, macs) * geometry.stride[1] - geometry.padding[1]
    length = (pixels - 1) * geometry.stride[1] + (geometry.kernel[1] - 1) * geometry.dilation[1] + 1
    existing = np.minimum(start + length, in_size[1]) - np.maximum(start, 0)
    return pixels, np.maximum(existing, 0)


def block_inputs(geometry: Geometry, in_size: Pair, macs: int, block: int) -> Ints:
    """(T,) inputs that one channel's tiles of `block` output rows read, each counted once."""
    used, exists = input_rows(geometry, in_size)
    firsts = range(0, used.shape[1], block)
    heights = [len(np.unique(used[:, e : e + block][exists[:, e : e + block]])) for e in firsts]
    _, widths = tile_columns(geometry, in_size, macs)
    return np.outer(heights, widths).reshape(-1)


def _unit_digits(
    step_counts: Codes, geometry: Geometry, rows: Ints, exists: NDArray[np.bool_]
) -> Ints:
    """(C, R) serial counts summed over every multiplication of a unit."""
    width = step_counts.shape[2]
    across = geometry.out_size(step_counts.shape[1:])[1]
    uses = np.zeros(width, np.float64)
    # How often each input column is read by any pixel, the window's columns taken together.
    for s in range(geometry.kernel[1]):
        columns = (
            np.arange(across) * geometry.stride[1] + s * geometry.dilation[1] - geometry.padding[1]
        )
        inside = columns[(columns >= 0) & (columns < width)]
        uses += np.bincount(inside, minlength=width)
    # float32 is exact below 2**24, far above what a row adds up to, and BLAS is fastest with it.
    by_row = np.rint(step_counts.astype(np.float32) @ uses.astype(np.float32)).astype(np.int64)
    picked = by_row[:, rows] * exists
    return np.asarray(picked.sum(axis=-1))


def pointwise_jobs(
    inputs: NDArray[np.int8], geometry: Geometry, macs: int, serial: str, lines: int
) -> Jobs:
    """Inputs (C, H, W) of a 1x1 layer -> jobs of units (triple), tiles of `macs` pixels of the
    flattened plane.
    """
    top, left, bottom, right = geometry.padding
    plane = (
        np.pad(inputs, ((0, 0), (top, bottom), (left, right))) if any(geometry.padding) else inputs
    )
    (p, q), (down, across) = geometry.out_size(inputs.shape[1:]), geometry.stride
    flat = plane[:, : (p - 1) * down + 1 : down, : (q - 1) * across + 1 : across].reshape(
        len(inputs), -1
    )
    step_counts = counts(np.ascontiguousarray(flat), serial)
    most = fold(thermometer(step_counts), macs)
    existing = channels_of_triples(len(inputs))
    cycles = sum_triples(np.maximum(most, 1)) * (sum_triples(most) > 0)
    pixels = part_sizes(p * q, macs)
    return Jobs(
        cycles=cycles.astype(np.int32),
        zero_cycles=existing[:, None].astype(np.int32),
        digits=sum_triples(step_counts.sum(axis=1, dtype=np.int64)[:, None])[:, 0],
        inputs=(existing[:, None] * pixels).astype(np.int32),
        pixels=pixels,
        weights=existing,
        line=np.arange(len(existing)) % lines,
        columns=len(pixels),
    )


def linear_jobs(vectors: NDArray[np.int8], serial: str, lines: int) -> Jobs:
    """Inputs (positions, C) -> jobs of units (triple), one tile per position; the triple's inputs
    side by side.
    """
    step_counts = counts(np.ascontiguousarray(vectors.T), serial)
    existing = channels_of_triples(len(step_counts))
    triples = _pad_triples(step_counts).reshape(len(existing), TRIPLE, -1)
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


def sum_triples(values: NDArray[np.integer]) -> Ints:
    """(C, T) -> (ceil(C/3), T) sums of three consecutive channels."""
    padded = _pad_triples(values)
    return np.asarray(padded.reshape(-1, TRIPLE, values.shape[1]).sum(axis=1, dtype=np.int64))


def _pad_triples(values: NDArray[np.integer]) -> NDArray[np.integer]:
    return np.pad(values, ((0, -len(values) % TRIPLE), (0, 0)))
