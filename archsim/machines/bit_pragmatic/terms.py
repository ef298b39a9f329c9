"""Activations as streams of powers of two, and how long a group of lanes that share a shifter
takes over them (Bit-Pragmatic, MICRO 2017).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.machines.shared.geometry import ceil_div

Masks = npt.NDArray[np.unsignedinteger[Any]]
"""A bit per term: of magnitudes of 8 bits or 16; signed digits take a place more, and so the next
wider type."""
Counts = npt.NDArray[np.uint8]
_EVERY = tuple(np.uint8(mask) for mask in (0x55, 0x33, 0x0F))


def term_counts(masks: Masks) -> Counts:
    """How many terms each mask has."""
    # Of each two bits, of each four, of each byte. numpy has a function for it from 2.0 on.
    pairs, fours, byte = _EVERY
    found = np.ascontiguousarray(masks).view(np.uint8)
    found = found - ((found >> 1) & pairs)
    found = (found & fours) + ((found >> 2) & fours)
    found = (found + (found >> 4)) & byte
    parts = found.reshape(*masks.shape, masks.dtype.itemsize)
    total = parts[..., 0]
    for part in range(1, masks.dtype.itemsize):
        total = total + parts[..., part]
    return total


def term_masks(values: npt.NDArray[np.integer[Any]], signed_digits: bool) -> Masks:
    """Terms of each magnitude as bit masks: its 1 bits, or its non-adjacent-form digits."""
    size = min(values.dtype.itemsize, 2)
    if signed_digits:
        magnitude = np.abs(values.astype(np.int32))
        # The carries of x + 2x mark the digits of the non-adjacent form, the shortest there is.
        return np.asarray((magnitude ^ (3 * magnitude)) >> 1, f"u{2 * size}")
    return np.asarray(np.abs(values) if values.dtype.kind == "i" else values, f"u{size}")


def lane_bricks(terms: Masks, lanes: int) -> Masks:
    """Masks (C, ...) as bricks of `lanes` channels, missing ones empty: (bricks, lanes, ...)."""
    bricks = ceil_div(terms.shape[0], lanes)
    if len(terms) == bricks * lanes:
        return terms.reshape(bricks, lanes, *terms.shape[1:])
    full = np.zeros((bricks * lanes, *terms.shape[1:]), terms.dtype)
    full[: terms.shape[0]] = terms
    return full.reshape(bricks, lanes, *terms.shape[1:])


def brick_cycles(bricks: Masks, first_stage_bits: int) -> Counts:
    """Cycles of each brick of masks (bricks, lanes, ...): at least one, else until all lanes are
    empty.

    A cycle takes the lowest position left in any lane as its base, and clears each lane's lowest
    term if that lies less than 2^first_stage_bits above the base. Returns (bricks, ...).
    """
    left = np.array(bricks.swapaxes(0, 1), order="C")
    # A base times this is every position in reach of it; those beyond the highest overflow.
    reach = left.dtype.type((1 << min(1 << first_stage_bits, 8 * left.itemsize)) - 1)
    cycles, lowest = np.zeros(left.shape[1:], np.uint8), np.empty_like(left)
    while (union := np.bitwise_or.reduce(left, axis=0)).any():
        cycles += (union != 0).view(np.uint8)
        union &= -union
        union *= reach
        np.negative(left, out=lowest)
        lowest &= left
        lowest &= union  # a lane further away takes no term in this cycle
        left ^= lowest
    return np.maximum(cycles, 1, out=cycles)
