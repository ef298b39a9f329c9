"""Search over single coefficients after Algorithm 1 (preset `best`): less error for the same bits.

Each round visits the columns of Ce in turn, and of each coefficient takes what costs least while
all else is fixed (sdalgo.prices). Then B is fitted again, as it will be stored. The result depends
on where it starts, so slices also start from rotated and from random bases, and each keeps what
costs least. What stands for no weight (sdalgo.padding) costs nothing.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdalgo.basis import Float64, stored_basis
from sdalgo.density import nonzeros_wanted, trimmed
from sdalgo.fit import CUTOFF, fit_basis
from sdalgo.matrices import Layout
from sdalgo.options import Options
from sdalgo.padding import padding_of
from sdalgo.pow2 import Float32, round_to_pow2
from sdalgo.prices import Prices, prices_of

_SEED = 0  # of the other starts: equal input gives equal output


def search(
    slices: Float32, coef: Float32, basis: Float64, options: Options, layout: Layout
) -> tuple[Float32, Float64]:
    """Return (Ce, B) of which no slice costs more, at the prices found, than the one given.

    The exponents stay within those that the layer's `coef` uses, and rows that are zero in W stay
    zero in Ce. Where the options ask for a density, Ce has just as many non-zeros.

    Args:
        slices: W, (N, m, n).
        coef, basis: result of Algorithm 1, (N, m, r) and (N, r, n).
        options: `search` rounds from each of 1 + `starts` starts; `bit_price`; `basis_bits`.
        layout: which of the entries are weights.
    """
    if not coef.any():
        return coef, basis
    price = options.bit_price * float((slices.astype(np.float64) ** 2).mean())
    state = _Search(slices, options, price, layout)
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
    return state.of_wanted_density(*best, prices)


class _Search:
    """One layer under search.

    Attributes:
        wanted: non-zeros that are asked for; None leaves their number to the prices.
        least: what a non-zero must save at present for that.
    """

    def __init__(self, slices: Float32, options: Options, price: float, layout: Layout) -> None:
        self.slices = slices
        self.options = options
        self.price = price
        self.live = slices.any(axis=2)
        self.padding = padding_of(layout)
        self.wanted = nonzeros_wanted(slices, options, layout)
        self.least = 0.0

    def prices(self, coef: Float32) -> Prices:
        """Return prices from how often each symbol occurs."""
        return replace(prices_of(coef, self.price), least=self.least)

    def descend(self, coef: Float32, prices: Prices, *, reprice: bool) -> tuple[Float32, Float64]:
        """Alternate between columns of Ce and B."""
        basis = self.fit(coef)
        for _ in range(self.options.search):
            if reprice and coef.any():
                prices = self.prices(coef)
            coef, gains = self.sweep(coef, basis.astype(np.float32), prices)
            if reprice and self.wanted is not None:
                self.least = _largest(gains, self.wanted)
            basis = self.fit(coef)
        return coef, basis

    def fit(self, coef: Float32) -> Float64:
        """Return B as stored, for fixed Ce."""
        rank = coef.shape[2]
        planes = (coef.transpose(0, 2, 1), self.slices.transpose(0, 2, 1))
        work = np.concatenate(planes, axis=1, dtype=np.float64)
        basis = fit_basis(work, rank)
        if self.padding:  # a column of B is fitted to the rows that have a weight there
            own = work[self.padding.slices]
            own[:, :, self.padding.row] = 0
            at = np.s_[self.padding.slices, :, self.padding.weights :]
            basis[at] = fit_basis(own, rank)[:, :, self.padding.weights :]
        return stored_basis(basis, self.options.basis_bits)

    def sweep(self, coef: Float32, basis: Float32, prices: Prices) -> tuple[Float32, Float32]:
        """Choose every coefficient once, column after column; the second is what each then saves
        over a zero, below any where it cannot be used."""
        coef = coef.copy()
        gains = np.full(coef.shape, -np.inf, np.float32)
        rest = self.rest(coef, basis)
        for column in range(coef.shape[2]):
            row = basis[:, column]
            norm = self.norms(row)
            old = coef[:, :, column]
            along = (rest @ row[:, :, None])[:, :, 0] / np.where(norm > 0, norm, 1)
            powers, gain = prices.choose(np.asarray(along + old, dtype=np.float32), norm)
            usable = (norm > 0) & self.live
            new = np.where(usable & (gain >= prices.least), powers, 0)
            rest -= (new - old)[:, :, None] * row[:, None, :]
            if self.padding:
                self.padding.clear(rest)
            coef[:, :, column] = new
            np.copyto(gains[:, :, column], gain, where=usable)
        return coef, gains

    def rest(self, coef: Float32, basis: Float32) -> Float32:
        """W - Ce B, zero where there is no weight."""
        rest = self.slices - coef @ basis
        if self.padding:
            self.padding.clear(rest)
        return rest

    def norms(self, row: Float32) -> Float32:
        """Squared length of a row of each B, (N, 1) or (N, m), over the entries that are weights
        in a row of W."""
        norm: Float32 = np.einsum("ij,ij->i", row, row)[:, None]
        if self.padding is None:
            return norm
        norm = np.repeat(norm, self.slices.shape[1], axis=1)
        part = row[self.padding.slices, : self.padding.weights]
        norm[self.padding.slices, self.padding.row] = np.einsum("ij,ij->i", part, part)
        return norm

    def cost(self, coef: Float32, basis: Float64, prices: Prices) -> NDArray[np.float64]:
        """Return squared error plus the price of all codes, for each slice."""
        wrong = self.rest(coef, basis.astype(np.float32))
        error = np.einsum("ijk,ijk->i", wrong, wrong, dtype=np.float64)
        codes = prices.of(coef) * coef.any(axis=2, keepdims=True)
        return np.asarray(error + codes.sum(axis=(1, 2), dtype=np.float64))

    def of_wanted_density(
        self, coef: Float32, basis: Float64, prices: Prices
    ) -> tuple[Float32, Float64]:
        """Drop or add those non-zeros by which the search has missed the wanted number."""
        if self.wanted is None:
            return coef, basis
        missing = self.wanted - np.count_nonzero(coef)
        if missing < 0:
            coef = trimmed(coef, basis, self.rest(coef, basis.astype(np.float32)), self.wanted)
        elif missing > 0:
            always = replace(prices, least=-np.inf)
            powers, gains = self.sweep(coef, basis.astype(np.float32), always)
            gains[(coef != 0) | (powers == 0)] = -np.inf
            added = np.argsort(-gains, axis=None, kind="stable")[:missing]
            added = added[gains.ravel()[added] > -np.inf]
            coef.reshape(-1)[added] = powers.ravel()[added]
        return coef, self.fit(coef)

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


def _largest(gains: Float32, count: int) -> float:
    """The gain that `count` entries reach, ties aside."""
    if count >= gains.size:
        return -np.inf
    return float(np.partition(gains.ravel(), gains.size - count)[gains.size - count])
