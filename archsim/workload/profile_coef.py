"""Coefficient codes from a profile: live rows of a group, of a filter, and their codes."""

from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_models import CoefProfile
from archsim.formats.profile_values import uniform_table
from archsim.workload.profile_mask import draw_mask, quantile_sample
from archsim.workload.random_stream import loops_for, random16, stream_of

# Codes drawn at a time: temporaries of a few megabytes, whatever the layer.
CHUNK = 1 << 20
NONE = np.zeros(0, np.uint16)


def draw_coef(
    profile: CoefProfile, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Codes of `shape`: (K, C/groups, R, r), or (K, triples, r)."""
    filters, width = shape[0], shape[-1]
    if len(profile.nonzeros) > width:
        raise ValueError(
            f"nonzeros has {len(profile.nonzeros)} entries, and a row has {width} codes"
        )
    if not profile.rows.live:
        return np.zeros(shape, dtype=np.int8)
    groups = -(-filters // profile.group)
    shared = draw_mask(profile.rows, (groups, *shape[1:-1]), rng)
    chances = None
    if profile.filters:
        chances = np.round(quantile_sample(profile.filters, filters, rng) * 65535).astype(np.uint16)
    patterns = _pattern_table(profile.nonzeros, width)
    codes = _code_table(profile.negative, profile.positive)
    drawn = np.empty((filters, shared.shape[1], width), dtype=np.int8)
    step = max(1, CHUNK // max(1, shared.shape[1] * width))
    for start in range(0, filters, step):
        block = drawn[start : start + step]
        owners = np.arange(start, start + len(block)) // profile.group
        own = NONE if chances is None else chances[start : start + step]
        _draw_rows(block, (shared[owners], own), (patterns, codes), rng)
    return drawn.reshape(shape)


def _draw_rows(
    block: NDArray[np.int8],
    rows: tuple[NDArray[np.bool_], NDArray[np.uint16]],
    tables: tuple[NDArray[np.int8], NDArray[np.int8]],
    rng: np.random.Generator,
) -> None:
    """Fill a block with codes where rows are live, and of those each by its filter's chance."""
    (live, chances), (patterns, codes) = rows, tables
    if loops := loops_for(block.size):
        with stream_of(rng) as stream:
            loops.codes(stream, rows, patterns, codes, block)
        return
    if chances.size:
        live &= random16(rng, live.shape) <= chances[:, None]
    patterns.take(random16(rng, live.shape), axis=0, out=block, mode="clip")
    block *= codes.take(random16(rng, block.shape))
    block *= live[..., None]


@lru_cache(maxsize=8)
def _pattern_table(nonzeros: tuple[int, ...], width: int) -> NDArray[np.int8]:
    """(65536, width) ones where a live row has a code; every place is as likely as another."""
    bits = np.array(
        [[(p >> i) & 1 for i in range(width)] for p in range(1 << width)], dtype=np.int8
    )
    sizes = bits.sum(axis=1)
    counts = np.array([0, *nonzeros, *([0] * (width - len(nonzeros)))], dtype=float)
    frequencies = counts[sizes] / np.array([comb(width, size) for size in sizes.tolist()])
    chosen = uniform_table(frequencies, np.arange(1 << width))
    table = bits.take(chosen, axis=0)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=64)
def _code_table(negative: tuple[int, ...], positive: tuple[int, ...]) -> NDArray[np.int8]:
    """(65536,) code for each 16-bit random number."""
    frequencies = np.array([*negative[::-1], 0, *positive], dtype=float)
    table = uniform_table(frequencies, np.arange(-len(negative), len(positive) + 1))
    table.setflags(write=False)
    return table
