"""Weights that share few values (Han, Mao, Dally: "Deep compression", 2016, section 3), unpruned.

A codebook a layer by k-means, from values evenly between the least and the greatest weight, which
the authors found best; its entries are bfloat16. In one pass: nothing is trained afterwards.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdalgo.fit import Float64
from sdalgo.pow2 import Float32
from sdalgo.rivals.coded import stream_bits
from sdalgo.rivals.uniform import bfloat16

ENTRY_BITS = 16
_MOST_ROUNDS = 1000  # far more than any layer here took


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Places in a codebook.

    Attributes:
        shape: the weight's own.
        codes: places, flat.
        values: the codebook, rising; bfloat16 values.
    """

    shape: tuple[int, ...]
    codes: NDArray[np.int16]
    values: Float32

    def rebuild(self) -> Float32:
        """Return the weight in its own shape."""
        return np.asarray(self.values[self.codes], np.float32).reshape(self.shape)

    def huffman_bits(self) -> int:
        """Huffman codes of all weights, their table, and the entries that are used."""
        return stream_bits(self.codes) + ENTRY_BITS * len(np.unique(self.codes))


def shared_values(weight: Float32, count: int) -> Shared:
    """Give the weights of a layer `count` values between them, by Lloyd's rounds of k-means.

    Rounds end where no assignment changes. A value that no weight is nearest to stays where it is.
    """
    held = np.sort(weight.astype(np.float64).ravel())
    sums = np.concatenate([[0.0], np.cumsum(held)])
    values = np.linspace(held[0], held[-1], count)
    ends = np.zeros(0, np.intp)
    for _ in range(_MOST_ROUNDS):
        # Clusters of a line are stretches of it, parted at the midpoints of the values.
        moved = np.searchsorted(held, _midpoints(values), side="left")
        if np.array_equal(moved, ends):
            break
        ends = moved
        bounds = np.concatenate([[0], ends, [len(held)]])
        sizes = np.diff(bounds)
        means = np.diff(sums[bounds]) / np.maximum(sizes, 1)
        values = np.where(sizes > 0, means, values)
    stored = np.unique(bfloat16(values))
    between = _midpoints(stored.astype(np.float64))
    codes = np.searchsorted(between, weight.astype(np.float64).ravel(), side="right")
    return Shared(shape=weight.shape, codes=codes.astype(np.int16), values=stored)


def _midpoints(values: Float64) -> Float64:
    return np.asarray((values[1:] + values[:-1]) / 2)
