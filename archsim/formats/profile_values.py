"""Magnitude histograms and the normal distribution, as look-up tables that drawing reads."""

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Bin i of a histogram holds the magnitudes EDGES[i] .. EDGES[i + 1] - 1: single values up to 8,
# then four bins an octave, which keeps the borders of every power of two, where Booth digits
# change.
EDGES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128,
         160, 192, 224, 256)  # fmt: skip
WIDE_EDGES = (*EDGES, *(part << octave for octave in range(6, 14) for part in (5, 6, 7, 8)))
"""The bins of 16-bit values: those of 8 bits, and as many an octave up to 65536."""
Z_LIMIT = 4.5
Z_STEPS = 4096


def magnitudes(counts: tuple[int, ...], largest: int) -> NDArray[np.float64]:
    """Expected counts of 1 .. largest; inside a bin they slope as its neighbours do.

    Raises:
        ValueError: more bins than magnitudes up to `largest` fill.
    """
    bins = _bins(largest)
    if len(counts) > bins.most:
        raise ValueError(f"{len(counts)} bins reach beyond magnitude {largest}")
    if not counts:
        return np.zeros(largest)
    totals = np.zeros(bins.widths.size)
    totals[: len(counts)] = counts
    heights = totals / bins.widths
    around = np.concatenate([heights[:1], heights, [0.0]])
    slopes = (around[2:] - around[:-2]) / bins.apart
    # Steeper than this and the far end of the bin would fall below nothing.
    steepest = 2 * heights / bins.widths
    slopes = np.minimum(np.maximum(slopes, -steepest), steepest)
    owner = bins.owner
    spread: NDArray[np.float64] = np.maximum(heights[owner] + slopes[owner] * bins.beyond, 0.0)
    # A bin that reaches beyond the largest magnitude keeps its count.
    reached = np.bincount(owner, spread, minlength=totals.size)
    spread *= (totals / np.where(reached > 0, reached, 1.0))[owner]
    return spread


@dataclass(frozen=True)
class _Bins:
    """Bins of magnitudes up to a largest one: their `widths`, how far the middles of their
    neighbours are `apart`, and how many may be named at `most`; of each magnitude its `owner` and
    how far it lies `beyond` that bin's middle.
    """

    widths: NDArray[np.int64]
    apart: NDArray[np.float64]
    most: int
    owner: NDArray[np.int64]
    beyond: NDArray[np.float64]


@cache
def _bins(largest: int) -> _Bins:
    legal = EDGES if largest < EDGES[-1] else WIDE_EDGES
    edges, values = np.array(legal), np.arange(1, largest + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    centres = np.concatenate([middles[:1] - 1, middles, 2 * middles[-1:] - middles[-2:-1]])
    owner = np.searchsorted(edges, values, side="right") - 1
    most = sum(edge <= largest for edge in legal[:-1])
    apart = centres[2:] - centres[:-2]
    return _Bins(np.diff(edges), apart, most, owner, values - middles[owner] + 0.5)


@lru_cache(maxsize=64)
def step_shares(spread: float) -> NDArray[np.float64]:
    """(Z_STEPS,) share of the latent below the middle of each step from -Z_LIMIT to Z_LIMIT.

    The latent is a standard normal times a scale exp(spread * e - spread**2), e standard normal
    too, which keeps its variance at 1; without spread that is the normal itself.
    """
    middles = (np.arange(Z_STEPS) + 0.5) * (2 * Z_LIMIT / Z_STEPS) - Z_LIMIT
    if not spread:
        return normal_share(middles)
    e = np.linspace(-4, 4, 17)
    weights = np.exp(-e * e / 2)
    scales = np.exp(spread * e - spread * spread)
    knots = np.linspace(-Z_LIMIT, Z_LIMIT, 513)
    shares = normal_share(knots[:, None] / scales) @ (weights / weights.sum())
    return np.asarray(np.interp(middles, knots, shares))


def value_table(
    frequencies: NDArray[np.float64], values: NDArray[np.int64], shares: NDArray[np.float64]
) -> NDArray[np.int64]:
    """(Z_STEPS,) value at each step of the latent, so that values occur at their frequencies.

    `values` ascend, so a larger latent never gives a smaller value.
    """
    share = np.cumsum(frequencies) / frequencies.sum()
    # Shares ascend as well, and there are many more of them than values.
    ends = np.searchsorted(shares, share, side="right")
    ends[-1] = len(shares)  # where rounding leaves the sum below one
    return np.repeat(values, np.diff(ends, prepend=0))


def uniform_table(
    frequencies: NDArray[np.float64], values: NDArray[np.int64], dtype: type[Any] = np.int8
) -> NDArray[Any]:
    """(65536,) value for each 16-bit random number; every value has its frequency to 1/65536."""
    share = np.cumsum(frequencies) / frequencies.sum()
    # Few values are looked for among many places: the other way round takes a hundred times longer.
    ends = np.searchsorted(_places(), share, side="right")
    ends[-1] = len(_places())  # where rounding leaves the sum below one
    return np.repeat(values.astype(dtype), np.diff(ends, prepend=0))


@cache
def _places() -> NDArray[np.float64]:
    return (np.arange(1 << 16) + 0.5) / (1 << 16)


def probit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal quantile of each share; 0 and 1 become -8 and 8, beyond which nothing is drawn."""
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
    return np.asarray(np.interp(z, knots, share, left=0.0, right=1.0))
