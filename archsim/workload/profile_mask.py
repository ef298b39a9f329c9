"""Masks from a profile: which entries of a weight tensor, or rows of coefficients, are not zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_models import LETTERS, Mask, Shares
from archsim.formats.profile_values import normal_share, probit
from archsim.workload.random_stream import loops_for, normals, random_rows16, stream_of

# The normal quantile of a chance is looked up in steps of 1/256 between -8 and 8.
QUANTILE_LIMIT, QUANTILE_STEPS = 8, 4096
QUANTILES = QUANTILE_STEPS / (2 * QUANTILE_LIMIT)
# Entries whose chances are looked up at a time, so that they stay in a cache.
CHUNK = 1 << 16
Floats = NDArray[np.float32]


def draw_mask(mask: Mask, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Live entries (K, rest of shape multiplied) of a mask over (K, C, ...)."""
    drawn = np.empty((shape[0], prod(shape[1:])), dtype=bool)
    first = 0
    for block in mask_blocks(mask, shape, rng):
        drawn[first : first + len(block)] = block
        first += len(block)
    return drawn


def mask_blocks(
    mask: Mask, shape: tuple[int, ...], rng: np.random.Generator
) -> Iterator[NDArray[np.bool_]]:
    """The mask in blocks of filters (filters, rest of shape multiplied), the first ones first."""
    if isinstance(mask.channel_order, tuple):
        return _counted_by_channel(mask.channel_order, shape, rng)
    latent = _latent(mask, shape, rng)
    if mask.counted:
        return _counted(mask, latent, shape, rng)
    return _tossed(mask, latent, shape, rng)


def _tossed(
    mask: Mask, latent: Latent, shape: tuple[int, ...], rng: np.random.Generator
) -> Iterator[NDArray[np.bool_]]:
    """Each entry is a coin of its own."""
    filters, channels, taps = shape[0], shape[1], prod(shape[2:])
    shift = _balance(latent, (filters, channels, taps), mask.live)
    step = max(1, CHUNK // (channels * taps))
    for start in range(0, filters, step):
        rows = min(step, filters - start)
        if loops := loops_for(rows * channels * taps):
            live = np.empty((rows, channels, taps), bool)
            with stream_of(rng) as stream:
                own, factor = latent.rows(start, rows), np.float32(QUANTILES)
                loops.tossed(stream, own, (shift, factor), _chance_table(), live)
            yield live.reshape(rows, -1)
            continue
        chances = _chances(latent.of(slice(start, start + step)) + shift)
        drawn16 = random_rows16(rng, rows, channels * taps).reshape(rows, channels, taps)
        block = drawn16 <= chances
        if not chances.all():
            block &= chances > 0
        yield block.reshape(rows, -1)


def _counted_by_channel(
    orders: tuple[str, ...], shape: tuple[int, ...], rng: np.random.Generator
) -> Iterator[NDArray[np.bool_]]:
    """Each channel of each filter keeps as many of its taps as its letter says, any of them."""
    if len(orders) != shape[0]:
        raise ValueError(f"channel_order is a list of {len(orders)} where {shape[0]} are needed")
    shares = np.stack([_in_order(letters, shape[1]) for letters in orders])
    taps = prod(shape[2:])
    step = max(1, CHUNK // (shape[1] * taps))
    for start in range(0, shape[0], step):
        wanted = np.round(shares[start : start + step] * taps)[..., None]
        places = rng.random((*wanted.shape[:2], taps)).argsort(axis=2)
        yield (places < wanted).reshape(len(wanted), -1)


def _counted(
    mask: Mask, latent: Latent, shape: tuple[int, ...], rng: np.random.Generator
) -> Iterator[NDArray[np.bool_]]:
    """Each filter keeps the entries of highest latent plus noise, as many as its share says.

    Pruning to a ratio keeps a fixed number, and a small filter's number decides its cycles.
    """
    entries = prod(shape[1:])
    if mask.filter_order is not None:
        shares = _in_order(mask.filter_order, shape[0])
    else:
        shares = quantile_sample(mask.filters or (mask.live,), shape[0], rng)
    counts = np.round(shares * entries).astype(int)
    step = max(1, CHUNK // entries)
    for start in range(0, shape[0], step):
        own = counts[start : start + step]
        live = np.repeat(own[:, None] > 0, entries, axis=1)
        some = np.flatnonzero((own > 0) & (own < entries))
        score = normals(rng, (some.size, shape[1], entries // shape[1]))
        score = (score + latent.of(start + some)).reshape(some.size, entries)
        for k, each in zip(some.tolist(), score, strict=True):
            place = entries - int(own[k]) - 1
            np.greater(each, np.partition(each, place)[place], out=live[k])
        yield live


@dataclass(frozen=True)
class Latent:
    """Normal quantiles of the entries' chances to be live, `filters` + `channels` + `taps`:
    together (K, C, taps) less what does not differ, so that a large layer is never held whole.
    """

    filters: Floats
    channels: Floats
    taps: Floats | None

    def of(self, filters: NDArray[np.intp] | slice) -> Floats:
        """Those of some filters."""
        found: Floats = self.filters[filters] + self.channels
        return found if self.taps is None else found + self.taps

    def rows(self, first: int, count: int) -> tuple[Floats, Floats, Floats]:
        """The parts of some filters: (count, channels or 1), (channels or 1,), (taps or 1,)."""
        own = np.ascontiguousarray(self.filters[first : first + count, :, 0])
        taps = np.zeros(1, np.float32) if self.taps is None else self.taps
        return own, np.ascontiguousarray(self.channels[:, 0]), taps


def _latent(mask: Mask, shape: tuple[int, ...], rng: np.random.Generator) -> Latent:
    """What the mask says of each filter, channel and tap."""
    filters, channels = shape[0], shape[1]
    taps = prod(shape[2:])
    middle = _quantile(mask.live)
    latent, of_channels = np.full((filters, 1, 1), middle, np.float32), np.zeros((1, 1), np.float32)
    if mask.filters and not mask.counted:
        latent += _effects(quantile_sample(mask.filters, filters, rng), middle)[:, None, None]
    if isinstance(mask.channel_order, str):
        of_channels = _effects(_in_order(mask.channel_order, channels), middle)[:, None]
    elif mask.channels:
        of_channels = _effects(quantile_sample(mask.channels, channels, rng), middle)[:, None]
    if mask.kernel and taps > 1:
        common = rng.standard_normal((filters, channels, 1), dtype=np.float32)
        common *= np.float32(mask.kernel**0.5)
        latent = latent + of_channels
        latent = np.add(latent, common, out=common)
        of_channels = np.zeros_like(of_channels)
        latent /= np.float32((1 - mask.kernel) ** 0.5)
    if mask.taps and len(mask.taps) != taps:
        raise ValueError(f"taps has {len(mask.taps)} entries for a kernel of {taps}")
    of_taps = _effects(np.array(mask.taps), middle) if mask.taps else None
    return Latent(latent, of_channels, of_taps)


@lru_cache(maxsize=1024)
def _quantile(share: float) -> float:
    """Normal quantile of one share."""
    return float(probit(np.array(share)))


def quantile_sample(shares: Shares, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """`count` shares in random order: the list itself if it has as many, else between its items.

    Items stand at even steps of the normal quantile, from that of the lowest of `count` ranks to
    that of the highest, so that the few extreme filters, on which the others wait, are not smeared.
    """
    if len(shares) == count:
        return rng.permutation(np.array(shares))
    ranks = _ranks(count)
    places = np.linspace(ranks[0], ranks[-1], len(shares))
    return rng.permutation(np.interp(ranks, places, shares))


@lru_cache(maxsize=64)
def _ranks(count: int) -> NDArray[np.float64]:
    """Normal quantiles of so many even ranks."""
    return probit((np.arange(count) + 0.5) / count)


def _in_order(letters: str, count: int) -> NDArray[np.float64]:
    if len(letters) != count:
        raise ValueError(f"an order has {len(letters)} letters where {count} are needed")
    return np.array([LETTERS.index(letter) for letter in letters]) / (len(LETTERS) - 1)


def _effects(shares: NDArray[np.float64], middle: float) -> Floats:
    return (probit(shares) - middle).astype(np.float32)


def _balance(latent: Latent, shape: tuple[int, ...], live: float) -> np.float32:
    """What to add for the chances' mean over `shape` to be `live`: adding effects bends it."""
    if not 0 < live < 1:
        return np.float32(0)
    taps = latent.taps
    shape = *shape[:2], 1 if taps is None else len(taps)
    size = prod(shape)
    if taps is None and _even(latent.filters) and _even(latent.channels):
        # As in most layers of one network after the other.
        value = float(np.float32(latent.filters.item(0)) + np.float32(latent.channels.item(0)))
        return _even_shift(value, -(-size // max(1, size // 20000)), live)
    places = np.unravel_index(np.arange(0, size, max(1, size // 20000)), shape)
    sample = np.broadcast_to(latent.filters, shape)[places]
    sample = sample + np.broadcast_to(latent.channels, shape[1:])[places[1:]]
    if taps is not None:
        sample = sample + taps[places[2]]
    return _bisected(sample, live)


def _even(values: Floats) -> bool:
    return values.size == 1 or bool((values == values.item(0)).all())


@lru_cache(maxsize=256)
def _even_shift(value: float, count: int, live: float) -> np.float32:
    """What moves `count` equal quantiles."""
    return _bisected(np.full(count, value, np.float32), live)


def _bisected(sample: NDArray[np.floating], live: float) -> np.float32:
    """What moves a sample of quantiles to a mean chance of `live`, to 2^-17."""
    low, high = -4.0, 4.0
    for _ in range(20):
        middle = (low + high) / 2
        if normal_share(sample + middle).mean() < live:
            low = middle
        else:
            high = middle
    return np.float32((low + high) / 2)


def _chances(latent: Floats) -> NDArray[np.uint16]:
    """The last of 65536 numbers that makes an entry live; 0 for an entry that never is."""
    table = _chance_table()
    places = latent * np.float32(QUANTILES)
    places += np.float32(QUANTILE_STEPS / 2)
    np.rint(places, out=places)
    np.clip(places, 0, QUANTILE_STEPS, out=places)
    # mode="clip" spares the look whether each place is in the table; all are.
    return table.take(places.astype(np.int32), mode="clip")


@cache
def _chance_table() -> NDArray[np.uint16]:
    middles = (np.arange(QUANTILE_STEPS + 1) - QUANTILE_STEPS / 2) / QUANTILES
    return np.round(normal_share(middles) * 65535).astype(np.uint16)
