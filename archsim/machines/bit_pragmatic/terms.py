"""Activations as streams of powers of two, and how long a group of lanes that share a shifter
takes over them (Bit-Pragmatic, MICRO 2017).
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.machines.shared.geometry import ceil_div

Bits = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
"""Masks of magnitudes of 8 bits, and of 16, whose digits take a place more."""
PLACES = 17
"""Digit positions of a magnitude of 16 bits at most."""
# Terms of every mask: a magnitude of eight bits has at most nine digit positions.
_LOW = 10
_LOW_TERMS = np.array([mask.bit_count() for mask in range(1 << _LOW)], np.int64)


def term_counts(masks: Bits) -> npt.NDArray[np.int64]:
    """How many terms each mask has."""
    if masks.dtype == np.uint16:
        return np.asarray(_LOW_TERMS.take(masks))
    return np.asarray(_LOW_TERMS.take(masks & ((1 << _LOW) - 1)) + _LOW_TERMS.take(masks >> _LOW))


def term_masks(values: npt.NDArray[np.integer[Any]], signed_digits: bool) -> Bits:
    """Terms of each magnitude as bit masks: its 1 bits, or its non-adjacent-form digits."""
    magnitude = np.abs(values.astype(np.int32))
    if signed_digits:
        # The carries of x + 2x mark the digits of the non-adjacent form, the shortest there is.
        magnitude = (magnitude ^ (3 * magnitude)) >> 1
    return (
        magnitude.astype(np.uint32) if values.dtype.itemsize == 2 else magnitude.astype(np.uint16)
    )


def lane_bricks(terms: Bits, lanes: int) -> Bits:
    """Masks (C, ...) as bricks of `lanes` channels, missing ones empty: (bricks, lanes, ...)."""
    bricks = ceil_div(terms.shape[0], lanes)
    full = np.zeros((bricks * lanes, *terms.shape[1:]), terms.dtype)
    full[: terms.shape[0]] = terms
    return full.reshape(bricks, lanes, *terms.shape[1:])


def brick_cycles(bricks: Bits, first_stage_bits: int) -> npt.NDArray[np.uint8]:
    """Cycles of each brick of masks (bricks, lanes, ...): at least one, else until all lanes are
    empty.

    A cycle takes the lowest position left in any lane as its base, and clears each lane's lowest
    term if that lies less than 2^first_stage_bits above the base. Returns (bricks, ...).
    """
    cycles = np.ones((bricks.shape[0], *bricks.shape[2:]), np.uint8)
    for brick, out in zip(bricks, cycles, strict=True):
        left = brick.copy()
        for cycle in _until_empty(left, first_stage_bits):
            out[left.any(axis=0)] = cycle + 1
    return cycles


def _until_empty(left: Bits, first_stage_bits: int) -> Iterator[int]:
    """Run masks (lanes, ...) in place; yields the cycles done while terms are left."""
    # No shifter needs to reach beyond the positions there are; twice as wide, none is shifted out.
    wide = np.uint32 if left.dtype == np.uint16 else np.uint64
    reach = wide(min((1 << first_stage_bits) - 1, 10 if wide is np.uint32 else PLACES))
    most = wide(np.iinfo(left.dtype).max)
    for cycle in count(1):
        union = np.bitwise_or.reduce(left, axis=0).astype(wide)
        furthest = np.minimum((union & -union) << reach, most).astype(left.dtype)
        lowest = left & -left
        lowest *= lowest <= furthest  # a lane further away takes no term in this cycle
        left ^= lowest
        if not left.any():
            return
        yield cycle
