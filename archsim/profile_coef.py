"""Coefficient codes from a profile: rows live in a group of filters, then in a filter, then their codes."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from archsim.profile_models import CoefProfile, Mask
from archsim.profile_values import uniform_table
from archsim.profile_weight import CHUNK, mask_latent, quantile_sample


def draw_coef(
    profile: CoefProfile, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Codes of `shape`: (K, C/groups, R, r), or (K, triples, r)."""
    filters, width = shape[0], shape[-1]
    if len(profile.nonzeros) > width:
        raise ValueError(f"nonzeros has {len(profile.nonzeros)} entries, and a row has {width} codes")
    if not profile.rows.live:
        return np.zeros(shape, dtype=np.int8)
    groups = -(-filters // profile.group)
    shared = _live_rows(profile.rows, (groups, *shape[1:-1]), rng)
    chances = None
    if profile.filters:
        chances = np.round(quantile_sample(profile.filters, filters, rng) * 65535).astype(np.uint16)
    patterns = _pattern_table(profile.nonzeros, width)
    codes = _code_table(profile)
    drawn = np.empty((filters, shared.shape[1], width), dtype=np.int8)
    step = max(1, CHUNK // max(1, shared.shape[1] * width))
    for start in range(0, filters, step):
        block = drawn[start : start + step]
        owners = np.arange(start, start + len(block)) // profile.group
        live = shared[owners]
        if chances is not None:
            live &= _random16(rng, live.shape) <= chances[start : start + step, None]
        block[...] = patterns[_random16(rng, live.shape)]
        block *= codes[_random16(rng, block.shape)]
        block *= live[..., None]
    return drawn.reshape(shape)


def _live_rows(
    mask: Mask, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(groups, rows) live rows; each group keeps its own share of rows, to the row.

    Pruning keeps a fixed part of the rows of a group, so counts vary less than coin tosses would.
    """
    latent = mask_latent(mask, shape, rng).reshape(shape[0], -1)
    rows = latent.shape[1]
    shares = quantile_sample(mask.filters or (mask.live,), shape[0], rng)
    keep = np.round(shares * rows).astype(int)
    live = np.empty(latent.shape, dtype=bool)
    for group, count in enumerate(keep.tolist()):
        if not 0 < count < rows:
            live[group] = count > 0
            continue
        score = latent[group] + rng.standard_normal(rows, dtype=np.float32)
        live[group] = score > np.partition(score, rows - count - 1)[rows - count - 1]
    return live


def _pattern_table(nonzeros: tuple[int, ...], width: int) -> NDArray[np.int8]:
    """(65536, width) ones where a live row has a code; all places equally likely for a number of codes."""
    bits = np.array([[(p >> i) & 1 for i in range(width)] for p in range(1 << width)], dtype=np.int8)
    sizes = bits.sum(axis=1)
    counts = np.array([0, *nonzeros, *([0] * (width - len(nonzeros)))], dtype=float)
    frequencies = counts[sizes] / np.array([comb(width, size) for size in sizes.tolist()])
    chosen = uniform_table(frequencies, np.arange(1 << width))
    return bits[chosen.view(np.uint8)]


def _code_table(profile: CoefProfile) -> NDArray[np.int8]:
    sides = [np.array(side, dtype=float) for side in (profile.negative, profile.positive)]
    frequencies = np.concatenate([sides[0][::-1], [0], sides[1]])
    return uniform_table(frequencies, np.arange(-len(sides[0]), len(sides[1]) + 1))


def _random16(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    return rng.integers(0, 1 << 16, shape, dtype=np.uint16)
