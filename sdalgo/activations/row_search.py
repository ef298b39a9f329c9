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

    `scale` D and `centre` z are (r, N), `lean` u is (r, r, N) with ones on its diagonal.
    """

    scale: Float64
    centre: Float64
    lean: Float64

    def cost(self, row: Float64) -> Float64:
        """Return the sum for a row (r, N), (N,)."""
        off = np.einsum("jin,in->jn", self.lean, row) - self.centre
        off *= off
        off *= self.scale
        return np.asarray(off.sum(axis=0))


@dataclass(frozen=True)
class Factored:
    """M of many rows as L^T D L: what does not depend on a.

    Attributes:
        scale, inverse: D and its inverse, 0 where D is; (rows, r, N).
        lean: L, (rows, r, r, N).
    """

    scale: Float64
    inverse: Float64
    lean: Float64

    def at(self, row: int, pull: Float64) -> Squares:
        """Return the squares of one of the rows, for a (r, N); `pull` is used up."""
        lean = self.lean[row]
        for j in range(len(pull) - 1, 0, -1):
            pull[:j] -= lean[j, :j] * pull[j]
        return Squares(self.scale[row], pull * self.inverse[row], lean)


def factored(metric: Float64) -> Factored:
    """Complete the squares of M (rows, r, r, N), the last coefficient first."""
    rest, rank = metric.copy(), metric.shape[1]
    scale, inverse = (np.zeros((len(rest), rank, rest.shape[3])) for _ in range(2))
    lean = np.zeros_like(rest)
    for j in range(rank - 1, -1, -1):
        own = rest[:, j, j]
        some = own > _SINGULAR * metric[:, j, j]
        scale[:, j] = np.where(some, own, 0.0)
        inverse[:, j] = np.where(some, 1 / np.where(some, own, 1.0), 0.0)
        lean[:, j, :j] = rest[:, j, :j] * inverse[:, j, None]
        lean[:, j, j] = 1.0
        rest[:, :j, :j] -= lean[:, j, :j, None] * rest[:, j, None, :j]
    return Factored(scale, inverse, lean)


def squares(metric: Float64, pull: Float64) -> Squares:
    """Complete the squares of one row: M (r, r, N) and a (r, N)."""
    return factored(metric[None]).at(0, pull.copy())


def choose(
    form: Squares, old: Float64, bits: Float64, lengths: CodeLengths, rate: Float64
) -> Float64:
    """Return the row that costs least, (r, N); the old one where none is cheaper.

    Args:
        old: (r, N).
        bits: of the old row, (N,).
        rate: what a bit costs, in units of M, (N,).
    """
    rank, filters = old.shape
    chosen: list[Float64] = []  # values of c_j, (3, ..., 3, N): by the choices of c_j .. c_0
    cost = np.zeros(filters)
    for j in range(rank):
        best = form.centre[j]
        for i, values in enumerate(chosen):
            best = best - form.lean[j, i] * values
        values, added = _candidates(best, lengths)
        added *= rate
        off = values - best
        off *= off
        off *= form.scale[j]
        cost = off + added + cost
        chosen.append(values)
    leaves = cost.reshape(-1, filters)
    # The first leaf is the row that is all zero.
    leaves[0] += rate * (lengths.dead - rank * lengths.zero)
    leaf = leaves.argmin(axis=0)
    column = np.arange(filters)
    better = leaves[leaf, column] < (1 - _GAIN) * (form.cost(old) + rate * bits)
    new = old.copy()
    for j, values in enumerate(chosen):
        # The choices of c_j .. c_0 are the last digits of the leaf.
        own = values.reshape(-1, filters)[leaf % 3 ** (j + 1), column]
        np.copyto(new[j], own, where=better)
    return new


def _candidates(best: Float64, lengths: CodeLengths) -> tuple[Float64, Float64]:
    """Return (values, bits), (3, *best.shape): zero and the powers below and above, signed."""
    values = np.empty((3, *best.shape))
    bits = np.empty_like(values)
    place = places(best, lengths.low, lengths.high)
    place += len(lengths.positive) * (best < 0)
    values[0], bits[0] = 0.0, lengths.zero
    for side, (power, length) in enumerate(lengths.tables, 1):
        power.take(place, out=values[side], mode="clip")
        length.take(place, out=bits[side], mode="clip")
    return values, bits
