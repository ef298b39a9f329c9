"""How many serial steps an activation needs: radix-4 Booth digits or set bits, and their maximum
over a tile.

Counts are carried as *thermometer codes*: a byte with as many low bits set as the count. The
largest count of a set is then the bitwise OR of its codes, and eight neighbouring codes fold as one
64-bit word.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
_BYTES_IN_WORD = 8
_HALVINGS = (32, 16, 8)


def booth_digits(value: int) -> int:
    """Non-zero radix-4 modified-Booth digits of an integer in -128 .. 255 (Booth 1951; MacSorley
    1961).
    """
    count = 0
    carry = 0
    for shift in range(0, 10, 2):
        low, high = (value >> shift) & 1, (value >> (shift + 1)) & 1
        count += (carry + low - 2 * high) != 0
        carry = high
    return count


@cache
def count_table(serial: str, signed: bool) -> Codes:
    """Steps of each byte 0 .. 255 read as int8 (`signed`) or uint8; `serial` is `booth` or `bits`
    (of |v|).
    """
    values = [byte - 256 if signed and byte > 127 else byte for byte in range(256)]
    count = booth_digits if serial == "booth" else lambda value: int(abs(value)).bit_count()
    return np.array([count(value) for value in values], dtype=np.uint8)


def counts(values: NDArray[np.int8] | NDArray[np.uint8], serial: str) -> Codes:
    """Serial steps of every value, same shape, uint8."""
    table = count_table(serial, values.dtype == np.int8)
    return np.take(table, values.view(np.uint8))


def thermometer(step_counts: Codes) -> Codes:
    """Count n becomes n low bits set; n is at most 8."""
    return np.take(((1 << np.arange(9)) - 1).astype(np.uint8), step_counts)


def fold(codes: Codes, width: int) -> Codes:
    """(..., n) thermometer codes -> (..., ceil(n/width)) largest count of each run of `width`, the
    last one shorter.
    """
    pad = -codes.shape[-1] % width
    if pad:
        codes = np.concatenate([codes, np.zeros((*codes.shape[:-1], pad), np.uint8)], axis=-1)
    if width == _BYTES_IN_WORD:
        words = np.ascontiguousarray(codes).view(np.uint64)
        for shift in _HALVINGS:
            words = words | (words >> np.uint64(shift))
        folded = (words & np.uint64(0xFF)).astype(np.uint8)
    else:
        runs = codes.reshape(*codes.shape[:-1], -1, width)
        folded = np.bitwise_or.reduce(runs, axis=-1)
    return np.bitwise_count(folded)
