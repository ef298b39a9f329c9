"""Weights as tall matrices of short rows, cut into slices by the rule of archsim.formats.slices.

What a filter lacks of its last row of channels, and a last slice of its height, is zero.
"""

import math
from dataclasses import dataclass

import numpy as np

from archsim.formats.errors import InputError
from archsim.formats.slices import (
    VECTOR_WIDTH,
    even_slices,
    factor_slices,
    is_vector,
    matrix_of,
    rows_per_slice,
)
from sdalgo.pow2 import Float32


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
        return rows_per_slice(self.rows, self.slices)

    @property
    def is_vector(self) -> bool:
        """True for 1x1 and linear layers, whose rows are groups of consecutive channels."""
        return is_vector(self.shape)

    def coef_shape(self, rank: int) -> tuple[int, ...]:
        """Shape of the coefficients in a workload file: rows in their own place."""
        if self.is_vector:
            return (self.filters, self.rows, rank)
        return (*self.shape[:3], rank)


def layout_of(shape: tuple[int, ...], most: int, slicing: str, width: int = VECTOR_WIDTH) -> Layout:
    """Return the layout of a weight of `shape`.

    Args:
        most: rows that a slice may have.
        slicing: "even" or "factors".
        width: entries of a row in 1x1 and linear layers; a kernel's own width elsewhere.
    """
    if len(shape) not in (2, 4) or 0 in shape:
        raise InputError.at(
            "weight", f"shape {shape} is neither (K, C) nor (K, C, R, S), all above 0"
        )
    count = factor_slices if slicing == "factors" else even_slices
    rows, entries = matrix_of(shape, width)
    return Layout(shape=shape, rows=rows, width=entries, slices=count(rows, most))


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
