"""Search over single coefficients after Algorithm 1 (preset `best`): less error for the same bits.

Each round visits the columns of Ce in turn. With B and the other columns fixed, a coefficient's
best real value is known exactly, and the error grows with the squared distance from it: so the
choice is between zero and the two powers of two next to it, by error plus the price of their code
words. Then B is fitted again, as it will be stored. The result depends on where it starts, so
slices also start from rotated and from random bases, and each keeps what costs least.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdalgo.basis import Float64, stored_basis
from sdalgo.fit import CUTOFF, fit_basis
from sdalgo.options import Options
from sdalgo.pow2 import Float32, exponents, round_to_pow2

_SEED = 0  # of the other starts: equal input gives equal output
_UNSEEN = 0.25  # occurrences credited to a symbol that does not occur


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What each coefficient costs: lambda times its ideal code length.

    Attributes:
        low: lowest exponent that the layer uses; `positive[0]` is the price of 2^low.
        positive, negative: price by exponent; the last entry, one past the highest, is infinite.
        zero: price of a zero.
    """

    low: int
    positive: Float32
    negative: Float32
    zero: np.float32

    def of(self, coef: Float32) -> Float32:
        """Return the price of each coefficient."""
        place = np.clip(exponents(coef) - self.low, 0, len(self.positive) - 1)
        signed = np.where(coef < 0, self.negative[place], self.positive[place])
        return np.where(coef == 0, self.zero, signed)


def search(
    slices: Float32, coef: Float32, basis: Float64, options: Options
) -> tuple[Float32, Float64]:
    """Return (Ce, B) of which no slice costs more, at the prices found, than the one given.

    The exponents stay within those that the layer's `coef` uses, and rows that are zero in W stay
    zero in Ce.

    Args:
        slices: W, (N, m, n).
        coef, basis: result of Algorithm 1, (N, m, r) and (N, r, n).
        options: `search` rounds from each of 1 + `starts` starts; `bit_price`; `basis_bits`.
    """
    if not coef.any():
        return coef, basis
    price = options.bit_price * float((slices.astype(np.float64) ** 2).mean())
    state = _Search(slices, options, price)
    best = state.descend(coef, state.prices(coef), reprice=True)
    if not best[0].any():  # every code costs more than it saves
        return best
    prices = state.prices(best[0])
    cost = state.cost(*best, prices)
    generator = np.random.default_rng(_SEED)
    for index in range(options.starts):
        start = state.other_start(best[1], generator, rotated=index % 2 == 0)
        tried = state.descend(start, prices, reprice=False)
        tried_cost = state.cost(*tried, prices)
        better = tried_cost < cost
        best[0][better], best[1][better] = tried[0][better], tried[1][better]
        cost = np.minimum(cost, tried_cost)
    if options.starts:
        best = state.descend(best[0], prices, reprice=True)
        prices = state.prices(best[0])
    given = (coef, stored_basis(basis, options.basis_bits))
    worse = state.cost(*best, prices) > state.cost(*given, prices)
    best[0][worse], best[1][worse] = given[0][worse], given[1][worse]
    return best


class _Search:
    """One layer under search."""

    def __init__(self, slices: Float32, options: Options, price: float) -> None:
        self.slices = slices
        self.options = options
        self.price = price
        self.live = slices.any(axis=2)

    def prices(self, coef: Float32) -> Prices:
        """Return prices from how often each symbol occurs in live rows."""
        used = coef[coef.any(axis=2)].ravel()
        powers = exponents(used).astype(int)
        nonzero = used != 0
        low, high = int(powers[nonzero].min()), int(powers[nonzero].max())
        counts = [
            np.bincount(powers[side] - low, minlength=high - low + 1)
            for side in (nonzero & (used > 0), used < 0)
        ]

        def price(count: NDArray[np.int64]) -> Float32:
            share = np.maximum(count, _UNSEEN) / used.size
            return np.append(-self.price * np.log2(share), np.inf).astype(np.float32)

        zero = price(np.array([used.size - int(nonzero.sum())]))[0]
        return Prices(low=low, positive=price(counts[0]), negative=price(counts[1]), zero=zero)

    def descend(self, coef: Float32, prices: Prices, *, reprice: bool) -> tuple[Float32, Float64]:
        """Alternate between columns of Ce and B."""
        basis = self.fit(coef)
        for _ in range(self.options.search):
            if reprice and coef.any():
                prices = self.prices(coef)
            coef = self.sweep(coef, basis.astype(np.float32), prices)
            basis = self.fit(coef)
        return coef, basis

    def fit(self, coef: Float32) -> Float64:
        """Return B as stored, for fixed Ce."""
        rank = coef.shape[2]
        planes = (coef.transpose(0, 2, 1), self.slices.transpose(0, 2, 1))
        work = np.concatenate(planes, axis=1, dtype=np.float64)
        return stored_basis(fit_basis(work, rank), self.options.basis_bits)

    def sweep(self, coef: Float32, basis: Float32, prices: Prices) -> Float32:
        """Choose every coefficient once, column after column."""
        coef = coef.copy()
        rest = self.slices - coef @ basis
        for column in range(coef.shape[2]):
            row = basis[:, column]
            norm = np.einsum("ij,ij->i", row, row)
            usable = (norm > 0)[:, None]
            old = coef[:, :, column]
            along = (rest @ row[:, :, None])[:, :, 0] / np.where(norm > 0, norm, 1)[:, None]
            wanted = np.asarray(along + old, dtype=np.float32)
            new = np.where(usable & self.live, _choose(wanted, norm[:, None], prices), 0)
            rest -= (new - old)[:, :, None] * row[:, None, :]
            coef[:, :, column] = new
        return coef

    def cost(self, coef: Float32, basis: Float64, prices: Prices) -> NDArray[np.float64]:
        """Return squared error plus the price of all codes, for each slice."""
        wrong = self.slices - coef @ basis.astype(np.float32)
        error = np.einsum("ijk,ijk->i", wrong, wrong, dtype=np.float64)
        codes = prices.of(coef) * coef.any(axis=2, keepdims=True)
        return np.asarray(error + codes.sum(axis=(1, 2), dtype=np.float64))

    def other_start(
        self, basis: Float64, generator: np.random.Generator, *, rotated: bool
    ) -> Float32:
        """Return Ce rounded on a rotation of the best B, or on a random B of its size."""
        count, rank, width = basis.shape
        drawn = generator.standard_normal((count, rank, max(rank, width)))
        if rotated:
            turn, _ = np.linalg.qr(drawn[:, :, :rank])
            start = turn @ basis
        else:
            start = drawn[:, :, :width] * np.abs(basis).max(axis=(1, 2))[:, None, None]
        coef = self.slices @ np.linalg.pinv(start, rcond=CUTOFF)
        top = self.options.exponents[1]
        return round_to_pow2(coef.astype(np.float32), None if top is None else 2.0**top)


def _choose(wanted: Float32, norm: Float32, prices: Prices) -> Float32:
    """Return zero or the neighbouring power of two that costs least, with the sign of `wanted`."""
    size = np.abs(wanted)
    last = len(prices.positive) - 2
    place = np.clip(np.frexp(size)[1] - 1 - prices.low, 0, last)
    lower = np.ldexp(np.float32(1), place + prices.low).astype(np.float32)
    negative = wanted < 0
    below = np.where(negative, prices.negative[place], prices.positive[place])
    above = np.where(negative, prices.negative[place + 1], prices.positive[place + 1])
    cost_zero = norm * size * size + prices.zero
    cost_below = norm * (size - lower) ** 2 + below
    cost_above = norm * (size - 2 * lower) ** 2 + above
    chosen = np.where(cost_below <= cost_above, lower, 2 * lower)
    chosen = np.where(cost_zero < np.minimum(cost_below, cost_above), 0, chosen)
    return np.copysign(chosen, wanted).astype(np.float32)
