"""Magnitude histograms and quantile lists, rounded to what a few characters hold."""

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_models import LETTERS
from archsim.formats.profile_values import EDGES, WIDE_EDGES
from sdalgo.profile_normal import probit

PARTS = 1000


def histogram(values: NDArray[np.integer], *, wide: bool = False) -> dict[str, list[int]]:
    """`values` and `negative`: non-zero entries by magnitude bin, in parts of 1000;
    `wide` bins reach to those of 16 bits."""
    flat = values.reshape(-1).astype(np.int64)
    sides = {"values": flat[flat > 0], "negative": -flat[flat < 0]}
    total = max(1, sum(len(side) for side in sides.values()))
    found = {}
    for name, side in sides.items():
        counts = np.histogram(side, bins=WIDE_EDGES if wide else EDGES)[0] * (PARTS / total)
        if counts.any():
            found[name] = trimmed(np.where(counts > 0, np.maximum(np.round(counts), 0), 0))
    if total > 1 and not any(sum(side) for side in found.values()):
        found["values"] = [1]
    return {name: side for name, side in found.items() if side}


def trimmed(counts: NDArray[np.floating]) -> list[int]:
    """Whole numbers without trailing zeros."""
    return [int(count) for count in np.trim_zeros(np.round(counts).astype(int), "b")]


def quantiles(shares: NDArray[np.float64], points: int) -> list[float]:
    """Shares at `points` even steps of the normal quantile, from lowest to highest rank.

    All of them if they are no more than that, and one number if all agree.
    """
    found = np.sort(shares)
    if len(found) > points:
        ranks = probit((np.arange(len(found)) + 0.5) / len(found))
        found = np.interp(np.linspace(ranks[0], ranks[-1], points), ranks, found)
    rounded = [round(float(share), 4) for share in found]
    return rounded if rounded[0] != rounded[-1] else rounded[:1]


def letters(shares: NDArray[np.float64]) -> str:
    """One letter a share: letter i of 0 .. 9 a .. z for i/35."""
    return "".join(LETTERS[i] for i in np.round(shares * (len(LETTERS) - 1)).astype(int).tolist())
