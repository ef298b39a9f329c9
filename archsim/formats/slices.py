"""How a weight lies in SmartDeal's slices (paper III-C): rows of a filter, and who shares a basis.

A filter becomes a matrix whose rows are its kernel rows, ordered (input channel, kernel row), or,
for 1x1 and linear layers, its groups of consecutive input channels. Slice i of a filter holds the
rows i*h .. (i+1)*h - 1 with h = ceil(rows / slices), so its last slice may hold fewer.
"""

from math import ceil, isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 17
"""Codes that are counted together, so that they stay in a cache."""

VECTOR_WIDTH = 3
"""Input channels in a row of a 1x1 or linear layer (paper III-C: S = 3)."""
RELEASED_ROWS = 192
"""Most rows of a slice in the released code: 64 x 3."""
_PADDED_ROWS = {427, 683, 1366}  # 1280, 2048, 4096 channels: the released code pads, then cuts

Shape = tuple[int, ...]


def is_vector(shape: Shape) -> bool:
    """Whether a weight (K, C/groups, R, S) or (K, C) has rows of consecutive channels."""
    return len(shape) == 2 or shape[2:] == (1, 1)


def matrix_of(shape: Shape, width: int = VECTOR_WIDTH) -> tuple[int, int]:
    """Rows of one filter's matrix and entries of a row; `width` is that of channel groups."""
    if is_vector(shape):
        return ceil(shape[1] / width), width
    return shape[1] * shape[2], shape[3]


def even_slices(rows: int, most: int) -> int:
    """The least number of equal slices of at most `most` rows."""
    return max(1, ceil(rows / most))


def factor_slices(rows: int, most: int) -> int:
    """The released code's number: it strips the smallest prime factors until the rest fits.

    Vector lengths of its padding table come out the same as `even_slices`; a prime is not cut.
    """
    if rows in _PADDED_ROWS:
        return even_slices(rows, most)
    height = rows
    while height > most:
        prime = next((p for p in range(2, isqrt(height) + 1) if height % p == 0), height)
        if prime == height:
            break
        height //= prime
    return rows // height


def rows_per_slice(rows: int, slices: int) -> int:
    """h of the module's text; the last slice of a filter may hold fewer rows."""
    return -(-rows // slices)


def row_nonzeros(codes: NDArray[np.int8], width: int) -> NDArray[np.signedinteger[Any]]:
    """How many codes of each row are not 0; rows of `width` follow each other, (rows * width,) ->
    (rows,)."""
    kind = np.int8 if width <= np.iinfo(np.int8).max else np.int16
    found: NDArray[np.signedinteger[Any]] = np.empty(len(codes) // width, kind)
    step = max(1, CHUNK // width)
    for first in range(0, len(found), step):
        own = (codes[first * width : (first + step) * width] != 0).view(np.int8)
        # Neighbours are added up wherever they stand, and two of three sums are of no row: passes
        # over bytes that lie side by side beat steps from row to row.
        starts = len(own) - width + 1
        total = own[:starts].astype(kind)
        for place in range(1, width):
            total += own[place : place + starts]
        found[first : first + step] = total[::width]
    return found


def full_slices(live_rows: NDArray[np.bool_], slices: int) -> NDArray[np.bool_]:
    """(K, rows) -> (K, slices) whether a slice holds a live row; only such a slice has a basis."""
    height = rows_per_slice(live_rows.shape[1], slices)
    starts = np.arange(0, live_rows.shape[1], height)
    full = np.zeros((len(live_rows), slices), np.bool_)
    full[:, : len(starts)] = np.logical_or.reduceat(live_rows, starts, axis=1)
    return full
