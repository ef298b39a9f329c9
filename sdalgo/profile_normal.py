"""Normal scores of discrete values, and the latent correlation behind the correlation of scores.

A tensor is modelled as a Gaussian field cut at thresholds: value v where the field lies between two
of them. The score of a value is the mean of the normal between its thresholds. Scores correlate
less than the field does, the more so the fewer and larger the atoms; with the Hermite coefficients
h_n of the cut, correlation r of the field gives sum h_n^2 r^n of the scores (Mehler's formula),
which is inverted here.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

ORDERS = 24
Floats = NDArray[np.float64]


def probit(shares: Floats, limit: float = 1e-7) -> Floats:
    """Normal quantiles of shares, clipped to [limit, 1 - limit]."""
    flat = np.clip(np.asarray(shares, dtype=float).reshape(-1), limit, 1 - limit)
    return np.array([NormalDist().inv_cdf(p) for p in flat.tolist()]).reshape(np.shape(shares))


def cut(frequencies: Floats) -> tuple[Floats, Floats]:
    """Shares (values,) and Hermite coefficients (values, ORDERS) of the indicators of a cut normal.

    Item i of `frequencies` is how often the i-th value occurs. Column n - 1 of the coefficients is
    the mean of indicator * He_n / sqrt(n!): divided by the share it is the mean of that polynomial
    where the value is, for n = 1 the normal score.
    """
    share = np.cumsum(frequencies) / frequencies.sum()
    edges = np.concatenate([[-8.0], probit(share[:-1], 1e-12), [8.0]])
    density = np.exp(-edges * edges / 2) / math.sqrt(2 * math.pi)
    density[[0, -1]] = 0
    terms = [density]
    previous, current = np.zeros_like(edges), np.ones_like(edges)
    for n in range(1, ORDERS):
        # He_n / sqrt(n!) by the normalised three-term recursion, times the density.
        previous, current = current, (edges * current - math.sqrt(n - 1) * previous) / math.sqrt(n)
        terms.append(current * density)
    columns = [(term[:-1] - term[1:]) / math.sqrt(n + 1) for n, term in enumerate(terms)]
    return np.diff(share, prepend=0.0), np.stack(columns, axis=1)


def latent_correlation(observed: Floats, spectrum: Floats) -> Floats:
    """Correlation of the field for each covariance of the scores; spectrum[n - 1] = h_n^2."""
    grid = np.linspace(0, 1, 513)
    powers = grid[:, None] ** np.arange(1, len(spectrum) + 1)
    expected = powers @ spectrum
    return np.interp(observed, expected, grid)
