"""One search: a machine on a network, and what is asked of the sampler and told to it.

Every point is run once, however often a sampler asks for it, and counts once. Points that a machine
or a constraint refuses before they run are told to the sampler as not feasible and do not count.
The study lives in memory: a search that goes on asks the same questions again, and the folder has
the answers, so that it comes to the same points as one that was not ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from archsim.analysis.search.samplers import GRID, Budget, optuna, sampler
from archsim.analysis.search.space import Places, Space
from archsim.analysis.sweep.plan import Objective

REPEATS = 10
"""Points in a row that are there already, or refused, before one that is not there is drawn."""
DRAWS_PER_EVALUATION = 100
"""How many points are asked for, at most, for each that may run."""
Values = Sequence[float]


@dataclass(frozen=True)
class Verdict:
    """What a sampler is told of a point: its objectives, and how many constraints it breaks."""

    values: Values
    broken: int = 0


@dataclass
class Study:
    """The questions and answers of one search; `refused` counts the points that cannot run,
    `in_vain` those in a row."""

    space: Space
    objectives: Sequence[Objective]
    budget: Budget
    name: str
    evaluated: int = 0
    refused: int = 0
    asked: int = 0
    in_vain: int = 0
    told: dict[Places, Verdict] = field(default_factory=dict)
    _open: dict[Places, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(self.budget.seed)
        self._study = optuna().create_study(
            directions=directions(self.objectives),
            sampler=sampler("random" if self.name == GRID else self.name, self.budget),
        )
        size = self.space.size
        if self.name == GRID:  # as many as fit, evenly spread over it
            count = min(self.budget.evaluations, size)
            for at in range(count):
                self._want(self.space.numbered(at * size // count))

    @property
    def finished(self) -> bool:
        """Whether its points are spent, or there are no others."""
        drawn = DRAWS_PER_EVALUATION * self.budget.evaluations
        whole = len(self.told) + len(self._open) >= self.space.size
        return self.evaluated >= self.budget.evaluations or whole or self.asked >= drawn

    def proposals(self) -> Iterator[Places]:
        """New points, as many as are asked for together; each is to be told with `tell`, or with
        `refuse` before the next is taken."""
        before = self.evaluated
        while not self.finished and self.evaluated - before < self.budget.together:
            places = self._next()
            self.evaluated += 1
            yield places

    def tell(self, places: Places, verdict: Verdict) -> None:
        """What came of a point."""
        self.in_vain = 0
        trials = self._open.pop(places)
        if not trials:  # it was drawn here
            self._want(places)
            trials = [self._study.ask(self.space.distributions)]
        self._close(places, verdict, trials)

    def refuse(self, places: Places, broken: int) -> None:
        """A point cannot run; it is as bad as the worst so far, as far as a sampler asks. Of many
        in a row it is not told: each question takes the longer the more it knows."""
        self.evaluated -= 1
        self.refused += 1
        self.in_vain += 1
        self._close(places, Verdict(self._worst(), broken), self._open.pop(places))

    def fail(self, places: Places) -> None:
        """A point has run to no result."""
        self.tell(places, Verdict(self._worst(), 1))

    def _next(self) -> Places:
        """A point that is not there yet: the sampler's next, or one that is drawn where the sampler
        comes back to the same ones, or to nothing but such as are refused."""
        if self.in_vain >= REPEATS:
            self.asked += 1
            places = self._unseen()
            self._open[places] = []
            return places
        for repeat in range(REPEATS + 1):
            if repeat == REPEATS:
                self._want(self._unseen())
            trial = self._study.ask(self.space.distributions)
            self.asked += 1
            places = self.space.places(trial.params)
            if places in self.told:
                self._close(places, self.told[places], [trial])
            elif places in self._open:
                self._open[places].append(trial)
            else:
                break
        self._open[places] = [trial]
        return places

    def _want(self, places: Places) -> None:
        self._study.enqueue_trial(self.space.parameters(places))

    def _unseen(self) -> Places:
        while True:
            places = self.space.numbered(self._random.randrange(self.space.size))
            if places not in self.told and places not in self._open:
                return places

    def _close(self, places: Places, verdict: Verdict, trials: Sequence[Any]) -> None:
        self.told[places] = verdict
        for trial in trials:
            if self.name != "cmaes":  # it has no use for them, and warns
                trial.set_constraint("broken", verdict.broken)
            self._study.tell(trial, list(verdict.values))

    def _worst(self) -> Values:
        """The worst value of each objective so far; zeros as long as nothing is known."""
        known = [verdict.values for verdict in self.told.values() if not verdict.broken]
        if not known:
            return [0.0] * len(self.objectives)
        columns = zip(self.objectives, zip(*known, strict=True), strict=True)
        return [min(column) if one.largest else max(column) for one, column in columns]


def directions(objectives: Sequence[Objective]) -> list[str]:
    """As Optuna calls them."""
    return ["maximize" if one.largest else "minimize" for one in objectives]
