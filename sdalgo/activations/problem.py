"""One layer as the search sees it: weights, inputs and prices, filters along the last axis."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sdalgo.activations.moments import Moments, ridge
from sdalgo.activations.triangular import upper_factor
from sdalgo.fit import Float64
from sdalgo.matrices import Layout
from sdalgo.pow2 import Float32

_FREE = 1e-6  # of the mean diagonal: what a padding position costs, so that H stays regular


@dataclass(frozen=True)
class Problem:
    """min over Ce, B of sum_k (w_k - q_k) H (w_k - q_k)^T + rate_k * bits_k.

    Attributes:
        weight: (D, N), D = rows * n with padding at its end, N filters.
        second: H, (groups, D, D).
        rate: energy that a bit must save, (N,).
        layout: which rows share a slice.
        factor: U with U^T U = H^-1, where it is known already.
    """

    weight: Float64
    second: Float64
    rate: Float64
    layout: Layout
    factor: Float64 | None = None

    @property
    def upper(self) -> Float64:
        """U with U^T U = H^-1, (groups, D, D)."""
        return upper_factor(self.second) if self.factor is None else self.factor

    @cached_property
    def seen(self) -> Float64:
        """H w of each filter, (D, N)."""
        return self.times(self.second, self.weight)

    @property
    def filters(self) -> int:
        return int(self.weight.shape[1])

    @property
    def rows(self) -> int:
        return self.layout.rows

    def times(self, second: Float64, columns: Float64) -> Float64:
        """Return second @ columns, (a, N), of (groups, a, b) and (b, N)."""
        groups = len(second)
        if groups == 1:
            return np.asarray(second[0] @ columns)
        parts = columns.reshape(len(columns), groups, -1).transpose(1, 0, 2)
        made = (second @ parts).transpose(1, 0, 2)
        return np.asarray(made.reshape(second.shape[1], columns.shape[1]))

    def energy(self, rest: Float64) -> Float64:
        """Return rest_k H rest_k^T, (N,)."""
        return np.asarray((rest * self.times(self.second, rest)).sum(axis=0))


def problem_of(weight: Float32, moments: Moments, layout: Layout, bit_price: float) -> Problem:
    """Return the problem of a weight in its own shape.

    Args:
        bit_price: what a bit costs in units of the network's loss; a filter's rate is this over
            its sensitivity.
    """
    filters, inputs = layout.filters, moments.inputs
    padded = layout.rows * layout.width
    target = moments.target if moments.target is not None else weight.reshape(filters, -1)
    held = np.zeros((padded, filters))
    held[:inputs] = target.astype(np.float64).T
    second = moments.second if padded == inputs else _with_padding(moments.second, padded)
    sensitivity = np.ones(filters) if moments.sensitivity is None else moments.sensitivity
    floor = np.maximum(sensitivity, 1e-9 * sensitivity.max())
    rate = bit_price / np.where(floor > 0, floor, 1.0)
    return Problem(held, second, rate, layout)


def _with_padding(given: Float64, padded: int) -> Float64:
    """H with padding positions after its own, (groups, padded, padded)."""
    groups, inputs = given.shape[:2]
    second = np.zeros((groups, padded, padded))
    second[:, :inputs, :inputs] = given
    free = np.arange(inputs, padded)
    second[:, free, free] = ridge(given, _FREE)[:, None]
    return second


def rebuilt(coef: Float64, basis: Float64, layout: Layout) -> Float64:
    """Return Ce B, (D, N), of coefficients (rows, r, N) and bases (slices, r, n, N)."""
    rows, _, filters = coef.shape
    whole = np.zeros((rows, layout.width, filters))
    for index in range(layout.slices):
        part = slice(index * layout.height, min((index + 1) * layout.height, rows))
        whole[part] = np.einsum("min,ijn->mjn", coef[part], basis[index])
    return whole.reshape(rows * layout.width, filters)
