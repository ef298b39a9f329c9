"""Filters in groups that share one load, and totals shared out over those groups."""

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints, ceil_div, differences, portion

PARTS_PER_LAYER = 96
"""Parts that a layer is cut into at least, so that its loads, work and results overlap."""


def group_sizes(filters: int, convolution_groups: int, width: int) -> Ints:
    """(G,) filters of each group of at most `width`; groups never mix convolution groups."""
    return np.tile(part_sizes(filters // convolution_groups, width), convolution_groups)


def part_sizes(total: int, width: int) -> Ints:
    """(parts,) sizes of consecutive parts of `width`, the last one smaller where it must be."""
    return np.minimum(width, total - np.arange(0, total, width))


def group_numbers(sizes: Ints) -> Ints:
    """(K,) the group of each filter."""
    return np.repeat(np.arange(len(sizes)), sizes)


def share_bytes(total: int, weights: Ints, sizes: Ints) -> Ints:
    """(G,) whole bytes that add up to the total, in proportion to the weights (K,) of their
    filters.
    """
    if len(sizes) == 1:
        return np.array([total])
    by_group = np.bincount(group_numbers(sizes), weights=weights, minlength=len(sizes))
    if not by_group.any():
        by_group = sizes.astype(np.float64)
    return spread(total, by_group)


def spread(total: int, weights: Ints | NDArray[np.float64]) -> Ints:
    """Share a total over an array in proportion to its weights, in whole cycles that add up
    exactly.
    """
    # Rounding the running sum instead of each share keeps the total and moves no share by over 1.
    flat = np.cumsum(weights.reshape(-1), dtype=np.float64)
    ends = np.floor(flat * (total / flat[-1]) + 0.5).astype(np.int64)
    np.minimum(ends, total, out=ends)  # beyond 2^53 a float may be above the total that it is of
    ends[-1] = total
    return differences(ends).reshape(weights.shape)


def parts_of_groups(weights: Ints, capacity: int) -> Ints:
    """(G,) parts by input channel of filter groups with so many bytes of `weights` (G,): half the
    weight memories each at most, and enough of them to see loads, work and results overlap."""
    least = -(-PARTS_PER_LAYER // len(weights))
    parts: Ints = np.maximum(ceil_div(weights, max(1, capacity // 2)), least)
    return parts


def cut_groups(amounts: Ints, parts: Ints) -> Ints:
    """Amounts of the filter groups, (G, passes), as those of their `parts` (G,) by input channel.

    Everything is shared evenly. So are results: while a group computes, the accumulators of the
    one before drain (SCNN, ISCA'17), which is as much at a time.
    """
    group = np.repeat(np.arange(len(parts)), parts)
    number = (np.arange(len(group)) - (np.cumsum(parts) - parts)[group])[:, None]
    count, whole = parts[group][:, None], amounts[group]
    return portion(number + 1, whole, count) - portion(number, whole, count)
