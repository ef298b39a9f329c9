"""How long elements of SCNN wait for their banks, foretold from a few that were followed.

The cycles that an element waits in a filter group are taken to be its operations, times a level of
the group (its weights decide it), times a factor of the element (its tile and its place do), and
noise. A level is what the group's own streams say; a factor is drawn from a normal distribution
about 1 whose width the data tell, so that one seen little is near 1. A probe, a group followed
through some channels, is one group more with a level of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np
import numpy.typing as npt

from archsim.machines.scnn.probe import Probe
from archsim.machines.shared.geometry import Ints, Mask

Floats = npt.NDArray[np.float64]

ROUNDS = 12
"""Of fitting levels and factors in turn; they settle in fewer."""
NARROWEST = 0.2**2
"""Variance of the factors at least: those of networks are 5 % to 100 % apart, and few are seen."""
PRIOR = 4
"""Squares of a Poisson process that count beside those seen."""
TINY = 1e-12


@dataclass(frozen=True)
class Noise:
    """By how much the variance of waiting exceeds its mean: between the parts of a probe, and
    between whole streams and what they are foretold.
    """

    of_probe: float
    of_streams: float


@dataclass(frozen=True)
class Seen:
    """What was followed of the first of some groups, (first groups, elements): operations `issued`,
    cycles `waited`, and whether a stream was `followed`; `weight` (elements,) are the operations
    of each element in all groups.
    """

    issued: Ints
    waited: Ints
    followed: Mask
    weight: Ints


@dataclass(frozen=True)
class Forecast:
    """A `level` of each of the first groups, cycles waited per operation, and `unseen`, that of
    all others; a `factor` of each element and its `variance`.
    """

    level: Floats
    factor: Floats
    variance: Floats
    unseen: float

    @property
    def relative_variance(self) -> Floats:
        """Variance of each factor over its square, 1 at most: a forecast is no worse than that."""
        relative: Floats = np.minimum(self.variance / np.maximum(self.factor, TINY) ** 2, 1)
        return relative

    def waiting(self, issued: Ints) -> Floats:
        """Cycles that each (group, element) is foretold to wait, of the first so many groups."""
        level = np.full(len(issued), self.unseen)
        known = self.level[: len(issued)]
        level[: len(known)] = known
        waiting: Floats = issued * self.factor * level[:, None]
        return waiting


def forecast(probe: Probe, seen: Seen, noise: Noise) -> Forecast:
    """Fits the levels and factors of groups of which some streams were followed."""
    rows = np.concatenate([probe.issued.sum(axis=0, keepdims=True), seen.issued * seen.followed])
    waited = np.concatenate([probe.waited.sum(axis=0, keepdims=True), seen.waited])
    rows, waited = rows.astype(np.float64), waited.astype(np.float64)
    excess = np.full(len(rows), max(noise.of_streams, TINY))
    excess[0] = max(noise.of_probe, TINY)
    # One cycle more: an element that has not waited so far may yet.
    mean = (waited.sum() + 1) / max(1, rows.sum())
    of_group, told = waited.sum(axis=1) + 1, (waited / excess[:, None]).sum(axis=0)
    weight = seen.weight + TINY
    whole = weight.sum()
    factor, width = np.ones(rows.shape[1]), 1.0
    for _ in range(ROUNDS):
        level = of_group / (rows @ factor + 1 / mean)
        # Of an element's operations in a group, in units of the factor: 1 / variance.
        trust = rows * (level / excess)[:, None]
        variance = 1 / (1 / width + trust.sum(axis=0))
        factor = variance * (1 / width + told)
        # MacKay's fixed point: squares for each factor that the data, not the 1, determine.
        told_by_data = ((1 - variance / width) * weight).sum() / whole
        square = ((factor - 1) ** 2 * weight).sum() / whole
        width = max(NARROWEST, float(square) / max(float(told_by_data), TINY))
        factor = np.maximum(factor / ((factor * weight).sum() / whole), 0)
    unseen = 1.0 / (1 / mean)
    return Forecast(level[1:], factor, variance, unseen)


def misses(found: Forecast, seen: Seen) -> tuple[float, int]:
    """As those of a probe, of followed streams against what they were foretold: a stream of each
    group and of each element went into the forecast.
    """
    followed = seen.followed
    foretold = found.waiting(seen.issued)[followed]
    off = seen.waited[followed] - foretold
    used = int(followed.any(axis=0).sum() + followed.any(axis=1).sum()) - 1
    return float((off**2 / (foretold + 1)).sum()), max(0, off.size - used)


def excess(found: Sequence[tuple[float, int]]) -> float:
    """Squares for each that is free, as if PRIOR more were those of a Poisson process."""
    free = sum(each for _, each in found) + PRIOR
    return (fsum(squares for squares, _ in found) + PRIOR) / free
