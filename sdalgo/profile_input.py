"""Measure activations: classes of channels, and the correlations of the Gaussian field behind the values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdalgo.profile_classes import cluster
from sdalgo.profile_normal import cut, latent_correlation
from sdalgo.profile_values import histogram

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
LAGS = 8
LONGEST_ORDER = 1024
Floats = NDArray[np.float64]


def measure_input(values: NDArray[np.generic], most_classes: int) -> dict[str, object]:
    """The `input` section for activations (C, H, W), (positions, C) or (C,)."""
    plane = _plane(values)
    classes = cluster(plane, min(most_classes, len(LETTERS)))
    section: dict[str, object] = {
        "dtype": "uint8" if values.dtype == np.uint8 else "int8",
        "classes": [_class(plane[classes == k]) for k in range(classes.max() + 1)],
    }
    if 1 < len(plane) <= LONGEST_ORDER and classes.max() > 0:
        section["order"] = "".join(LETTERS[k] for k in classes)
    section.update(_fields(plane, classes))
    return section


def _plane(values: NDArray[np.generic]) -> NDArray[np.int64]:
    """(C, H, W); positions are rows, and a vector is one row of pixels."""
    if values.ndim == 3:
        return values.astype(np.int64)
    if values.ndim == 2:
        return values.T[:, :, None].astype(np.int64)
    return values[None, None, :].astype(np.int64)


def _class(members: NDArray[np.int64]) -> dict[str, object]:
    return {
        "channels": len(members),
        "zero": round(float((members == 0).mean()), 5),
        **histogram(members),
    }


def _fields(plane: NDArray[np.int64], classes: NDArray[np.int64]) -> dict[str, object]:
    scores, loading, spectrum = _scores(plane, classes)
    if not spectrum.sum():
        return {}
    channels = len(plane)
    mean = np.tensordot(loading, scores, 1)
    own_weight = loading**2
    pairs = own_weight.sum() ** 2 - (own_weight**2).sum()
    shared = {}
    local = {}
    for axis, name in ((2, "x"), (1, "y")):
        lags = range(min(LAGS, plane.shape[axis] - 1) + 1)
        within = np.array([_lagged(scores, axis, lag) for lag in lags])  # (lags, C)
        if pairs > 0:
            crossed = np.array([_lagged(mean[None], axis, lag)[0] for lag in lags])
            shared[name] = (crossed - within @ own_weight) / pairs
        local[name] = latent_correlation(within.mean(axis=1), spectrum)
    share = max(0.0, float(shared["x"][0])) if channels > 1 and pairs > 0 else 0.0
    fields: dict[str, object] = {}
    common = {name: np.zeros(len(curve)) for name, curve in local.items()}
    if share > 0.002:
        decay = {name: _decay(curve / share) for name, curve in shared.items()}
        fields["shared"] = {"share": round(min(share, 0.98), 4), **decay}
        common = {name: share * decay[name] ** np.arange(len(local[name])) for name in local}
    own = {name: (local[name] - common[name])[1:] for name in local}
    offset, share, x, y = _fit(own["x"], own["y"], 1 - min(share if "shared" in fields else 0.0, 0.98))
    if offset > 0.002:
        fields["offset"] = round(offset, 4)
    if share > 0.002:
        fields["local"] = {"share": round(share, 4), "x": round(x, 3), "y": round(y, 3)}
    return fields


def _scores(plane: NDArray[np.int64], classes: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Normal scores (C, H, W), each channel's first Hermite coefficient, and the mean spectrum."""
    scores = np.zeros(plane.shape)
    loading = np.zeros(len(plane))
    spectrum = np.zeros(0)
    least = plane.min()
    for k in range(classes.max() + 1):
        members = classes == k
        counts = np.bincount((plane[members] - least).reshape(-1)).astype(float)
        if np.count_nonzero(counts) < 2:
            continue
        score, indicator = cut(counts)
        hermite = score @ indicator
        scores[members] = score[plane[members] - least]
        loading[members] = hermite[0]
        share = members.mean()
        spectrum = hermite**2 * share + (spectrum if spectrum.size else 0)
    return scores, loading, spectrum


def _lagged(scores: Floats, axis: int, lag: int) -> Floats:
    """(C,) mean product of scores `lag` apart along an axis of (C, H, W)."""
    ends = [slice(None)] * scores.ndim
    starts = [slice(None)] * scores.ndim
    axis -= 3 - scores.ndim
    ends[axis], starts[axis] = slice(lag, None), slice(None, scores.shape[axis] - lag)
    product = scores[tuple(ends)] * scores[tuple(starts)]
    return product.mean(axis=tuple(range(1, scores.ndim)))


def _decay(curve: Floats) -> float:
    """Ratio of neighbours that fits a normalised correlation curve best over the measured lags."""
    if len(curve) < 2:
        return 0.0
    grid = np.linspace(0, 0.995, 200)
    powers = grid[:, None] ** np.arange(1, len(curve))
    return round(float(grid[((powers - curve[1:]) ** 2).sum(axis=1).argmin()]), 3)


def _fit(x: Floats, y: Floats, room: float) -> tuple[float, float, float, float]:
    """offset, share and the two decays of offset + share * decay**lag that fit both curves best."""
    if not len(x) and not len(y):
        return 0.0, 0.0, 0.0, 0.0
    grid = np.concatenate([np.linspace(0.05, 0.95, 37), [0.97, 0.98, 0.99]])
    best = (np.inf, 0.0, 0.0, 0.0, 0.0)
    target = np.concatenate([x, y])
    for rx in grid if len(x) else [0.0]:
        for ry in grid if len(y) else [0.0]:
            curve = np.concatenate([rx ** np.arange(1, len(x) + 1), ry ** np.arange(1, len(y) + 1)])
            offset, share = _nonnegative(curve, target, room)
            error = float(((offset + share * curve - target) ** 2).sum())
            if error < best[0]:
                best = (error, offset, share, float(rx), float(ry))
    return best[1:]


def _nonnegative(curve: Floats, target: Floats, room: float) -> tuple[float, float]:
    """Least squares of offset + share * curve with both at least 0 and their sum at most `room`."""
    spread = curve - curve.mean()
    share = float(spread @ target / max(spread @ spread, 1e-12))
    offset = float(target.mean() - share * curve.mean())
    if offset < 0:
        offset, share = 0.0, float(curve @ target / (curve @ curve))
    if share < 0:
        offset, share = max(0.0, float(target.mean())), 0.0
    share = min(share, room)
    return min(offset, room - share), share
