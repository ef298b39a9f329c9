"""Cycles that SCNN's elements wait for their accumulator banks: followed exactly for any choice of
filter groups, or for a seeded sample of them where following all would take too long.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot

import numpy as np

from archsim.machines.scnn.banks import Words
from archsim.machines.scnn.certificate import never_waits
from archsim.machines.scnn.counts import Banks
from archsim.machines.scnn.operations import LIMITS, Limits, Operands, issue, pieces
from archsim.machines.scnn.queues import Segments, run_queues
from archsim.machines.shared.geometry import Ints

# A second's work, at 0.1 us per operation on one core: a constant, so that the choice repeats.
AFFORDABLE_OPERATIONS = 10_000_000
SAMPLED_SHARE = 4
"""Of what is affordable, a quarter is followed where all is not affordable."""
FEWEST = 16
"""Filter groups in a sample: with fewer, its standard error says nothing."""
SEED = 0


@dataclass(frozen=True)
class Waits:
    """Waiting `cycles` of each (filter group, element) in one pass over the plane, and the
    `group_cycles` that follow.
    """

    cycles: Ints
    group_cycles: Ints


@dataclass(frozen=True)
class Conflicts:
    """The waits of a layer's `passes`, and how they were found.

    Where not all groups were followed, `sampled` of them were, counted in each pass, and
    `standard_error` is that of the layer's cycles.
    """

    passes: tuple[Waits, ...]
    how: Banks
    sampled: int = 0
    standard_error: float = 0.0


def no_waits(passes: Sequence[Operands]) -> Conflicts:
    """Operations alone."""
    waits = (Waits(np.zeros_like(one.operations), one.operations.max(axis=1)) for one in passes)
    return Conflicts(tuple(waits), "none")


def bank_waits(passes: Sequence[Operands]) -> Conflicts:
    """Every queue of every group that is not proven free of waiting."""
    return _all_waits(passes, [np.flatnonzero(~never_waits(one)) for one in passes])


def _all_waits(passes: Sequence[Operands], unproven: Sequence[Ints]) -> Conflicts:
    """Every queue of the groups of each pass that are not proven free of waiting."""
    cycles = [followed(one, groups) for one, groups in zip(passes, unproven, strict=True)]
    waits = (Waits(c, _slowest(one, c)) for one, c in zip(passes, cycles, strict=True))
    return Conflicts(tuple(waits), "exact" if any(map(len, unproven)) else "proven")


def sampled_waits(passes: Sequence[Operands], affordable: int = AFFORDABLE_OPERATIONS) -> Conflicts:
    """As `bank_waits` where no more than `affordable` operations, a second's work, are unproven.

    Else as many groups as a quarter of that allows, at least 16 if there are so many, are followed,
    whatever their pass, through as many of their channels as it allows. Waiting goes on in the same
    proportion: in the other channels to each element's operations, and in the other groups to
    those of the slowest. The standard error is the ratio estimator's for the layer's total, with
    what following a part of the channels may be off.
    """
    unproven = [np.flatnonzero(~never_waits(one)) for one in passes]
    work = _work(passes, unproven)
    if work <= affordable:
        return _all_waits(passes, unproven)
    open_groups, followable = sum(map(len, unproven)), affordable // SAMPLED_SHARE
    size = min(open_groups, max(FEWEST, followable * open_groups // work))
    taken = np.zeros(open_groups, bool)
    taken[np.random.default_rng(SEED).choice(open_groups, size, replace=False)] = True
    parts = np.split(taken, np.cumsum([len(groups) for groups in unproven])[:-1])
    samples = [groups[mine] for groups, mine in zip(unproven, parts, strict=True)]
    channels = passes[0].channels
    # A prefix of channels of a grouped convolution would be a prefix of its first groups alone.
    if passes[0].geometry.groups == 1:
        channels = max(1, min(channels, followable * channels // max(1, _work(passes, samples))))
    found = [_prefix_waits(*each, channels) for each in zip(passes, samples, strict=True)]
    cycles, apart = zip(*found, strict=True)
    rest = [groups[~mine] for groups, mine in zip(unproven, parts, strict=True)]
    carried = _extrapolated(passes, cycles, list(zip(samples, rest, strict=True)))
    error = hypot(carried.standard_error, sum(apart) * open_groups / size)
    return replace(carried, standard_error=error)


def _work(passes: Sequence[Operands], groups: Sequence[Ints]) -> int:
    """Operations of some groups of each pass."""
    return sum(int(one.operations[of].sum()) for one, of in zip(passes, groups, strict=True))


def _prefix_waits(layer: Operands, sample: Ints, channels: int) -> tuple[Ints, float]:
    """Waiting cycles of each (filter group, element), zero but for a sample followed through its
    first channels; and how far off the slowest elements' sum may be.

    The elements of a group wait in proportion to their operations and then differ. If channels are
    independent the differences grow with the root of their number, if some elements are always
    worse with the number itself: the middle is taken, and half of what lies between is the error.
    """
    if channels == layer.channels or sample.size == 0:
        return followed(layer, sample), 0.0
    short, share = layer.upto(channels), channels / layer.channels
    issued, waited = short.operations[sample], followed(short, sample)[sample]
    common = waited.sum(axis=1) / np.maximum(issued.sum(axis=1), 1)
    apart = waited - common[:, None] * issued
    whole = layer.operations[sample]
    low, middle, high = (
        np.maximum(common[:, None] * whole + apart / share**power, 0) for power in (0.5, 0.75, 1)
    )
    cycles = np.zeros_like(layer.operations)
    cycles[sample] = np.rint(middle)
    return cycles, float(((whole + high).max(axis=1) - (whole + low).max(axis=1)).sum() / 2)


def _extrapolated(
    passes: Sequence[Operands], cycles: Sequence[Ints], samples: Sequence[tuple[Ints, Ints]]
) -> Conflicts:
    """Carries the waiting of the sampled groups of each pass over to the rest."""
    floor, known, issued, waiting = [], [], 0, 0
    for one, waited, (sample, _) in zip(passes, cycles, samples, strict=True):
        floor.append(one.operations.max(axis=1)[sample])
        known.append(_slowest(one, waited)[sample])
        issued += int(one.operations[sample].sum())
        waiting += int(waited[sample].sum())
    least, slowest = np.concatenate(floor), np.concatenate(known)
    ratio, share = slowest.sum() / max(1, least.sum()), waiting / max(1, issued)
    waits = tuple(
        _scaled(one, waited, rest, (ratio, share))
        for one, waited, (_, rest) in zip(passes, cycles, samples, strict=True)
    )
    groups = sum(len(sample) + len(rest) for sample, rest in samples)
    scatter = np.sum((slowest - ratio * least) ** 2) / max(1, slowest.size - 1)
    # No correction for the share that was sampled: what is sampled is not followed to its end.
    error = groups * np.sqrt(scatter / slowest.size)
    return Conflicts(waits, "sampled", slowest.size, float(error))


def _scaled(one: Operands, waited: Ints, rest: Ints, ratios: tuple[float, float]) -> Waits:
    """Waits of a pass whose other groups are known: `ratios` of cycles to operations in the slowest
    element, and of waiting to operations in all.
    """
    group_cycles, floor = _slowest(one, waited), one.operations.max(axis=1)
    group_cycles[rest] = np.rint(floor[rest] * ratios[0]).astype(np.int64)
    guess = (one.operations[rest] * ratios[1]).astype(np.int64)
    # An element cannot wait longer than its group lasts beyond the element's operations.
    waited[rest] = np.minimum(guess, group_cycles[rest, None] - one.operations[rest])
    return Waits(waited, group_cycles)


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
