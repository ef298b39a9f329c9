"""How many serial steps a value of 8 or 16 bits takes: its radix-4 Booth digits or its set bits."""

from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.uint8]
Whole = TypeVar("Whole", int, NDArray[np.int64])
"""A number, or many at once."""
Values = NDArray[np.integer[Any]]
"""int8, uint8, int16 or uint16; values of fewer bits stand in the narrowest of them."""


def booth_digits(value: Whole, bits: int = 8) -> list[Whole]:
    """The radix-4 modified-Booth digits, each in -2 .. 2, of an integer of so many bits with or
    without a sign, lowest first (Booth 1951; MacSorley 1961): five of 8 bits and nine of 16. The
    last of a signed one is 0.
    """
    places: list[Any] = [0, *((value >> place) & 1 for place in range(bits + 2))]
    return [places[i] + places[i + 1] - 2 * places[i + 2] for i in range(0, bits + 2, 2)]


def most_steps(dtype: np.dtype[Any], serial: str) -> int:
    """The most steps of any value of a type."""
    bits = 8 * dtype.itemsize
    if serial == "booth":
        return bits // 2 + (dtype.kind == "u")
    return bits


@cache
def count_table(serial: str, signed: bool, bits: int = 8) -> Counts:
    """(2^bits,) steps of each pattern of bits read with or without a sign; `serial` is `booth` or
    `bits` (of |v|).
    """
    values = np.arange(1 << bits)
    if signed:
        values -= (values >> bits - 1) << bits
    if serial == "booth":
        digits = booth_digits(values, bits)
    else:
        digits = [abs(values) >> place & 1 for place in range(bits)]
    return np.asarray(np.count_nonzero(digits, axis=0), np.uint8)


def counts(values: Values, serial: str) -> Counts:
    """Serial steps of every value, in the same shape."""
    size = values.dtype.itemsize
    table = count_table(serial, values.dtype.kind == "i", 8 * size)
    return table.take(values.view(f"u{size}"))
