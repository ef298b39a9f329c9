"""What a coefficient costs in a search over codes: error, and bits at a price.

With B and the other columns of Ce fixed, a coefficient's best real value is known exactly, and the
error grows with the squared distance from it. The choice is therefore between zero and the two
powers of two next to it, by error plus the price of their code words.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdalgo.pow2 import Float32, exponents

_UNSEEN = 0.25  # occurrences credited to a symbol that does not occur


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What each coefficient costs: lambda times its ideal code length.

    Attributes:
        low: lowest exponent that the layer uses; `positive[0]` is the price of 2^low.
        positive, negative: price by exponent; the last entry, one past the highest, is infinite.
        zero: price of a zero.
        least: what a non-zero must save beyond its price, so that a wanted share of them is left.
    """

    low: int
    positive: Float32
    negative: Float32
    zero: np.float32
    least: float = 0.0

    def of(self, coef: Float32) -> Float32:
        """Return the price of each coefficient."""
        place = np.clip(exponents(coef) - self.low, 0, len(self.positive) - 1)
        signed = np.where(coef < 0, self.negative[place], self.positive[place])
        return np.where(coef == 0, self.zero, signed + self.least)

    def choose(self, wanted: Float32, norm: Float32) -> tuple[Float32, Float32]:
        """Return (powers, gains): the power of two next to each best real value that costs least,
        with its sign, and what it saves over a zero; one whose gain is below `least` is to be zero.

        Args:
            wanted: the best real values.
            norm: squared length of the basis row that each multiplies.
        """
        size = np.abs(wanted)
        last = len(self.positive) - 2
        place = np.clip(np.frexp(size)[1] - 1 - self.low, 0, last)
        lower = np.ldexp(np.float32(1), place + self.low).astype(np.float32)
        negative = wanted < 0
        below = np.where(negative, self.negative[place], self.positive[place])
        above = np.where(negative, self.negative[place + 1], self.positive[place + 1])
        cost_zero = norm * size * size + self.zero
        cost_below = norm * (size - lower) ** 2 + below
        cost_above = norm * (size - 2 * lower) ** 2 + above
        chosen = np.where(cost_below <= cost_above, lower, 2 * lower)
        gain = cost_zero - np.minimum(cost_below, cost_above)
        return np.copysign(chosen, wanted).astype(np.float32), gain.astype(np.float32)


def prices_of(coef: Float32, price: float) -> Prices:
    """Return prices from how often each symbol occurs in rows that are not all zero.

    Args:
        coef: zeros and powers of two, (N, m, r), not all zero.
        price: of a bit.
    """
    used = coef[coef.any(axis=2)].ravel()
    powers = exponents(used).astype(int)
    nonzero = used != 0
    low, high = int(powers[nonzero].min()), int(powers[nonzero].max())
    counts = [
        np.bincount(powers[side] - low, minlength=high - low + 1)
        for side in (nonzero & (used > 0), used < 0)
    ]

    def by_count(count: NDArray[np.int64]) -> Float32:
        share = np.maximum(count, _UNSEEN) / used.size
        return np.append(-price * np.log2(share), np.inf).astype(np.float32)

    zero = by_count(np.array([used.size - int(nonzero.sum())]))[0]
    return Prices(low=low, positive=by_count(counts[0]), negative=by_count(counts[1]), zero=zero)
