"""Weights from a profile: which entries are not zero, and how large they are there."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_models import Values, WeightProfile
from archsim.formats.profile_values import WIDE_EDGES, magnitudes, uniform_table
from archsim.formats.widths import DEFAULT_BITS, bounds_of
from archsim.workload.profile_mask import CHUNK, mask_blocks
from archsim.workload.random_stream import loops_for, random_rows16, stream_of

Weights = NDArray[np.signedinteger[Any]]


def draw_pruned(
    profile: WeightProfile,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    bits: int = DEFAULT_BITS,
) -> Weights:
    """Weights of `shape` (K, C/groups, R, S) or (K, C), of so many bits, with zeros as `profile`
    places them; int8, or int16 of 16 bits."""
    table = _values_table(profile, bits)
    drawn = np.empty((shape[0], int(np.prod(shape[1:]))), dtype=table.dtype)
    _look_up(table, drawn, rng)
    if profile.live < 1:
        first = 0
        for live in mask_blocks(profile, shape, rng):
            drawn[first : first + len(live)] *= live
            first += len(live)
    return drawn.reshape(shape)


def _look_up(table: Weights, drawn: Weights, rng: np.random.Generator) -> None:
    """Fill rows with values of the table."""
    if loops := loops_for(drawn.size):
        with stream_of(rng) as stream:
            loops.looked_up(stream, table, drawn)
        return
    step = max(1, CHUNK // drawn.shape[1])
    for start in range(0, len(drawn), step):
        block = drawn[start : start + step]
        np.take(table, random_rows16(rng, *block.shape), out=block, mode="clip")


def draw_weight(
    profile: WeightProfile,
    pruned: WeightProfile | None,
    shape: tuple[int, ...],
    streams: tuple[np.random.Generator, np.random.Generator],
    bits: int = DEFAULT_BITS,
) -> Weights:
    """Weights of `shape`; where `pruned` is described too, its entries wherever it has any.

    The second stream must be the one that pruned is drawn from.
    """
    own, kept = streams
    if pruned is None:
        return draw_pruned(profile, shape, own, bits)
    drawn = draw_pruned(pruned, shape, kept, bits)
    weights = draw_pruned(_dropped(profile, pruned), shape, own, bits)
    for weight, one in zip(weights, drawn, strict=True):
        np.copyto(weight, one, where=one != 0)
    return weights


def _dropped(whole: WeightProfile, kept: WeightProfile) -> WeightProfile:
    """The weights that pruning removed: the rest of the histogram, over the rest of the entries."""
    live = 0.0 if kept.live >= 1 else min(1.0, max(0.0, (whole.live - kept.live) / (1 - kept.live)))
    rest = _subtracted(whole, kept) if live else Values(values=(1,))
    return WeightProfile(
        live=live, values=rest.values, negative=rest.negative, filters=whole.filters
    )


def _subtracted(whole: WeightProfile, kept: WeightProfile) -> Values:
    totals = [max(1, sum(p.values) + sum(p.negative)) / max(p.live, 1e-9) for p in (whole, kept)]
    sides = []
    for side in ("values", "negative"):
        counts = [np.zeros(len(WIDE_EDGES)), np.zeros(len(WIDE_EDGES))]
        for count, profile, total in zip(counts, (whole, kept), totals, strict=True):
            part = getattr(profile, side)
            count[: len(part)] = np.array(part) / total
        sides.append(np.maximum(counts[0] - counts[1], 0))
    scale = 1e6 / max(sides[0].sum() + sides[1].sum(), 1e-12)
    lists = [np.trim_zeros(np.round(side * scale).astype(int), "b").tolist() for side in sides]
    found = Values(values=tuple(lists[0]), negative=tuple(lists[1]))
    return found if sum(found.values) + sum(found.negative) else Values(values=(1,))


@lru_cache(maxsize=128)
def _values_table(values: Values, bits: int) -> Weights:
    least, most = bounds_of(bits, signed=True)
    negative, positive = magnitudes(values.negative, -least), magnitudes(values.values, most)
    if not negative.sum() + positive.sum():
        positive[0] = 1
    frequencies = np.concatenate([negative[::-1], [0], positive])
    dtype: type[Any] = np.int8 if bits <= DEFAULT_BITS else np.int16
    table = uniform_table(frequencies, np.arange(least, most + 1), dtype)
    table.setflags(write=False)
    return table
