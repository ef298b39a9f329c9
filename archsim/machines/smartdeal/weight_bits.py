"""Bits of SmartDeal weights as they lie in DRAM and in the weight buffer (docs/formats.md, paper
appendix B).

One index bit a coefficient row; the codes of live rows in canonical Huffman over the symbols used,
zero being one of them, one table a layer whose code lengths cost 5 bits a symbol; 8-bit basis
entries and a 16-bit scale for each slice of rows that is not empty. With `element` granularity the
index has a bit a code and Huffman covers the non-zeros alone.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints

TABLE_BITS_PER_SYMBOL = 5
SCALE_BITS = 16
BASIS_BITS = 8

CHUNK = 1 << 16
"""Codes counted at a time, so that they stay in a cache."""


@dataclass(frozen=True)
class WeightBits:
    """Bits of one layer's weights: `codes` (K,) per filter, `basis` (K,) per filter with scales,
    `table`, `index` (K,).
    """

    codes: Ints
    basis: Ints
    index: Ints
    table: int

    @property
    def weight_bytes(self) -> int:
        """Codes, basis and table, rounded up to whole bytes."""
        return -(-(int(self.codes.sum()) + int(self.basis.sum()) + self.table) // 8)

    @property
    def index_bytes(self) -> int:
        """The row index, rounded up to whole bytes."""
        return -(-int(self.index.sum()) // 8)


def huffman_lengths(frequencies: Ints) -> Ints:
    """Code length of each symbol, 0 where it does not occur; a lone symbol takes 1 bit (Huffman
    1952).
    """
    lengths = np.zeros(len(frequencies), np.int64)
    used = np.flatnonzero(frequencies)
    if len(used) == 1:
        lengths[used] = 1
        return lengths
    heap = [(int(frequencies[symbol]), order, [int(symbol)]) for order, symbol in enumerate(used)]
    heapq.heapify(heap)
    order = len(heap)
    while len(heap) > 1:
        first, _, left = heapq.heappop(heap)
        second, _, right = heapq.heappop(heap)
        lengths[left + right] += 1
        heapq.heappush(heap, (first + second, order, left + right))
        order += 1
    return lengths


def weight_bits(
    coef: NDArray[np.int8], basis_shape: tuple[int, ...], granularity: str
) -> WeightBits:
    """Bits of codes (K, ..., r) with a basis (K, slices, r, n); `granularity` is `row` or
    `element`.
    """
    filters, width = len(coef), coef.shape[-1]
    symbols = coef.reshape(filters, -1).view(np.uint8)
    rows = _live_rows(symbols.reshape(filters, -1, width))
    counts = symbol_counts(symbols)
    if granularity == "row":
        counts[:, 0] = np.count_nonzero(rows, axis=1) * width - counts[:, 1:].sum(axis=1)
        index = np.full(filters, rows.shape[1], np.int64)
    else:
        counts[:, 0] = 0
        index = np.full(filters, symbols.shape[1], np.int64)
    lengths = huffman_lengths(counts.sum(axis=0))
    return WeightBits(
        codes=counts @ lengths,
        basis=full_slices(rows, basis_shape[1])
        * (basis_shape[2] * basis_shape[3] * BASIS_BITS + SCALE_BITS),
        index=index,
        table=TABLE_BITS_PER_SYMBOL * int(np.count_nonzero(lengths)),
    )


def symbol_counts(symbols: NDArray[np.uint8]) -> Ints:
    """How often each symbol occurs in each filter: (K, codes) -> (K, 256)."""
    filters, each = symbols.shape
    counts = np.empty((filters, 256), np.int64)
    step = max(1, CHUNK // max(1, each))
    for start in range(0, filters, step):
        block = symbols[start : start + step]
        place = block + 256 * np.arange(len(block))[:, None]
        found = np.bincount(place.reshape(-1), minlength=256 * len(block))
        counts[start : start + step] = found.reshape(len(block), 256)
    return counts


def _live_rows(symbols: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(K, rows, codes) -> (K, rows) whether one of a row's codes is not zero."""
    together = symbols[:, :, 0].copy()
    for column in range(1, symbols.shape[2]):
        together |= symbols[:, :, column]
    return np.not_equal(together, 0)


def rows_per_slice(rows: int, slices: int) -> int:
    """Slice i of a filter holds the coefficient rows i*h .. (i+1)*h - 1 with this h."""
    return -(-rows // slices)


def full_slices(live_rows: NDArray[np.bool_], slices: int) -> Ints:
    """(K, rows) -> (K,) slices that hold at least one live row."""
    height = rows_per_slice(live_rows.shape[1], slices)
    starts = np.arange(0, live_rows.shape[1], height)
    return np.asarray(np.logical_or.reduceat(live_rows, starts, axis=1).sum(axis=1, dtype=np.int64))
