"""A weight on a uniform grid, and its size with everything that a decoder needs."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.formats.huffman import code_lengths
from archsim.formats.weight_bits import SCALE_BITS, TABLE_BITS_PER_SYMBOL
from sdalgo.pow2 import Float32


@dataclass(frozen=True, kw_only=True)
class Coded:
    """Integers and a scale for each filter.

    Attributes:
        shape: the weight's own.
        codes: whole numbers, (K, D).
        scale: what 1 stands for, (K,); values that a bfloat16 holds.
    """

    shape: tuple[int, ...]
    codes: NDArray[np.int16]
    scale: Float32

    def rebuild(self) -> Float32:
        """Return the weight in its own shape."""
        values = self.codes * self.scale[:, None]
        return np.ascontiguousarray(values, dtype=np.float32).reshape(self.shape)

    def huffman_bits(self) -> int:
        """Huffman codes of all weights, the table by the rule of `.sd` files, 16-bit scales."""
        return stream_bits(self.codes) + SCALE_BITS * self.shape[0]

    def fixed_bits(self) -> int:
        """The same with as many bits for each code as the widest needs."""
        symbols = int(self.codes.max()) - int(self.codes.min()) + 1 if self.codes.size else 1
        each = max(1, math.ceil(math.log2(symbols)))
        return each * self.codes.size + SCALE_BITS * self.shape[0]


def stream_bits(codes: NDArray[np.integer]) -> int:
    """Return what codes take in Huffman, with the lengths of the code words of those used."""
    _, counts = np.unique(codes, return_counts=True)
    lengths = code_lengths(counts.astype(np.int64))
    return int(counts @ lengths) + TABLE_BITS_PER_SYMBOL * len(counts)
