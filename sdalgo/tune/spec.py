"""What is asked of `sdalgo tune`: a YAML file, words of the command line, or both.

recipe: mobilenet_v2_sd
groups: {project: [features.*.conv.2]}
vary:
  preset: [as_released_double, activations]
  project.price: [1e-8, 2e-8, 4e-8]
objectives: [size, cosine, energy_pj]
at_most: {energy_pj: own}
arch: smartdeal
evaluations: 60
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from archsim.formats.errors import InputError, Problem
from archsim.formats.record import MAX_SEED, Record, load
from archsim.formats.source import in_file_order, unknown
from archsim.formats.yaml12 import Document
from sdalgo.ratios import is_path

Sampler = Literal["tpe", "nsga2", "random", "grid"]
Objective = Literal["size", "agreement", "cosine", "energy_pj", "cycles"]
SAMPLERS: tuple[str, ...] = get_args(Sampler)
METRICS: tuple[str, ...] = get_args(Objective)
LARGEST = ("agreement", "cosine")
"""Metrics that are the better the larger."""
SIMULATED = ("energy_pj", "cycles")
"""Metrics that a machine answers."""
OWN = "own"
"""As a limit: what the recipe's own decomposition has."""

Text = Annotated[str, Field(min_length=1)]
Scalar = bool | int | float | str
Point = dict[str, Scalar]
Limits = dict[Objective, float | Literal["own"]]
Place = Callable[..., str]
"""Says where a key of a plan stands; with `key` the key itself, and not its value."""


class TuneFile(Record):
    """A search, as its file has it (docs/reference/tune.md)."""

    recipe: Text | None = None
    groups: dict[Text, Annotated[list[Text], Field(min_length=1)]] = Field(default_factory=dict)
    vary: dict[Text, Annotated[list[Scalar], Field(min_length=1)]] = Field(default_factory=dict)
    set: dict[Text, Scalar] = Field(default_factory=dict)
    first: list[Point] = Field(default_factory=list)
    objectives: Annotated[list[Objective], Field(min_length=1)] | None = None
    at_most: Limits = Field(default_factory=dict)
    at_least: Limits = Field(default_factory=dict)
    arch: Text | None = None
    sampler: Sampler = "tpe"
    evaluations: Annotated[int, Field(ge=1, le=100_000)] = 60
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    calibration: Text | None = None
    evaluation: Text | None = None


_REPEATED = {"groups": "group", "objectives": "objective"}
"""Options that hold one of the values of their key."""


def _on_the_command_line(*path: object, key: bool = False) -> str:  # noqa: ARG001 - a `Place`
    """Where an option of the command line stands."""
    name, *more = path
    option = _REPEATED.get(str(name), str(name)).replace("_", "-")
    return " ".join([f"--{option}", *(one for one in more[:1] if isinstance(one, str))])


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked for, its paths found.

    Attributes:
        place: says where a key stands, as a file and a line or an option.
        network: the Python file that the command line has a recipe of the user's own run.
    """

    asked: TuneFile
    place: Place = field(default=_on_the_command_line)
    network: Path | None = None

    @property
    def objectives(self) -> tuple[str, ...]:
        """Those that are asked for; else size and cosine, and energy where there is a machine."""
        usual = ("size", "cosine", *(["energy_pj"] if self.asked.arch else []))
        return usual if self.asked.objectives is None else tuple(self.asked.objectives)


def load_plan(path: Path | None, words: Mapping[str, Any], network: Path | None = None) -> Plan:
    """Return what a file and the command line ask for; where both do, the latter counts.

    Args:
        words: keys of the file, as the command line gives them.

    Raises:
        InputError: everything that is wrong with its form, each with its place.
    """
    given = {key: value for key, value in words.items() if value not in (None, {}, [])}
    document, found = load(path, TuneFile) if path else (None, TuneFile())
    if path:
        found = found.model_copy(update=_beside(path, found))
    merged = {key: _merged(getattr(found, key), value) for key, value in given.items()}
    asked = found.model_copy(update=merged)
    plan = Plan(asked=asked, place=_places(document, given), network=network)
    _check(plan)
    return plan


def _merged(before: Any, value: Any) -> Any:
    return before | value if isinstance(value, dict) else value


def _beside(path: Path, found: TuneFile) -> dict[str, Any]:
    """Paths in a file start at its folder."""
    keys = ("recipe", "arch", "calibration", "evaluation")
    named = {key: word for key in keys if (word := getattr(found, key)) is not None}
    data = ("calibration", "evaluation")
    return {
        key: str(path.parent / word)
        for key, word in named.items()
        if key in data or is_path(word)
    }  # fmt: skip


def _places(document: Document | None, given: Mapping[str, Any]) -> Place:
    def place(*path: Any, key: bool = False) -> str:
        name, *more = path
        said = given.get(name)
        own = said is not None and not (isinstance(said, dict) and more and more[0] not in said)
        if own or document is None:
            return _on_the_command_line(*path)
        return document.key_place(*path) if key else document.place(*path)

    return place


def _check(plan: Plan) -> None:
    asked, place = plan.asked, plan.place
    problems = []
    if asked.recipe is None:
        problems.append(Problem(place("recipe"), "say which: a name of `sdalgo list recipes`"))
    names = plan.objectives
    problems += [
        Problem(place("objectives", at), f"objectives: {name} stands there twice")
        for at, name in enumerate(names) if name in names[:at]
    ]  # fmt: skip
    limits = {"at_most": asked.at_most, "at_least": asked.at_least}
    named: list[tuple[tuple[object, object], str]] = [
        (("objectives", at), name) for at, name in enumerate(names)
    ]
    named += [((key, name), name) for key, each in limits.items() for name in each]
    if asked.arch is None:
        message = "needs a machine: `arch: smartdeal` or --arch smartdeal"
        problems += [
            Problem(place(*path), f"{name} {message}")
            for path, name in named if name in SIMULATED
        ]  # fmt: skip
    problems += [
        Problem(place(key, name, key=True), f"{key}: {unknown('metric', name, METRICS)}")
        for key, each in limits.items() for name in each if name not in METRICS
    ]  # fmt: skip
    problems += [
        Problem(place(key, name), f"{key}.{name}: {limit!r} is neither a number nor `{OWN}`")
        for key, each in limits.items()
        for name, limit in each.items()
        if limit != OWN and (isinstance(limit, bool | str) or not isfinite(limit))
    ]
    if (asked.calibration is None) != (asked.evaluation is None):
        key = "calibration" if asked.evaluation is None else "evaluation"
        other = "evaluation" if asked.evaluation is None else "calibration"
        problems.append(
            Problem(place(key), f"{key}: give `{other}` too: what chooses never judges")
        )
    if problems:
        raise InputError(in_file_order(problems))
