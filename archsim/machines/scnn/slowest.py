"""The slowest element of filter groups of an SCNN layer. A group lasts as long as its slowest
element, so only elements that may be the slowest are followed to their end: those first that are
foretold to last longest, until none is left that comes near the slowest one followed.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.forecast import (
    TINY,
    Floats,
    Forecast,
    Noise,
    Seen,
    excess,
    forecast,
    misses,
)
from archsim.machines.scnn.operations import Operands
from archsim.machines.scnn.probe import Probe
from archsim.machines.scnn.streams import Streams, stream_waits
from archsim.machines.shared.geometry import Ints, ceil_div

MARGIN = 2.5
"""Standard deviations of its foretold time by which an element may be slower."""
FIRST = 2
"""Elements of each group followed at first: from one alone nothing is learnt of the errors."""
DRAWS = 200
"""Of what is not known, for the error that it makes."""


T = TypeVar("T")


class Search:
    """Filter groups of one pass, of which the first `taken` are looked into: the cycles `waited` of
    those of their streams that were `followed`, (groups looked into, elements).
    """

    def __init__(self, layer: Operands, groups: Ints, probe: Probe) -> None:
        self.layer, self.groups, self.probe = layer, groups, probe
        issued = layer.issued(groups, slice(None))
        self.floor, self._weight = issued.max(axis=1), issued.sum(axis=0)
        self.waited = np.zeros((0, issued.shape[1]), np.int64)
        self.followed = np.zeros(self.waited.shape, bool)
        self.taken = 0
        self._known: dict[tuple[str, int, Noise | None], Any] = {}

    def note(self, place: tuple[NDArray[Any], NDArray[Any]], waited: Ints) -> None:
        """The cycles that streams waited which were followed, by (row of the groups, element)."""
        missing = max(self.taken, int(place[0].max(initial=-1)) + 1) - len(self.waited)
        if missing > 0:
            more = (0, missing), (0, 0)
            self.waited, self.followed = np.pad(self.waited, more), np.pad(self.followed, more)
        self._known.clear()
        self.followed[place] = True
        self.waited[place] = waited

    @property
    def rows(self) -> int:
        """Groups that a forecast looks at: those taken, or more, to whole blocks of BLAS. Others
        add nothing to a sum, and a row's product does not depend on rows in other blocks.
        """
        rows = 8 * ceil_div(max(self.taken, len(self.waited)) + 1, 8) - 1
        return min(rows, self.groups.size)

    def _once(self, what: str, noise: Noise | None, find: Callable[[], T]) -> T:
        """What `find` finds, which stays as it is until more groups are taken or streams noted."""
        key = what, self.rows, noise
        if key not in self._known:
            self._known[key] = find()
        found: T = self._known[key]
        return found

    @property
    def seen(self) -> Seen:
        """What the forecast is made from."""
        return self._once("seen", None, self._see)

    def _see(self) -> Seen:
        rows = self.rows
        missing = (0, rows - len(self.waited)), (0, 0)
        waited, followed = np.pad(self.waited, missing), np.pad(self.followed, missing)
        issued = self.layer.issued(self.groups[:rows], slice(None))
        return Seen(issued, waited, followed, self._weight)

    def forecast(self, noise: Noise) -> Forecast:
        """What the probe and the streams followed tell."""
        return self._once("forecast", noise, lambda: forecast(self.probe, self.seen, noise))

    def misses(self, noise: Noise) -> tuple[float, int]:
        """How far off the streams followed were foretold."""
        return self._once("misses", noise, lambda: misses(self.forecast(noise), self.seen))

    def lasting(self) -> Ints:
        """Cycles that each group lasts at least: its slowest element of those followed, or the
        operations of another.
        """
        lasting: Ints = self.floor.copy()
        some = len(self.waited)
        issued = self.layer.issued(self.groups[:some], slice(None))
        lasting[:some] = (issued + self.waited).max(axis=1)
        return lasting

    def open(self, noise: Noise, margin: float = MARGIN) -> Floats:
        """Cycles that elements of the groups taken are foretold to last, (groups taken, elements),
        0 where they are followed or hardly slower than the slowest one that is.
        """
        found, seen = self.forecast(noise), self.seen
        issued, followed = seen.issued[: self.taken], seen.followed[: self.taken]
        waiting = found.waiting(issued)
        known = issued * followed * found.factor
        # The level is as uncertain as the factors of the elements that it was found from.
        of_level = (known**2 @ found.variance) / np.maximum(known.sum(axis=1), 1) ** 2
        of_waiting = of_level[:, None] + found.relative_variance
        spread = np.sqrt(waiting**2 * of_waiting + noise.of_streams * waiting)
        late = issued + waiting + margin * spread > self.lasting()[: self.taken, None]
        foretold: Floats = (issued + waiting) * (late & (issued > 0) & ~followed)
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
        issued = self.layer.issued(self.groups[row], element)
        waiting = issued * level[:, row] * factor[:, element]
        waiting += np.sqrt(noise.of_streams * waiting) * rng.standard_normal(waiting.shape)
        late = issued + waiting - self.lasting()[row]
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
        seen = self.seen
        known = (seen.issued * seen.followed)[: self.taken]
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
            search.note(place, cycles)
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
