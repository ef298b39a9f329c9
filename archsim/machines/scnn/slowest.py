"""The slowest element of filter groups of an SCNN layer. A group lasts as long as its slowest
element, so only elements that may be the slowest are followed to their end: those first that are
foretold to last longest, until none is left that comes near the slowest one followed.
"""

from collections.abc import Sequence

import numpy as np

from archsim.machines.scnn.forecast import (
    TINY,
    Floats,
    Forecast,
    Noise,
    excess,
    forecast,
    misses,
)
from archsim.machines.scnn.operations import Operands
from archsim.machines.scnn.probe import Probe
from archsim.machines.scnn.streams import Streams, stream_waits
from archsim.machines.shared.geometry import Ints

MARGIN = 2.5
"""Standard deviations of its foretold time by which an element may be slower."""
FIRST = 2
"""Elements of each group followed at first: from one alone nothing is learnt of the errors."""
DRAWS = 200
"""Of what is not known, for the error that it makes."""


class Search:
    """Filter groups of one pass, of which the first `taken` are looked into; by (group, element)
    their `issued` operations, and the cycles `waited` of those that were `followed`.
    """

    def __init__(self, layer: Operands, groups: Ints, probe: Probe) -> None:
        self.layer, self.groups, self.probe = layer, groups, probe
        self.issued = layer.operations[groups]
        self.waited = np.zeros_like(self.issued)
        self.followed = np.zeros(self.issued.shape, bool)
        self.taken = 0

    def forecast(self, noise: Noise) -> Forecast:
        """What the probe and the streams followed tell."""
        return forecast(self.probe, self.issued, self.waited, self.followed, noise)

    def misses(self, noise: Noise) -> tuple[float, int]:
        """How far off the streams followed were foretold."""
        return misses(self.forecast(noise), self.issued, self.waited, self.followed)

    def lasting(self) -> Ints:
        """Cycles that each group lasts at least: its slowest element of those followed, or the
        operations of another.
        """
        lasting: Ints = (self.issued + self.waited).max(axis=1)
        return lasting

    def open(self, noise: Noise, margin: float = MARGIN) -> Floats:
        """Cycles that elements of the groups taken are foretold to last, (groups taken, elements),
        0 where they are followed or hardly slower than the slowest one that is.
        """
        found, issued = self.forecast(noise), self.issued[: self.taken]
        waiting = found.waiting(self.issued)[: self.taken]
        known = (self.issued * self.followed * found.factor)[: self.taken]
        # The level is as uncertain as the factors of the elements that it was found from.
        of_level = (known**2 @ found.variance) / np.maximum(known.sum(axis=1), 1) ** 2
        of_waiting = of_level[:, None] + found.relative_variance
        spread = np.sqrt(waiting**2 * of_waiting + noise.of_streams * waiting)
        late = issued + waiting + margin * spread > self.lasting()[: self.taken, None]
        foretold: Floats = (issued + waiting) * (late & (issued > 0) & ~self.followed[: self.taken])
        return foretold

    def overlooked(self, noise: Noise, rng: np.random.Generator) -> tuple[Floats, float]:
        """Cycles by which elements not followed are expected to outlast the others, (groups,), and
        the variance of their sum: over draws of the factors and of the noise.
        """
        more = np.zeros(self.groups.size)
        row, element = np.nonzero(self.open(noise, margin=2 * MARGIN))
        if row.size == 0:
            return more, 0.0
        level, factor = self._drawn(self.forecast(noise), rng)
        waiting = self.issued[row, element] * level[:, row] * factor[:, element]
        waiting += np.sqrt(noise.of_streams * waiting) * rng.standard_normal(waiting.shape)
        late = self.issued[row, element] + waiting - self.lasting()[row]
        heads = np.flatnonzero(np.diff(row, prepend=-1))
        late = np.maximum(np.maximum.reduceat(late, heads, axis=1), 0)
        more[row[heads]] = late.mean(axis=0)
        return more, float(late.sum(axis=1).var())

    def _drawn(self, found: Forecast, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Levels of the groups taken and factors of the elements, (DRAWS, either): the factors as
        uncertain as they are, the levels such that the streams followed wait what they did.
        """
        # Factors are positive, so their logarithms are drawn.
        width = np.sqrt(np.log1p(found.relative_variance))
        drawn = rng.standard_normal((DRAWS, width.size))
        factor = found.factor * np.exp(width * (drawn - width / 2))
        known = (self.issued * self.followed)[: self.taken]
        whole = found.level[: self.taken] * (known @ found.factor)
        return whole / np.maximum(factor @ known.T, TINY), factor


def follow_slowest(searches: Sequence[Search], affordable: float) -> int:
    """Follows elements of the groups taken until none is open, or until more than `affordable`
    operations were followed; returns how many were.
    """
    spent, count = 0, FIRST
    while spent < affordable:
        noise = noise_of(searches)
        foretold = [search.open(noise) for search in searches]
        wanted, places = _wanted(searches, foretold, count)
        # A round that is not affordable is cut short: its first elements say most.
        while count > 1 and spent + _operations(wanted) > affordable:
            count //= 2
            wanted, places = _wanted(searches, foretold, count)
        if not any(streams.groups.size for streams in wanted):
            break
        waited = stream_waits(wanted)
        for search, place, cycles in zip(searches, places, waited, strict=True):
            search.followed[place] = True
            search.waited[place] = cycles
        spent += _operations(wanted)
        count *= 2
    return spent


def _wanted(
    searches: Sequence[Search], foretold: Sequence[Floats], count: int
) -> tuple[list[Streams], list[tuple[Ints, Ints]]]:
    """The streams of each search that are foretold to last longest, `count` of each group, and
    their rows and columns.
    """
    places = [_largest(times, count) for times in foretold]
    streams = [
        Streams(search.layer, search.groups[row], element)
        for search, (row, element) in zip(searches, places, strict=True)
    ]
    return streams, places


def _operations(wanted: Sequence[Streams]) -> int:
    """Operations of the streams."""
    return sum(int(streams.sizes.sum()) for streams in wanted)


def _largest(foretold: Floats, count: int) -> tuple[Ints, Ints]:
    """Rows and columns of the `count` largest of each row, zeros apart."""
    order = np.argsort(-foretold, axis=1, kind="stable")[:, :count]
    row, place = np.nonzero(np.take_along_axis(foretold, order, axis=1))
    return row, order[row, place]


def noise_of(searches: Sequence[Search]) -> Noise:
    """The noise of all searches together."""
    of_probe = excess([search.probe.misses() for search in searches])
    guess = Noise(of_probe, 1.0)
    return Noise(of_probe, excess([search.misses(guess) for search in searches]))
