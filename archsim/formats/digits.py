"""How many serial steps an 8-bit value takes: its radix-4 Booth digits or its set bits."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.uint8]


def booth_digits(value: int) -> list[int]:
    """The five radix-4 modified-Booth digits, each in -2 .. 2, of an integer in -128 .. 255, lowest
    first (Booth 1951; MacSorley 1961). The fifth of a signed byte is 0.
    """
    bits = [0, *((value >> place) & 1 for place in range(10))]
    return [bits[i] + bits[i + 1] - 2 * bits[i + 2] for i in range(0, 10, 2)]


@cache
def count_table(serial: str, signed: bool) -> Counts:
    """(256,) steps of each byte read as int8 (`signed`) or uint8; `serial` is `booth` or `bits`
    (of |v|).
    """
    values = [byte - 256 if signed and byte > 127 else byte for byte in range(256)]
    if serial == "booth":
        return np.array([np.count_nonzero(booth_digits(value)) for value in values], np.uint8)
    return np.array([abs(value).bit_count() for value in values], np.uint8)


def counts(values: NDArray[np.int8] | NDArray[np.uint8], serial: str) -> Counts:
    """Serial steps of every value, in the same shape."""
    table = count_table(serial, values.dtype == np.int8)
    return table.take(values.view(np.uint8))
