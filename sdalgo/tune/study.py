"""Asking Optuna's samplers for points, and telling them what came of those.

A point is evaluated once, however often a sampler comes back to it or to one that is the same. All
draws are seeded: asked the same questions with the same answers, a sampler says the same, so a
search that goes on after a kill comes to the points of one that was never killed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from random import Random
from typing import Any

from archsim.formats.errors import InputError
from sdalgo.tune.space import Places, Settings, Space
from sdalgo.tune.spec import LARGEST

REPEATS = 10
"""Draws in a row of points that are known already, after which one is drawn from the others."""
DRAWS = 10_000
"""For such a point, before there is held to be none."""
STARTUP = 7
"""Points that TPE draws evenly before it has anything to go by: Optuna's ten are many of sixty. It
is the same for searches of every length, so that a longer one goes on from a shorter one."""
POPULATION = 10
"""Points of a generation of NSGA-II, likewise."""


@dataclass(frozen=True)
class Method:
    """How points are chosen: by whom, with which seed, and how many at most."""

    sampler: str = "tpe"
    seed: int = 0
    evaluations: int = 60


@dataclass(frozen=True)
class Verdict:
    """What a sampler is told of a point: its objectives, and how many limits it breaks."""

    values: Sequence[float]
    broken: int = 0


def optuna() -> Any:
    """Return the package, quiet.

    Raises:
        InputError: it is not installed.
    """
    try:
        package = import_module("optuna")
    except ImportError as error:
        message = "Optuna is missing; pip install 'archsim[sweep]' brings it"
        raise InputError.at("--sampler", message) from error
    package.logging.set_verbosity(package.logging.ERROR)
    return package


def sampler_of(method: Method) -> Any:
    """Return Optuna's sampler of a name; the grid's points are put in line, and it draws none."""
    samplers = optuna().samplers
    if method.sampler == "tpe":
        # Prices of groups are not independent: what one spends another has to save.
        return samplers.TPESampler(seed=method.seed, multivariate=True, n_startup_trials=STARTUP)
    if method.sampler == "nsga2":
        return samplers.NSGAIISampler(seed=method.seed, population_size=POPULATION)
    return samplers.RandomSampler(seed=method.seed)


@dataclass
class Study:
    """The questions and answers of one search."""

    space: Space
    objectives: Sequence[str]
    method: Method
    told: dict[Settings, Verdict] = field(default_factory=dict)
    asked: int = 0
    _open: Any = None

    def __post_init__(self) -> None:
        self._random = Random(self.method.seed)
        self._study = optuna().create_study(
            directions=["maximize" if o in LARGEST else "minimize" for o in self.objectives],
            sampler=sampler_of(self.method),
        )
        if self.method.sampler == "grid":
            self._enqueue_grid()

    def want(self, places: Places) -> None:
        """Have a point come next, after those that were wanted before."""
        parameters = {a.key: at for a, at in zip(self.space.axes, places, strict=True)}
        self._study.enqueue_trial(parameters)

    def next(self) -> Places | None:
        """Return a point that is not known yet, to be told with `tell`; None where there is none,
        or where there have been as many as there may be."""
        if self.asked >= self.method.evaluations:
            return None
        for repeat in count():
            if repeat >= REPEATS:
                unseen = self._unseen()
                if unseen is None:
                    return None
                self.want(unseen)
            trial = self._study.ask(self._distributions())
            places = tuple(int(trial.params[axis.key]) for axis in self.space.axes)
            known = self.told.get(self.space.settings(places))
            if known is None:
                break
            self._close(trial, known)
        self._open = trial
        self.asked += 1
        return places

    def tell(self, places: Places, verdict: Verdict | None) -> None:
        """What came of the point that was asked for; None: nothing, it failed."""
        said = verdict or Verdict(self._worst(), 1)
        self.told[self.space.settings(places)] = said
        self._close(self._open, said)

    def _close(self, trial: Any, verdict: Verdict) -> None:
        trial.set_constraint("broken", verdict.broken)
        self._study.tell(trial, list(verdict.values))

    def _distributions(self) -> dict[str, Any]:
        made = optuna().distributions
        return {
            axis.key: made.IntDistribution(0, len(axis.values) - 1)
            if axis.ordered
            else made.CategoricalDistribution(range(len(axis.values)))
            for axis in self.space.axes
        }

    def _enqueue_grid(self) -> None:
        """All points, or as many as fit, evenly spread."""
        distinct = self.space.distinct
        size = self.space.size if distinct is None else len(distinct)
        most = min(self.method.evaluations, size)
        for at in range(most):
            place = at * size // most
            self.want(self.space.numbered(place) if distinct is None else distinct[place])

    def _unseen(self) -> Places | None:
        distinct = self.space.distinct
        if distinct is not None:
            left = [places for places in distinct if self.space.settings(places) not in self.told]
            return self._random.choice(left) if left else None
        for _ in range(DRAWS):
            places = self.space.numbered(self._random.randrange(self.space.size))
            if self.space.settings(places) not in self.told:
                return places
        return None

    def _worst(self) -> list[float]:
        """The worst value of each objective so far; zeros as long as nothing is known."""
        known = [verdict.values for verdict in self.told.values() if not verdict.broken]
        columns = zip(*known, strict=True) if known else [(0.0,)] * len(self.objectives)
        pairs = zip(self.objectives, columns, strict=True)
        return [min(column) if name in LARGEST else max(column) for name, column in pairs]
