"""Fit correlation curves by one or two exponential decays."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Curve = tuple[NDArray[np.int64], Floats]
GRID = np.array([0.0, *np.linspace(0.05, 0.9, 35), 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99])
SWEEPS = 6


def fit_decay(curve: Floats) -> float:
    """Ratio of neighbours that best fits a correlation curve over the lags 0, 1, 2 .."""
    if len(curve) < 2:
        return 0.0
    powers = GRID[:, None] ** np.arange(1, len(curve))
    return round(float(GRID[((powers - curve[1:]) ** 2).sum(axis=1).argmin()]), 3)


def fit_fields(x: Curve, y: Curve, room: float) -> list[dict[str, float]]:
    """A short and a long field that fit the correlations (lags, values) of both axes.

    Coordinate descent over a grid of decays from several starts; shares are the least squares of
    each point, not below 0, together at most `room`.
    """
    if not len(x[0]) and not len(y[0]):
        return []
    target = np.concatenate([x[1], y[1]])
    best = (np.inf, np.zeros(2), (0.0,) * 4)
    for short, long in product((0.1, 0.4, 0.7), (0.8, 0.96)):
        decays = np.array([short, short, long, long])
        error = np.inf
        for _ in range(SWEEPS):
            before = error
            for place in range(4):
                tried = np.tile(decays, (len(GRID), 1))
                tried[:, place] = GRID
                errors, shares = _errors((x[0], y[0]), target, tried, room)
                error, decays = float(errors.min()), tried[errors.argmin()]
                kept = shares[errors.argmin()]
            if error > before * 0.999:
                break
        if error < best[0]:
            best = (error, kept, tuple(decays.tolist()))
    fields = [
        {"share": float(np.floor(share * 1e4) / 1e4), "x": round(dx, 3), "y": round(dy, 3)}
        for share, dx, dy in zip(best[1].tolist(), best[2][::2], best[2][1::2], strict=True)
    ]
    return sorted(fields, key=lambda field: field["x"] + field["y"])


def plane_variance(fields: list[dict[str, float]], shape: tuple[int, ...]) -> float:
    """Variance of the mean over a plane (H, W) of a sum of separable fields."""
    total = 0.0
    for field in fields:
        factor = field["share"]
        for length, decay in zip(shape, (field["y"], field["x"]), strict=True):
            lags = np.arange(length)
            pairs = np.where(lags > 0, 2.0, 1.0) * (length - lags)
            factor *= float(pairs @ decay**lags) / length**2
        total += factor
    return total


def _errors(
    lags: tuple[NDArray[np.int64], NDArray[np.int64]], target: Floats, decays: Floats, room: float
) -> tuple[Floats, Floats]:
    """Squared error (n,) and shares (n, 2) of the best fit for each of n sets of four decays."""
    columns = [
        np.concatenate([decays[:, [i]] ** lags[0], decays[:, [i + 1]] ** lags[1]], axis=1)
        for i in (0, 2)
    ]
    shares = _shares(columns[0], columns[1], target)
    shares *= np.minimum(1.0, room / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12))
    residual = shares[:, [0]] * columns[0] + shares[:, [1]] * columns[1] - target
    return (residual**2).sum(axis=1), shares


def _shares(first: Floats, second: Floats, target: Floats) -> Floats:
    """(n, 2) least squares of two columns (n, lags), shares not below 0."""
    a, b, c = (first**2).sum(axis=1), (first * second).sum(axis=1), (second**2).sum(axis=1)
    p, q = first @ target, second @ target
    determinant = a * c - b * b
    safe = np.where(determinant > 1e-9 * a * c, determinant, 1.0)
    both = np.stack([(c * p - b * q) / safe, (a * q - b * p) / safe], axis=1)
    legal = (determinant > 1e-9 * a * c) & (both.min(axis=1) >= 0)
    sums = np.stack([p, q], axis=1)
    alone = np.maximum(sums / np.maximum(np.stack([a, c], axis=1), 1e-12), 0.0)
    better = (alone * sums).argmax(axis=1)[:, None] == np.arange(2)
    return np.where(legal[:, None], both, np.where(better, alone, 0.0))
