"""Activations as streams of powers of two, and how long a group of lanes that share a shifter
takes over them (Bit-Pragmatic, MICRO 2017).
"""

from collections.abc import Iterator
from itertools import count

import numpy as np
import numpy.typing as npt

from archsim.machines.shared.geometry import ceil_div

Bits = npt.NDArray[np.uint16]
ALL_BITS = np.uint32(0xFFFF)

# Terms of every mask: a magnitude of nine bits has at most ten digit positions.
TERM_COUNTS = np.array([mask.bit_count() for mask in range(1 << 10)], np.int64)


def term_masks(values: npt.NDArray[np.integer], signed_digits: bool) -> Bits:
    """Terms of each magnitude as bit masks: its 1 bits, or its non-adjacent-form digits."""
    magnitude = np.abs(values.astype(np.int32))
    if signed_digits:
        # The carries of x + 2x mark the digits of the non-adjacent form, the shortest there is.
        magnitude = (magnitude ^ (3 * magnitude)) >> 1
    return magnitude.astype(np.uint16)


def lane_bricks(terms: Bits, lanes: int) -> Bits:
    """Masks (C, ...) as bricks of `lanes` channels, missing ones empty: (bricks, lanes, ...)."""
    bricks = ceil_div(terms.shape[0], lanes)
    full = np.zeros((bricks * lanes, *terms.shape[1:]), np.uint16)
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
    # No shifter needs to reach beyond the ten positions there are.
    reach = np.uint32(min((1 << first_stage_bits) - 1, 10))
    for cycle in count(1):
        union = np.bitwise_or.reduce(left, axis=0).astype(np.uint32)
        furthest = np.minimum((union & -union) << reach, ALL_BITS).astype(np.uint16)
        lowest = left & -left
        lowest *= lowest <= furthest  # a lane further away takes no term in this cycle
        left ^= lowest
        if not left.any():
            return
        yield cycle
