"""Weights as tall matrices of short rows, cut into slices (paper III-C).

A filter becomes a matrix whose rows are its kernel rows, ordered (input channel, kernel row), or,
for 1x1 and linear layers, its triples of consecutive input channels, zero-padded at the end. Slice
i of a filter holds rows i*h .. (i+1)*h - 1 with h = ceil(rows / slices).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from archsim.formats.errors import InputError
from sdalgo.pow2 import Float32

_PADDED_ROWS = {427, 683, 1366}  # 1280, 2048, 4096 channels: the released code pads, then cuts
VECTOR_WIDTH = 3  # input channels in a row of a 1x1 or linear layer (paper III-C: S = 3)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the weights of one layer lie in slices.

    Attributes:
        shape: the weight's own shape, (K, C/groups, R, S) or (K, C).
        rows: rows of one filter's matrix.
        width: n, entries in a row.
        slices: slices of one filter.
    """

    shape: tuple[int, ...]
    rows: int
    width: int
    slices: int

    @property
    def filters(self) -> int:
        return self.shape[0]

    @property
    def height(self) -> int:
        """Rows of a slice; the last slice of a filter may hold fewer, and is padded with zeros."""
        return math.ceil(self.rows / self.slices)

    @property
    def is_vector(self) -> bool:
        """True for 1x1 and linear layers, whose rows are groups of consecutive channels."""
        return len(self.shape) == 2 or self.shape[2:] == (1, 1)

    def coef_shape(self, rank: int) -> tuple[int, ...]:
        """Shape of the coefficients in a workload file: rows in their own place."""
        if self.is_vector:
            return (self.filters, self.rows, rank)
        return (*self.shape[:3], rank)


def even_slices(rows: int, most: int) -> int:
    """Return the least number of equal slices of at most `most` rows."""
    return max(1, math.ceil(rows / most))


def factor_slices(rows: int, most: int) -> int:
    """Return the released code's count: strip the smallest prime factors until the rest fits.

    Vector lengths of its padding table come out the same as `even_slices`; a prime is not cut.
    """
    if rows in _PADDED_ROWS:
        return even_slices(rows, most)
    height = rows
    while height > most:
        prime = next((p for p in range(2, math.isqrt(height) + 1) if height % p == 0), height)
        if prime == height:
            break
        height //= prime
    return rows // height


def layout_of(shape: tuple[int, ...], most: int, slicing: str, width: int = VECTOR_WIDTH) -> Layout:
    """Return the layout of a weight of `shape`.

    Args:
        most: rows a slice may have.
        slicing: "even" or "factors".
        width: entries of a row in 1x1 and linear layers; a kernel's own width elsewhere.
    """
    if len(shape) not in (2, 4) or 0 in shape:
        raise InputError.at(
            "weight", f"shape {shape} is neither (K, C) nor (K, C, R, S), all above 0"
        )
    count = factor_slices if slicing == "factors" else even_slices
    if len(shape) == 2 or shape[2:] == (1, 1):
        rows = math.ceil(shape[1] / width)
        return Layout(shape=shape, rows=rows, width=width, slices=count(rows, most))
    rows = shape[1] * shape[2]
    return Layout(shape=shape, rows=rows, width=shape[3], slices=count(rows, most))


def to_slices(weight: Float32, layout: Layout) -> Float32:
    """Return (K * slices, height, width); missing rows and channels are zero."""
    rows = layout.slices * layout.height
    padded = np.zeros((layout.filters, rows * layout.width), np.float32)
    flat = weight.reshape(layout.filters, -1)
    padded[:, : flat.shape[1]] = flat
    return padded.reshape(layout.filters * layout.slices, layout.height, layout.width)


def from_slices(slices: Float32, layout: Layout) -> Float32:
    """Return the weight in its own shape from (K * slices, height, width)."""
    flat = slices.reshape(layout.filters, -1)
    entries = math.prod(layout.shape[1:])
    return np.ascontiguousarray(flat[:, :entries]).reshape(layout.shape)


def rows_of(slices: np.ndarray, layout: Layout) -> np.ndarray:
    """Return rows (K * slices, height, r) in the workload's order, padding rows dropped."""
    rank = slices.shape[-1]
    flat = slices.reshape(layout.filters, -1, rank)[:, : layout.rows]
    return np.ascontiguousarray(flat).reshape(layout.coef_shape(rank))


def slices_of(rows: np.ndarray, layout: Layout) -> np.ndarray:
    """Inverse of `rows_of`: (K * slices, height, r), padding rows zero."""
    rank = rows.shape[-1]
    padded = np.zeros((layout.filters, layout.slices * layout.height, rank), rows.dtype)
    padded[:, : layout.rows] = rows.reshape(layout.filters, layout.rows, rank)
    return padded.reshape(layout.filters * layout.slices, layout.height, rank)
