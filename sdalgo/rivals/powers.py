"""Powers of two by the grid of INQ (Zhou, Yao, Guo, Xu, Chen: "Incremental network quantization",
2017, equations 2 to 4), in one pass, without the re-training that INQ divides into steps.

A layer's values are 0 and +-2^n for n in lowest .. highest, with highest = floor(log2(4/3 max|W|))
and, at b bits, lowest = highest + 1 - 2^(b-1) / 2. INQ's thresholds are midpoints of neighbours, so
each weight goes to the nearest value. A decoder needs one exponent a layer, and no scales.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdalgo.pow2 import Float32
from sdalgo.rivals.coded import stream_bits

EXPONENT_BITS = 8
"""Of the layer's highest exponent."""


@dataclass(frozen=True, kw_only=True)
class Powers:
    """Signs and exponents of one layer.

    Attributes:
        shape: the weight's own.
        codes: 0, or sign * (1 + n - lowest), flat.
        lowest: exponent that code 1 stands for.
        bits: b.
    """

    shape: tuple[int, ...]
    codes: NDArray[np.int16]
    lowest: int
    bits: int

    def rebuild(self) -> Float32:
        """Return the weight in its own shape."""
        sizes = np.ldexp(np.float32(1), np.abs(self.codes) - 1 + self.lowest)
        return np.asarray(np.sign(self.codes) * sizes, np.float32).reshape(self.shape)

    def huffman_bits(self) -> int:
        """Huffman codes of all weights, their table, and the exponent."""
        return stream_bits(self.codes) + EXPONENT_BITS

    def fixed_bits(self) -> int:
        """b bits a weight, and the exponent.

        INQ says b: one bit for zero or not, b - 1 for sign and exponent.
        """
        return self.bits * self.codes.size + EXPONENT_BITS


def powers(weight: Float32, bits: int) -> Powers:
    """Send every weight to the nearest of 0 and 2^(b-1) powers of two, half of them negative.

    Args:
        bits: b, 2 or more.
    """
    held = np.abs(weight.astype(np.float64)).ravel()
    largest = float(held.max(initial=0.0))
    highest = math.floor(math.log2(4 * largest / 3)) if largest else 0
    count = 2 ** (bits - 2)
    lowest = highest + 1 - count
    values = np.concatenate([[0.0], np.ldexp(1.0, np.arange(lowest, highest + 1))])
    between = (values[1:] + values[:-1]) / 2
    level = np.searchsorted(between, held, side="right")
    codes = np.where(weight.ravel() < 0, -level, level).astype(np.int16)
    return Powers(shape=weight.shape, codes=codes, lowest=lowest, bits=bits)
