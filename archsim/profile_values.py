"""Magnitude histograms and the normal distribution, as look-up tables that drawing reads."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

# Bin i of a histogram holds the magnitudes EDGES[i] .. EDGES[i + 1] - 1: single values up to 8, then
# four bins an octave, which keeps the borders of every power of two, where Booth digits change.
EDGES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128,
         160, 192, 224, 256)  # fmt: skip
Z_LIMIT = 4.5
Z_STEPS = 4096


def magnitudes(counts: tuple[int, ...], largest: int) -> NDArray[np.float64]:
    """Expected counts of 1 .. largest: a bin's count is spread evenly over its magnitudes.

    Raises:
        ValueError: more bins than magnitudes up to `largest` fill.
    """
    if len(counts) > sum(edge <= largest for edge in EDGES[:-1]):
        raise ValueError(f"{len(counts)} bins reach beyond magnitude {largest}")
    spread = np.zeros(largest + 1)
    for count, low, high in zip(counts, EDGES, EDGES[1:], strict=False):
        top = min(high, largest + 1)
        spread[low:top] = count / (top - low)
    return spread[1:]


@cache
def _normal_steps() -> NDArray[np.float64]:
    centres = (np.arange(Z_STEPS) + 0.5) * (2 * Z_LIMIT / Z_STEPS) - Z_LIMIT
    return np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in centres])


def value_table(frequencies: NDArray[np.float64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """(Z_STEPS,) value at each step of a standard normal, so that values occur at their frequencies.

    `values` ascend, so a larger normal never gives a smaller value.
    """
    share = np.cumsum(frequencies) / frequencies.sum()
    return values[np.minimum(np.searchsorted(share, _normal_steps()), len(values) - 1)]


def uniform_table(frequencies: NDArray[np.float64], values: NDArray[np.int64]) -> NDArray[np.int8]:
    """(65536,) value for each 16-bit random number; every value has its frequency to 1/65536."""
    share = np.cumsum(frequencies) / frequencies.sum()
    places = (np.arange(1 << 16) + 0.5) / (1 << 16)
    found = values[np.minimum(np.searchsorted(share, places), len(values) - 1)]
    return found.astype(np.int8)


def probit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal quantile of each share; 0 and 1 become -8 and 8, where nothing is drawn on the other side."""
    flat = np.asarray(share, dtype=float).reshape(-1)
    inverse = NormalDist().inv_cdf
    found = [inverse(p) if 0 < p < 1 else (8.0 if p >= 1 else -8.0) for p in flat.tolist()]
    return np.array(found).reshape(np.shape(share))


@cache
def _normal_knots() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    knots = np.linspace(-8, 8, 4097)
    return knots, np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in knots])


def normal_share(z: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share of a standard normal below z, within 1e-6 (linear between 4097 knots)."""
    knots, share = _normal_knots()
    return np.interp(z, knots, share, left=0.0, right=1.0)
