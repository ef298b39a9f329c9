"""The codes of one row of Ce at once, by a tree over {0, the two powers next to the best value}.

With B and all other rows fixed, a row c of a filter costs c M c^T - 2 a c^T and the price of its
code words. Written as a sum of squares, D_j (c_j - t_j)^2 with t_j a function of c_0 .. c_(j-1),
the tree chooses one coefficient after the other and keeps all 3^r leaves, so moves that only pay
together are found.
"""

from dataclasses import dataclass

import numpy as np

from sdalgo.activations.code_lengths import CodeLengths, places
from sdalgo.fit import Float64

_SINGULAR = 1e-12  # share of a diagonal entry of M below which nothing is left of it
_GAIN = 1e-12  # share of the cost by which a new row must be cheaper


@dataclass(frozen=True)
class Squares:
    """c M c^T - 2 a c^T, but for a constant, as sum_j D_j (c_j - z_j + sum_(i<j) u_ji c_i)^2.

    `scale` D and `centre` z are (r, N), `lean` u is (r, r, N).
    """

    scale: Float64
    centre: Float64
    lean: Float64

    def wanted(self, place: int, chosen: list[Float64]) -> Float64:
        """Return t_j, given the coefficients before it."""
        best = self.centre[place]
        for before, value in enumerate(chosen):
            best = best - self.lean[place, before] * value
        return np.asarray(best)


def squares(metric: Float64, pull: Float64) -> Squares:
    """Complete the squares, the last coefficient first.

    Args:
        metric: M, (r, r, N).
        pull: a, (r, N).
    """
    rest, left = metric.copy(), pull.copy()
    rank = len(left)
    scale, centre, lean = np.zeros_like(left), np.zeros_like(left), np.zeros_like(rest)
    for j in range(rank - 1, -1, -1):
        some = rest[j, j] > _SINGULAR * metric[j, j]
        divisor = np.where(some, rest[j, j], 1.0)
        scale[j] = np.where(some, rest[j, j], 0.0)
        centre[j] = np.where(some, left[j] / divisor, 0.0)
        for i in range(j):
            lean[j, i] = np.where(some, rest[j, i] / divisor, 0.0)
        for i in range(j):
            left[i] -= lean[j, i] * left[j]
            for k in range(j):
                rest[i, k] -= lean[j, i] * rest[j, k]
    return Squares(scale, centre, lean)


def choose(form: Squares, old: Float64, lengths: CodeLengths, rate: Float64) -> Float64:
    """Return the row that costs least, (r, N); the old one where none is cheaper.

    Args:
        old: (r, N).
        rate: what a bit costs, in units of M, (N,).
    """
    rank, filters = old.shape
    chosen: list[Float64] = []
    cost = np.zeros((1, filters))
    for j in range(rank):
        best = form.wanted(j, chosen)
        values, bits = _candidates(best, lengths)
        added = form.scale[j] * (values - best) ** 2 + rate * bits
        cost = (cost + added).reshape(-1, filters)
        chosen = [np.broadcast_to(c, values.shape).reshape(-1, filters) for c in chosen]
        chosen.append(values.reshape(-1, filters))
    # The first leaf is the row that is all zero.
    cost[0] += rate * (lengths.dead - rank * lengths.zero)
    leaf = cost.argmin(axis=0)
    column = np.arange(filters)
    new = np.stack([values[leaf, column] for values in chosen])
    better = cost[leaf, column] < (1 - _GAIN) * cost_of(form, old, lengths, rate)
    return np.where(better, new, old)


def cost_of(form: Squares, row: Float64, lengths: CodeLengths, rate: Float64) -> Float64:
    """Return what a row (r, N) costs, (N,), on the scale of `Squares`."""
    held: list[Float64] = []
    cost = np.zeros(row.shape[1])
    for j, value in enumerate(row):
        cost += form.scale[j] * (value - form.wanted(j, held)) ** 2
        held.append(value)
    bits = np.where(row.any(axis=0), lengths.of(row).sum(axis=0), lengths.dead)
    return cost + rate * bits


def _candidates(best: Float64, lengths: CodeLengths) -> tuple[Float64, Float64]:
    """Return (values, bits), (3, leaves, N): zero and the powers below and above, signed."""
    below = places(best, lengths.low, lengths.high)
    above = np.minimum(below + 1, len(lengths.positive) - 1)
    lower = np.ldexp(1.0, below + lengths.low)
    upper = np.ldexp(1.0, above + lengths.low)
    negative = best < 0
    sign = np.where(negative, -1.0, 1.0)
    values = np.stack([np.zeros_like(best), sign * lower, sign * upper])
    bits = np.stack([
        np.full(best.shape, lengths.zero),
        np.where(negative, lengths.negative[below], lengths.positive[below]),
        np.where(negative, lengths.negative[above], lengths.positive[above]),
    ])  # fmt: skip
    return values, bits
