"""Measure where weights are zero, by filter, channel, tap and kernel, less what chance does."""

import math

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_models import LETTERS
from archsim.formats.profile_values import normal_share
from sdalgo.profile_normal import ORDERS, probit
from sdalgo.profile_values import histogram, letters, quantiles

POINTS, MOST_POINTS = 17, 33
# Filters of masks up to this size are drawn with exact counts: in larger ones chance hardly shows.
LARGEST_COUNTED = 1 << 18
LONGEST_ORDER = 400
# With so few filters (or groups), which of them a channel's zeros belong to decides their balance.
FEW_FILTERS = 4
SMALLEST_KERNEL_SHARE = 0.005
LARGEST_KERNEL = 64
Floats = NDArray[np.float64]


def measure_weight(weight: NDArray[np.generic]) -> dict[str, object]:
    """The `weight` or `pruned` section for weights (K, C/groups, R, S) or (K, C)."""
    values = weight.astype(np.int16)
    live = values != 0
    sizes = histogram(values, wide=weight.dtype == np.int16)
    return {**measure_mask(live, counted=live.size <= LARGEST_COUNTED), **sizes}


def measure_mask(live: NDArray[np.bool_], *, counted: bool) -> dict[str, object]:
    """live, filters, channels or channel_order, taps and kernel for a mask (K, C, ...), K filters.

    `counted` gives the shares as they are, for a mask whose filters are drawn with exact counts.
    Else they are drawn in by the spread that coins would show, which tossing coins adds again.
    """
    mask = live.reshape(live.shape[0], live.shape[1], -1)
    filters, channels, taps = mask.shape
    share = float(mask.mean())
    section: dict[str, object] = {"live": round(share, 5)}
    if mask.all() or not mask.any():
        return section
    latent = np.full((filters, channels), float(probit(np.array(share))))
    if counted:
        section["counted"] = True
    by_filter = mask.mean(axis=(1, 2))
    if counted and 1 < filters <= LONGEST_ORDER and channels * taps < len(LETTERS):
        section["filter_order"] = letters(by_filter)
        latent += (probit(by_filter) - probit(np.array(share)))[:, None]
    elif filters > 1:
        found = by_filter if counted else shrunk(by_filter, channels * taps)
        section["filters"] = quantiles(found, MOST_POINTS if counted else POINTS)
        latent += (probit(found) - probit(np.array(share)))[:, None]
    by_channel = mask.mean(axis=(0, 2))
    if counted and filters <= FEW_FILTERS and 1 < taps < len(LETTERS) and channels <= LONGEST_ORDER:
        section.pop("filters", None)
        section.pop("filter_order", None)
        return {**section, "channel_order": [letters(each) for each in mask.mean(axis=2)]}
    if counted and 1 < channels <= LONGEST_ORDER:
        section["channel_order"] = letters(by_channel)
        latent += probit(shrunk(by_channel, filters * taps)) - probit(np.array(share))
    elif channels > 1:
        found = shrunk(by_channel, filters * taps)
        section["channels"] = quantiles(found, POINTS)
        latent += probit(found) - probit(np.array(share))
    if 1 < taps <= LARGEST_KERNEL:
        by_tap = mask.mean(axis=(0, 1))
        if by_tap.std() > 2 * _chance(share, filters * channels):
            section["taps"] = by_tap.round(3).tolist()
        kernel = _kernel_share(mask, latent)
        if kernel > SMALLEST_KERNEL_SHARE:
            section["kernel"] = round(kernel, 3)
    return {name: value for name, value in section.items() if value != [section["live"]]}


def _chance(share: float, count: int) -> float:
    return math.sqrt(max(share * (1 - share), 1e-12) / count)


def shrunk(shares: Floats, count: int) -> Floats:
    """Shares drawn in to their mean, so that tossing `count` coins at each spreads them again."""
    mean = shares.mean()
    chance = (shares * (1 - shares)).mean() / max(1, count - 1)
    spread = shares.var()
    if spread <= 0:
        return shares
    return np.asarray(mean + (shares - mean) * math.sqrt(max(0.0, 1 - chance / spread)))


def _kernel_share(mask: NDArray[np.bool_], latent: Floats) -> float:
    """Latent correlation of entries of one kernel beyond what filter and channel explain.

    The covariance of two indicators cut at the same place t of a bivariate normal with correlation
    r is density(t)^2 * sum He_{n-1}(t)^2 r^n / n!; it is matched to the mean over all kernels.
    """
    taps = mask.shape[2]
    share = normal_share(latent)
    # Remove the bend that adding effects makes, so that the residual has mean 0.
    share *= mask.mean() / share.mean()
    residual = mask.sum(axis=2) - taps * share
    extra = (residual**2 - taps * share * (1 - share)).mean() / (taps * (taps - 1))
    t = latent.reshape(-1)[:: max(1, latent.size // 20000)]
    density = np.exp(-t * t / 2) / math.sqrt(2 * math.pi)
    previous, current = np.zeros_like(t), np.ones_like(t)
    terms = []
    for n in range(1, ORDERS):
        terms.append(float(((current * density) ** 2).mean()) / n)
        previous, current = current, (t * current - math.sqrt(n - 1) * previous) / math.sqrt(n)
    grid = np.linspace(0, 0.98, 197)
    expected = (grid[:, None] ** np.arange(1, ORDERS)) @ np.array(terms)
    return float(np.interp(extra, expected, grid))
