"""The file of a sweep, and the same as words of a command line.

workloads: [resnet50_sd]
archs: [smartdeal, diannao]
vary:
  dram.bytes_per_cycle: [8, 16, 32]
  pe_slices.slices: {from: 16, to: 128, times: 2}
link: {weight_buffer.count: pe_slices.slices}
where: [sram_kbytes <= 772]
objectives: [cycles, energy_pj]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, model_validator

from archsim.analysis.sweep.plan import (
    MOST_POINTS,
    Axis,
    Formula,
    Link,
    Plan,
    axis,
    checked_axis,
    constraint,
    objectives,
)
from archsim.arch.change import Change
from archsim.formats.errors import InputError, Problem
from archsim.formats.record import MAX_SEED, Record, load
from archsim.formats.source import in_file_order
from archsim.formats.yaml12 import Document

Text = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Text], Field(min_length=1)]
T = TypeVar("T")
DIGITS = 12  # of a value between two others: 0.3 and not 0.30000000000000004


class Range(Record):
    """Values from one to another, both included, by adding or by multiplying."""

    start: Annotated[float, Field(alias="from")]
    to: float
    step: Annotated[float | None, Field(gt=0, description="What is added each time.")] = None
    times: Annotated[float | None, Field(gt=1, description="What is multiplied by each time.")] = (
        None
    )

    @model_validator(mode="after")
    def _one_way(self) -> Range:
        if (self.step is None) == (self.times is None):
            raise ValueError("give either `step` or `times`")
        if self.to < self.start or (self.times is not None and self.start <= 0):
            raise ValueError("`from` is at most `to`, and above zero where it is multiplied")
        return self

    def values(self) -> list[int | float]:
        """The values; whole ones are integers."""
        found = [self.start]
        while len(found) <= MOST_POINTS:
            at = len(found)
            following = (
                self.start + at * self.step if self.step else self.start * (self.times or 1) ** at
            )
            if following > self.to * (1 + 1e-12):
                break
            found.append(following)
        rounded = (float(f"{one:.{DIGITS}g}") for one in found)
        return [int(one) if one.is_integer() else one for one in rounded]


class SweepFile(Record):
    """A sweep, as its file has it."""

    description: Text | None = None
    workloads: Names
    archs: Annotated[list[Text], Field(default_factory=list)]
    scenario: Text | None = None
    layers: Text = "all"
    batch: Annotated[int | None, Field(ge=1)] = None
    set: Annotated[dict[str, Any], Field(default_factory=dict)]
    vary: Annotated[dict[str, list[Any] | Range], Field(default_factory=dict)]
    points: Annotated[list[dict[str, Any]], Field(default_factory=list)]
    samples: Annotated[int | None, Field(ge=1, le=MOST_POINTS)] = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    link: Annotated[dict[str, str | int | float], Field(default_factory=dict)]
    where: Annotated[list[Text], Field(default_factory=list)]
    objectives: Annotated[list[Text], Field(default_factory=list)]


def load_plan(path: Path) -> Plan:
    """The plan in a file.

    Raises:
        InputError: everything that is wrong with its form.
    """
    return plan_in(*load(path, SweepFile))


def plan_in(document: Document, found: SweepFile) -> Plan:
    """The plan that a document says; InputError with everything that is wrong with its form."""
    problems: list[Problem] = []
    axes = _all(found.vary.items(), lambda each: _axis(document, *each), problems)
    links = _all(found.link.items(), lambda each: _link(document, *each), problems)
    listed = list(enumerate(found.where))
    where = _all(listed, lambda x: constraint(x[1], document.place("where", x[0])), problems)
    wanted = [(text, document.place("objectives", at)) for at, text in enumerate(found.objectives)]
    looked_for = _all([wanted], objectives, problems)
    if problems:
        raise InputError(in_file_order(problems))
    return Plan(
        workloads=tuple(found.workloads),
        archs=tuple(found.archs),
        sets=tuple(_line(key, value) for key, value in found.set.items()),
        scenario=found.scenario,
        layers=found.layers,
        batch=found.batch,
        axes=tuple(axes),
        points=tuple(_point(document, *each) for each in enumerate(found.points)),
        samples=found.samples,
        seed=found.seed,
        links=tuple(links),
        constraints=tuple(where),
        objectives=looked_for[0],
        place=document.label,
    )


def _axis(document: Document, key: str, values: list[Any] | Range) -> Axis:
    place = document.key_place("vary", key)
    if isinstance(values, Range):
        return axis(key, values.values(), place)
    changes = [
        Change(key, value, document.place("vary", key, at)) for at, value in enumerate(values)
    ]
    return checked_axis(key, changes, place)


def _link(document: Document, key: str, formula: object) -> Link:
    formula_place, place = document.place("link", key), document.key_place("link", key)
    return Link(key, Formula.at(formula, formula_place), place)


def _point(document: Document, at: int, values: Mapping[str, Any]) -> tuple[Change, ...]:
    return tuple(
        Change(key, value, document.place("points", at, key)) for key, value in values.items()
    )


def _line(key: str, value: Any) -> str:
    import json

    return f"{key}={json.dumps(value, ensure_ascii=False)}"  # JSON is YAML


def vary_line(line: str) -> Axis:
    """The axis in ``KEY=VALUE,VALUE,...``, values as in a list of YAML.

    Raises:
        InputError: it is none.
    """
    key, place, text = _parts(line, "--vary", "dram.bytes_per_cycle=8,16")
    try:
        values = Document("", f"[{text}]").value
    except InputError as error:
        raise InputError(Problem(place, each.message) for each in error.problems) from None
    return axis(key, values, place)


def link_line(line: str) -> Link:
    """The link in ``KEY=EXPRESSION``; InputError where it is none."""
    key, place, text = _parts(line, "--link", "weight_buffer.count=pe_slices.slices")
    return Link(key, Formula.at(text, place), place)


def _parts(line: str, option: str, example: str) -> tuple[str, str, str]:
    """Key, place and what follows the sign."""
    key, equals, text = line.partition("=")
    place = f"{option} {line}"
    if not equals or not key.strip() or not text.strip():
        raise InputError.at(place, f"write {example}")
    return key.strip(), place, text


def _all(given: Iterable[Any], make: Callable[[Any], T], problems: list[Problem]) -> list[T]:
    """What `make` gives of each; what is wrong is added to `problems`."""
    found = []
    for each in given:
        try:
            found.append(make(each))
        except InputError as error:
            problems += error.problems
    return found
