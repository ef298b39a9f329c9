"""Weights from a profile: which entries are not zero, by filter, channel, kernel and tap; then their values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.profile_models import Mask, Shares, Values, WeightProfile
from archsim.profile_values import magnitudes, normal_share, probit, uniform_table

# Entries drawn at a time: a few megabytes of temporaries, whatever the layer.
CHUNK = 1 << 20


def draw_pruned(
    profile: WeightProfile, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Weights of `shape` (K, C/groups, R, S) or (K, C) with zeros as `profile` places them."""
    chances = mask_chances(profile, shape, rng)
    table = _values_table(profile)
    drawn = np.empty((shape[0], int(np.prod(shape[1:]))), dtype=np.int8)
    step = max(1, CHUNK // max(1, drawn.shape[1]))
    for start in range(0, len(drawn), step):
        block = drawn[start : start + step]
        block[...] = table[_random16(rng, block.shape)]
        if chances is not None:
            block *= _random16(rng, block.shape) < chances[start : start + step]
    return drawn.reshape(shape)


def draw_weight(
    profile: WeightProfile,
    pruned: WeightProfile | None,
    shape: tuple[int, ...],
    streams: tuple[np.random.Generator, np.random.Generator],
) -> NDArray[np.int8]:
    """Weights of `shape`; where `pruned` is described too, its entries and others where it has zeros.

    The second stream must be the one that pruned is drawn from.
    """
    own, kept = streams
    if pruned is None:
        return draw_pruned(profile, shape, own)
    drawn = draw_pruned(pruned, shape, kept)
    dropped = draw_pruned(_dropped(profile, pruned), shape, own)
    return np.where(drawn != 0, drawn, dropped)


def _dropped(whole: WeightProfile, kept: WeightProfile) -> WeightProfile:
    """The weights that pruning removed: what is left of the histogram, over the entries that are left."""
    live = 0.0 if kept.live >= 1 else min(1.0, max(0.0, (whole.live - kept.live) / (1 - kept.live)))
    rest = _subtracted(whole, kept) if live else Values(values=(1,))
    return WeightProfile(live=live, values=rest.values, negative=rest.negative, filters=whole.filters)


def _subtracted(whole: WeightProfile, kept: WeightProfile) -> Values:
    totals = [max(1, sum(p.values) + sum(p.negative)) / max(p.live, 1e-9) for p in (whole, kept)]
    sides = []
    for side in ("values", "negative"):
        counts = [np.zeros(32), np.zeros(32)]
        for count, profile, total in zip(counts, (whole, kept), totals, strict=True):
            part = getattr(profile, side)
            count[: len(part)] = np.array(part) / total
        sides.append(np.maximum(counts[0] - counts[1], 0))
    scale = 1e6 / max(sides[0].sum() + sides[1].sum(), 1e-12)
    lists = [np.trim_zeros(np.round(side * scale).astype(int), "b").tolist() for side in sides]
    found = Values(values=tuple(lists[0]), negative=tuple(lists[1]))
    return found if sum(found.values) + sum(found.negative) else Values(values=(1,))


def mask_chances(
    mask: Mask, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.uint16] | None:
    """(K, rest) chance of each entry not to be zero, times 65535; None where every entry is live."""
    if mask.live >= 1 and not mask.filters and not mask.channels:
        return None
    latent = mask_latent(mask, shape, rng)
    share = normal_share(_balanced(latent, mask.live))
    return np.round(share * 65535).astype(np.uint16).reshape(shape[0], -1)


def mask_latent(mask: Mask, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """(K, C, taps) normal quantile of each entry's chance to be live: filter, channel, tap and kernel."""
    filters, channels = shape[0], shape[1]
    taps = int(np.prod(shape[2:]))
    middle = float(probit(np.array(mask.live)))
    latent = np.full((filters, channels, 1), middle, dtype=np.float32)
    if mask.filters:
        latent += _effects(mask.filters, filters, middle, rng)[:, None, None]
    if mask.channels:
        latent += _effects(mask.channels, channels, middle, rng)[None, :, None]
    if mask.kernel and taps > 1:
        common = rng.standard_normal(latent.shape, dtype=np.float32)
        latent = (latent + np.float32(mask.kernel**0.5) * common) / np.float32((1 - min(mask.kernel, 0.999)) ** 0.5)
    if mask.taps:
        if len(mask.taps) != taps:
            raise ValueError(f"taps has {len(mask.taps)} entries for a kernel of {taps}")
        latent = latent + (probit(np.array(mask.taps)) - middle).astype(np.float32)
    return np.broadcast_to(latent, (filters, channels, taps))


def quantile_sample(shares: Shares, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """`count` shares spread evenly over a quantile list, in random order."""
    places = (np.arange(count) + 0.5) / count * (len(shares) - 1)
    return rng.permutation(np.interp(places, np.arange(len(shares)), shares))


def _effects(
    shares: Shares, count: int, middle: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    return (probit(quantile_sample(shares, count, rng)) - middle).astype(np.float32)


def _balanced(latent: NDArray[np.float32], live: float) -> NDArray[np.float32]:
    """Shift the chances so that their mean is `live`: adding effects bends it a little."""
    if not 0 < live < 1:
        return latent
    sample = latent.reshape(-1)[:: max(1, latent.size // 20000)]
    low, high = -4.0, 4.0
    for _ in range(30):
        middle = (low + high) / 2
        if normal_share(sample + middle).mean() < live:
            low = middle
        else:
            high = middle
    return latent + np.float32((low + high) / 2)


def _values_table(values: Values) -> NDArray[np.int8]:
    negative, positive = magnitudes(values.negative, 128), magnitudes(values.values, 127)
    if not negative.sum() + positive.sum():
        positive[0] = 1
    frequencies = np.concatenate([negative[::-1], [0], positive])
    return uniform_table(frequencies, np.arange(-128, 128))


def _random16(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    return rng.integers(0, 1 << 16, shape, dtype=np.uint16)
