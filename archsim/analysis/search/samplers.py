"""Optuna's samplers by the names that a search gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from warnings import catch_warnings, simplefilter

from archsim.formats.errors import InputError

MISSING = "Optuna is missing; pip install 'archsim[sweep]' brings it"
POPULATION = 50
"""Points of a generation of NSGA-II, as Optuna has it; of a short search a fifth of all."""


@dataclass(frozen=True)
class Budget:
    """What a sampler may know of a search: its seed, how many points it has, how many of them are
    asked for together, and how many objectives there are."""

    seed: int
    evaluations: int
    together: int
    objectives: int


def optuna() -> Any:
    """The package, quiet: what it would log is in the table, and what it warns of is meant here.

    Raises:
        InputError: it is not installed.
    """
    try:
        package = import_module("optuna")
    except ImportError as error:
        raise InputError.at("--sampler", MISSING) from error
    package.logging.set_verbosity(package.logging.ERROR)
    return package


@contextmanager
def unwarned() -> Iterator[None]:
    """Without Optuna's warnings: of what is experimental there, and of what is meant here."""
    with catch_warnings():
        simplefilter("ignore")
        yield


def _tpe(budget: Budget) -> Any:
    # Keys of a machine are not independent: a wide array wants bandwidth.
    return _samplers().TPESampler(seed=budget.seed, multivariate=True)


def _nsga2(budget: Budget) -> Any:
    size = max(budget.together, 4, min(POPULATION, budget.evaluations // 5))
    return _samplers().NSGAIISampler(seed=budget.seed, population_size=size)


def _cmaes(budget: Budget) -> Any:
    _needs("cmaes")
    return _samplers().CmaEsSampler(
        seed=budget.seed, with_margin=True, warn_independent_sampling=False
    )


def _random(budget: Budget) -> Any:
    return _samplers().RandomSampler(seed=budget.seed)


def _qmc(budget: Budget) -> Any:
    _needs("scipy")
    return _samplers().QMCSampler(seed=budget.seed, scramble=True, warn_independent_sampling=False)


def _samplers() -> Any:
    return optuna().samplers


def _needs(package: str) -> None:
    try:
        import_module(package)
    except ImportError as error:
        message = f"{package} is missing; pip install 'archsim[sweep]' brings it"
        raise InputError.at("--sampler", message) from error


SAMPLERS: Mapping[str, Callable[[Budget], Any]] = {
    "tpe": _tpe,
    "nsga2": _nsga2,
    "cmaes": _cmaes,
    "random": _random,
    "qmc": _qmc,
}
GRID = "grid"
"""Walks the grid in an order of the seed; it needs no sampler."""
NAMES = (*SAMPLERS, GRID)


def sampler(name: str, budget: Budget) -> Any:
    """The sampler of that name, an `optuna.samplers.BaseSampler`.

    Raises:
        InputError: it cannot search for so many objectives, or needs a package that is not there.
    """
    if name == "cmaes" and budget.objectives > 1:
        message = "cmaes looks for one objective only; tpe and nsga2 look for several"
        raise InputError.at("--sampler cmaes", message)
    with unwarned():
        return SAMPLERS[name](budget)
