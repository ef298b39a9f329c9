"""Measure the Gaussian fields behind activations, those of each channel and those of all.

The latent of channel c at pixel p is scale(p) * (shared(p) + local_c(p) + noise), cut into values
by the thresholds of c's class. Correlations are taken of scores, the mean of a polynomial of the
latent where a value is, and led back to the latent (sdalgo/profile_normal.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdalgo.profile_curves import Curve, fit_decay, fit_fields, plane_variance
from sdalgo.profile_input import SortedChannels
from sdalgo.profile_normal import ORDERS, cut, latent_correlation
from sdalgo.profile_shared import common_parts

LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
# Shares of variance below this change no result by a tenth of a per cent.
SMALLEST, SMALLEST_SPREAD = 0.002, 0.05
MANY, FEW_ZEROS = 16, 0.05
LEVELS = (0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 1)
Floats = NDArray[np.float64]


def measure_fields(channels: SortedChannels) -> dict[str, object]:
    """`shared`, `scale` and `local` of activations; what is too small to matter is left out."""
    plane, classes = channels.plane, channels.classes
    first, second = _scores(plane, classes)
    if not first.spectrum.sum():
        return {}
    signs, _ = _scores(_signs(plane, classes), classes)
    sign_curves, size_curves = _common(signs), _common(second)
    share, spread = common_parts(plane, classes, sign_curves.share, size_curves.share)
    fields: dict[str, object] = {}
    if share > SMALLEST:
        fields["shared"] = {
            "share": round(share, 4),
            "x": sign_curves.x,
            "y": sign_curves.y,
            "levels": _levels(signs if _shows_zeros(plane) else first),
        }
    if spread > SMALLEST_SPREAD:
        fields["scale"] = {"spread": round(spread, 3), "x": size_curves.x, "y": size_curves.y}
    # The room is short of 1 by what rounding three shares can add.
    room = 0.9998 - (share if "shared" in fields else 0.0)
    found = _own_fields(first, signs, room, (classes.max() + 1) / len(classes))
    local = [field for field in found if field["share"] > SMALLEST]
    if local:
        fields["local"] = local
    return fields


def _own_fields(
    values: _Scores, signs: _Scores, room: float, classes_per_channel: float
) -> list[dict[str, float]]:
    """The fields of each channel, from the curves of values and of signs: their mean.

    Values and signs of a Gaussian would agree; real signs often hold together over longer runs.
    A class is standardised over the plane, here and when drawn, which takes a part off every
    correlation. It is given back: what the mean over the plane and a class's channels varies by.
    """
    curves = [
        (lags, (curve + other) / 2)
        for (lags, curve), (_, other) in zip(_own_curves(values), _own_curves(signs), strict=True)
    ]
    given_back = 0.0
    found: list[dict[str, float]] = []
    for _ in range(3):
        x, y = ((lags, curve + (1 - curve) * given_back) for lags, curve in curves)
        found = fit_fields(x, y, room)
        given_back = min(0.5, classes_per_channel * plane_variance(found, values.values.shape[1:]))
    return found


def _own_curves(scores: _Scores) -> list[Curve]:
    """Correlations of a channel's latent along x and y, less what all channels share."""
    common = _common(scores)
    curves = []
    for axis, decay in ((2, common.x), (1, common.y)):
        length = scores.values.shape[axis]
        lags = np.array([lag for lag in LAGS if lag < length and lag <= max(1, length // 2)], int)
        within = np.array([_lagged(scores.values, axis, lag).mean() for lag in lags.tolist()])
        latent = latent_correlation(within, scores.spectrum)
        curves.append((lags, latent - common.share * decay**lags))
    return curves


def _signs(plane: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sign of each value; in a class of one sign, whether it lies above the class's median."""
    signs = np.sign(plane)
    for k in range(classes.max() + 1):
        members = classes == k
        if (signs[members] == signs[members][0, 0, 0]).all():
            signs[members] = plane[members] > np.median(plane[members])
    return signs


def _shows_zeros(plane: NDArray[np.int64]) -> bool:
    """Whether counting zeros over channels shows the shared field."""
    return len(plane) >= MANY and FEW_ZEROS < float((plane == 0).mean()) < 1 - FEW_ZEROS


def _levels(scores: _Scores) -> list[float]:
    """Nine quantiles of the shared field, as sums over channels show it."""
    mean = np.tensordot(scores.loading, scores.values, 1)
    found = np.quantile((mean - mean.mean()) / mean.std(), LEVELS)
    return [round(float(level), 2) for level in found]


@dataclass(frozen=True)
class _Common:
    """Covariance of the scores of two channels at one pixel, and its decays."""

    share: float
    x: float
    y: float


def _common(scores: _Scores) -> _Common:
    """Covariance of two different channels at one pixel, and how it decays along x and y.

    With loadings l_c, the variance of sum_c score_c is that of each channel alone plus share * l_c
    * l_c' for each pair.
    """
    loading = scores.loading
    pairs = loading.sum() ** 2 - (loading**2).sum()
    if pairs <= 1e-12:
        return _Common(0.0, 0.0, 0.0)
    total = scores.values.sum(axis=0)[None]
    found = []
    share = 0.0
    for axis in (2, 1):
        lags = range(min(8, scores.values.shape[axis] - 1) + 1)
        crossed = [
            _lagged(total, axis, lag)[0] - _lagged(scores.values, axis, lag).sum() for lag in lags
        ]
        curve = np.array(crossed) / pairs
        share = float(curve[0])
        found.append(fit_decay(curve / share) if share > 0 else 0.0)
    return _Common(max(0.0, share), found[0], found[1])


@dataclass(frozen=True)
class _Scores:
    """Scores (C, H, W) of one Hermite order, and (C,) how much of that order they hold."""

    values: Floats
    loading: Floats
    spectrum: Floats


def _scores(plane: NDArray[np.int64], classes: NDArray[np.int64]) -> tuple[_Scores, _Scores]:
    """Scores of order 1 and 2, with the mean over channels of their spectra."""
    found = [
        _Scores(np.zeros(plane.shape), np.zeros(len(plane)), np.zeros(ORDERS)) for _ in range(2)
    ]
    least = plane.min()
    for k in range(classes.max() + 1):
        members = classes == k
        counts = np.bincount((plane[members] - least).reshape(-1)).astype(float)
        if np.count_nonzero(counts) < 2:
            continue
        share, indicator = cut(counts)
        column = share[:, None]
        means = np.divide(indicator, column, out=np.zeros_like(indicator), where=column > 0)
        for order, scores in enumerate(found):
            scores.values[members] = means[plane[members] - least, order]
            scores.loading[members] = means[:, order] @ indicator[:, order]
            scores.spectrum[:] += (means[:, order] @ indicator) ** 2 * members.mean()
    return found[0], found[1]


def _lagged(scores: Floats, axis: int, lag: int) -> Floats:
    """(C,) mean product of scores `lag` apart along an axis of (C, H, W)."""
    ends = [slice(None)] * scores.ndim
    starts = [slice(None)] * scores.ndim
    axis -= 3 - scores.ndim
    ends[axis], starts[axis] = slice(lag, None), slice(None, scores.shape[axis] - lag)
    product = scores[tuple(ends)] * scores[tuple(starts)]
    return np.asarray(product.mean(axis=tuple(range(1, scores.ndim))))
