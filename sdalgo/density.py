"""The share of non-zero coefficients that was asked for (`Options.density`), layer by layer.

Algorithm 1 takes a theta, so the theta is searched that leaves the share. Small slices move in
jumps, and what a theta leaves need not fall as it grows: where none comes near, the least useful
non-zeros of one that leaves too many are dropped.
"""

from dataclasses import replace

import numpy as np

from sdalgo.basis import Float64
from sdalgo.exchange import Watch, exchange, fit_as_asked
from sdalgo.matrices import Layout
from sdalgo.options import Options
from sdalgo.pow2 import Float32

_STEPS = 14  # halvings of the span of theta
_CLOSE = 5e-4  # shares that count as the one wanted while theta is searched
_MET = 1e-2  # a share further off is brought to the one wanted
_WIDER = 4.0
_WIDEST = 2.0**40


def exchange_to_density(
    slices: Float32, layout: Layout, options: Options, watch: Watch | None = None
) -> tuple[Float32, Float64]:
    """Return (Ce, B) of Algorithm 1 with the share of non-zeros that `options.density` asks for.

    It is met but where even a theta of 0 leaves fewer.
    """
    assert options.density is not None
    tried = _Tried(slices, layout, options)
    largest = float(np.abs(slices).max()) * 2
    tried.halve(0.0, largest)
    high = largest or 1.0
    if not tried.near:  # on the scale of another B, theta may be far above the weights
        while tried.share(high) > options.density and high < _WIDEST:
            high *= _WIDER
        tried.halve(0.0, high)
    if tried.near or tried.share(0.0) < options.density:
        return exchange(slices, tried.at(tried.nearest()), watch)
    more = {theta: share for theta, share in tried.shares.items() if share >= options.density}
    theta = min(more, key=lambda theta: more[theta])
    coef, basis = exchange(slices, tried.at(theta), watch)
    wanted = nonzeros_wanted(slices, options, layout)
    assert wanted is not None
    coef = trimmed(coef, basis, slices - (coef @ basis).astype(np.float32), wanted)
    planes = (coef.transpose(0, 2, 1), slices.transpose(0, 2, 1))
    work = np.concatenate(planes, axis=1, dtype=np.float64)
    return coef, fit_as_asked(work, coef.shape[2], options)


class _Tried:
    """Thetas of one layer, and the share of non-zeros that each leaves."""

    def __init__(self, slices: Float32, layout: Layout, options: Options) -> None:
        self.slices, self.layout, self.options = slices, layout, options
        self.shares: dict[float, float] = {}

    def at(self, theta: float) -> Options:
        return replace(self.options, theta=theta, relative=False)

    def share(self, theta: float) -> float:
        if theta not in self.shares:
            coef, _ = exchange(self.slices, self.at(theta))
            self.shares[theta] = np.count_nonzero(coef) / _entries(coef, self.layout)
        return self.shares[theta]

    def distance(self, theta: float) -> float:
        assert self.options.density is not None
        return abs(self.shares[theta] - self.options.density)

    def nearest(self) -> float:
        return min(self.shares, key=self.distance)

    @property
    def near(self) -> bool:
        return self.distance(self.nearest()) <= _MET

    def halve(self, low: float, high: float) -> None:
        """Halve the span from a share above the wanted one to a share below it."""
        assert self.options.density is not None
        for _ in range(_STEPS):
            theta = (low + high) / 2
            share = self.share(theta)
            if self.distance(theta) < _CLOSE:
                break
            low, high = (theta, high) if share > self.options.density else (low, theta)


def nonzeros_wanted(slices: Float32, options: Options, layout: Layout) -> int | None:
    """Return how many non-zeros the options ask for, at most those of rows that are not zero."""
    if options.density is None:
        return None
    rank = min(options.rank or layout.width, layout.width)
    possible = int(np.count_nonzero(slices.any(axis=2))) * rank
    return min(round(options.density * layout.filters * layout.rows * rank), possible)


def trimmed(coef: Float32, basis: Float64, rest: Float32, kept: int) -> Float32:
    """Return Ce with `kept` non-zeros: those whose loss would raise the error most.

    Args:
        coef, basis: (N, m, r) and (N, r, n).
        rest: W - Ce B, (N, m, n).
    """
    along = rest @ basis.transpose(0, 2, 1)
    norm = np.square(basis).sum(axis=2)[:, None, :]
    raised = np.where(coef != 0, coef * (2 * along + coef * norm), -np.inf)
    order = np.argsort(-raised, axis=None, kind="stable")
    left = np.zeros(coef.size, np.float32)
    left[order[:kept]] = coef.ravel()[order[:kept]]
    return left.reshape(coef.shape)


def _entries(coef: Float32, layout: Layout) -> int:
    return layout.filters * layout.rows * int(coef.shape[2])
