"""Sparse formats that store each non-zero with its distance to the one before. A distance field of
few bits needs fillers, stored zeros that bridge long gaps: Cambricon-X's steps and SCNN's run
lengths differ only in how many positions one filler bridges.
"""

import numpy as np

from archsim.machines.shared.geometry import Ints, Mask

CHUNK = 1 << 18  # positions looked at together, so that they stay in a cache
SCNN_SPAN = 16  # a 4-bit zero run: a placeholder stands for 15 zeros and itself


def step_span(step_bits: int) -> int:
    """Positions a filler bridges when the field holds a distance of 1 .. 2^bits - 1."""
    return (1 << step_bits) - 1


def zero_runs(mask: Mask) -> tuple[Ints, Ints, Ints]:
    """(block, position, zeros since the one before) of every non-zero of a mask (blocks,
    positions).
    """
    live = np.flatnonzero(mask)
    block = live // max(1, mask.shape[1])
    position = live - block * mask.shape[1]
    zeros = position.copy()
    zeros[1:] -= position[:-1] + 1
    first = np.flatnonzero(block[1:] != block[:-1]) + 1
    zeros[first] = position[first]
    return block, position, zeros


def stored_entries(mask: Mask, span: int | None) -> Ints:
    """Entries stored for each block of a mask (blocks, positions): its non-zeros and their
    fillers.

    A run of z zeros before a non-zero takes floor(z / span) fillers; zeros after the last non-zero
    take none. No span (None) means no fillers.
    """
    if span is None:
        total: Ints = mask.sum(axis=1, dtype=np.int64)
        return total
    counts = np.empty(len(mask), np.int64)
    step = max(1, CHUNK // max(1, mask.shape[1]))
    for first in range(0, len(mask), step):
        part = mask[first : first + step]
        live = np.flatnonzero(part)
        own = np.diff(np.searchsorted(live, np.arange(len(part) + 1) * mask.shape[1]))
        counts[first : first + step] = own + _fillers(live, part.shape, span)
    return counts


def _fillers(live: Ints, shape: tuple[int, ...], span: int) -> Ints:
    """Fillers of each block of a mask (blocks, positions) whose non-zeros are `live`, flat."""
    zeros = np.diff(live, prepend=-1) - 1
    # Few runs are long. One that began in the block before counts from its own block's start.
    long = np.flatnonzero(zeros >= span)
    block, position = np.divmod(live[long], max(1, shape[1]))
    fillers = np.minimum(zeros[long], position) // span
    return np.bincount(block, weights=fillers, minlength=shape[0]).astype(np.int64)


def segment_entries(mask: Mask, span: int | None, segment: int) -> Ints:
    """Entries stored in each segment of `segment` positions, fillers at the zeros they replace:
    (blocks, segments).
    """
    blocks, positions = mask.shape
    segments = -(-positions // segment)
    block, position, zeros = zero_runs(mask)
    counts = np.bincount(block * segments + position // segment, minlength=blocks * segments)
    if span is not None:
        fillers = zeros // span
        nth = np.arange(fillers.sum()) - np.repeat(np.cumsum(fillers) - fillers, fillers) + 1
        at = np.repeat(position - zeros - 1, fillers) + nth * span
        cell = np.repeat(block * segments, fillers) + at // segment
        counts += np.bincount(cell, minlength=blocks * segments)
    return counts.astype(np.int64).reshape(blocks, segments)
