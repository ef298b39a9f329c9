"""Cycles that SCNN's elements wait for their accumulator banks: followed exactly for any choice of
filter groups, or for a seeded sample of them where following all would take too long.
"""

from dataclasses import dataclass

import numpy as np

from archsim.kernels.geometry import Ints
from archsim.kernels.scnn_banks import Words
from archsim.kernels.scnn_certificate import never_waits
from archsim.kernels.scnn_operations import LIMITS, Limits, Operands, issue, pieces
from archsim.kernels.scnn_queues import Segments, run_queues
from archsim.kernels.scnn_result import Banks

# A second's work, at 0.1 us an operation on one core: a constant, so that the choice repeats.
AFFORDABLE_OPERATIONS = 10_000_000
SAMPLED_OPERATIONS = 2_500_000
"""What is followed of a layer that is not affordable whole: a quarter of that."""
SEED = 0


@dataclass(frozen=True)
class Waits:
    """Waiting `cycles` of each (filter group, element), the `group_cycles` that follow, and how
    they were found; `sampled` groups were followed where not all were."""

    cycles: Ints
    group_cycles: Ints
    how: Banks
    sampled: int = 0
    standard_error: float = 0.0


def no_waits(layer: Operands) -> Waits:
    """Operations alone."""
    return Waits(np.zeros_like(layer.operations), layer.operations.max(axis=1), "none")


def bank_waits(layer: Operands) -> Waits:
    """Every queue of every group that is not proven free of waiting."""
    unproven = np.flatnonzero(~never_waits(layer))
    cycles = followed(layer, unproven)
    return Waits(cycles, _slowest(layer, cycles), "exact" if unproven.size else "proven")


def sampled_waits(layer: Operands, affordable: int = AFFORDABLE_OPERATIONS) -> Waits:
    """As `bank_waits` where no more than `affordable` operations, a second's work, are unproven.

    Else as many groups as a quarter of that allows, at least two, are followed. The others' cycles
    are their operations times the sample's ratio of cycles to operations; the standard error is the
    ratio estimator's for the layer's total.
    """
    unproven = np.flatnonzero(~never_waits(layer))
    work = int(layer.operations[unproven].sum())
    if work <= affordable or unproven.size <= 2:
        cycles = followed(layer, unproven)
        return Waits(cycles, _slowest(layer, cycles), "exact" if unproven.size else "proven")
    followable = min(affordable, SAMPLED_OPERATIONS)
    size = min(unproven.size, max(2, followable * unproven.size // work))
    sample = np.sort(np.random.default_rng(SEED).choice(unproven, size, replace=False))
    cycles = followed(layer, sample)
    rest = np.setdiff1d(unproven, sample)
    return _extrapolated(layer, cycles, sample, rest)


def _extrapolated(layer: Operands, cycles: Ints, sample: Ints, rest: Ints) -> Waits:
    """Cycles of the sampled groups, carried over to the rest."""
    known = _slowest(layer, cycles)
    floor = layer.operations.max(axis=1)
    ratio = known[sample].sum() / max(1, floor[sample].sum())
    group_cycles = known.copy()
    group_cycles[rest] = np.rint(floor[rest] * ratio).astype(np.int64)
    share = cycles[sample].sum() / max(1, layer.operations[sample].sum())
    guess = (layer.operations[rest] * share).astype(np.int64)
    cycles[rest] = np.minimum(guess, group_cycles[rest, None] - layer.operations[rest])
    scatter = np.sum((known[sample] - ratio * floor[sample]) ** 2) / (sample.size - 1)
    groups = sample.size + rest.size
    error = groups * np.sqrt((1 - sample.size / groups) * scatter / sample.size)
    return Waits(cycles, group_cycles, "sampled", sample.size, float(error))


def _slowest(layer: Operands, cycles: Ints) -> Ints:
    """Cycles of each group: those of its slowest element."""
    slowest: Ints = (layer.operations + cycles).max(axis=1)
    return slowest


def followed(layer: Operands, groups: Ints, limits: Limits = LIMITS) -> Ints:
    """Waiting cycles of each (filter group, element), zero but for some groups; queues start empty
    in every group."""
    waited = np.zeros_like(layer.operations)
    queues = np.zeros((*waited.shape, layer.table.words), np.uint64)
    for batch in pieces(layer, groups.tolist(), limits):
        counts, sizes = issue(layer, batch)
        present, of_piece = np.unique([piece.group for piece in batch], return_inverse=True)
        segments = _by_stream(counts, sizes, of_piece)
        entry = queues[present].reshape(-1, layer.table.words)
        more, left = run_queues(segments, entry, layer.array.queue_depth)
        waited[present] += more.reshape(len(present), -1)
        queues[present] = left.reshape(len(present), -1, layer.table.words)
    return waited


def _by_stream(counts: Words, sizes: Ints, group: Ints) -> Segments:
    """Segments of the operations of pieces (pieces, elements), by group, element and piece."""
    start = (np.cumsum(sizes) - sizes.reshape(-1)).reshape(sizes.shape)
    stream = (group[:, None] * sizes.shape[1] + np.arange(sizes.shape[1])).reshape(-1)
    order = np.argsort(stream, kind="stable")
    order = order[sizes.reshape(-1)[order] > 0]
    return Segments(counts, start.reshape(-1)[order], sizes.reshape(-1)[order], stream[order])
