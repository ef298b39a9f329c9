"""What is kept of a weight after training, what it rebuilds to, and how many bits it takes."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdalgo.pow2 import Float32

FLOAT_BITS = 32
HALF_BITS = 16


class Stored(Protocol):
    """A weight in stored form; `Decomposition` is one."""

    def rebuild(self) -> Float32:
        """Return the weight in its own shape."""

    def bits(self) -> int:
        """Return what a decoder needs of this layer."""


@dataclass(frozen=True, kw_only=True)
class Floats:
    """A weight as floating-point numbers.

    Attributes:
        values: in the weight's own shape; of 16 bits they are on the grid of the format.
        each: bits of a number, 32 or 16.
    """

    values: Float32
    each: int = FLOAT_BITS

    def rebuild(self) -> Float32:
        return self.values

    def bits(self) -> int:
        return self.each * self.values.size


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """A place in a table for each weight, all of one length.

    Attributes:
        shape: the weight's own.
        codes: places in the table, as many as weights.
        table: what they stand for.
        table_bits: what a decoder needs to have the table: a scale, or every entry.
        sparse: one index bit per weight, and codes of those alone that are not code 0, zero.
    """

    shape: tuple[int, ...]
    codes: NDArray[np.int64]
    table: Float32
    table_bits: int
    sparse: bool = False

    def rebuild(self) -> Float32:
        return np.ascontiguousarray(self.table[self.codes.reshape(self.shape)])

    def bits(self) -> int:
        symbols = len(self.table) - self.sparse
        each = max(1, math.ceil(math.log2(symbols)))
        if not self.sparse:
            return each * self.codes.size + self.table_bits
        return self.codes.size + each * int(np.count_nonzero(self.codes)) + self.table_bits
