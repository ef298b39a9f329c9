"""What a sweep asks for, whether a file or a command line says so: what runs, which keys vary over
which values, what follows from them, and what is looked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from random import Random
from typing import Any

from archsim.analysis.sweep.expression import Expression, ExpressionError, read
from archsim.arch.change import Change
from archsim.formats.errors import InputError

MOST_POINTS = 1_000_000
"""Of a grid for one machine on one workload; a larger one is a slip."""
DRAWS_PER_SAMPLE = 100
"""How many points are drawn, at most, for each that no constraint refuses."""
DEFAULT_OBJECTIVES = ("cycles", "energy_pj")
LARGER_IS_BETTER = frozenset({"gops", "gops_per_watt", "gops_per_mm2"})


@dataclass(frozen=True)
class Formula:
    """An expression, and where it was written."""

    expression: Expression
    place: str

    @classmethod
    def at(cls, text: object, place: str) -> Formula:
        """The formula in a text, or of a number.

        Raises:
            InputError: it is none.
        """
        try:
            return cls(read(str(text)), place)
        except ExpressionError as error:
            raise InputError.at(place, str(error)) from None

    @property
    def text(self) -> str:
        return self.expression.text


@dataclass(frozen=True)
class Axis:
    """A key and the values that it takes, each where it was written."""

    key: str
    values: tuple[Change, ...]


@dataclass(frozen=True)
class Link:
    """A key whose value follows from those of others; `place` is where the key was written."""

    key: str
    formula: Formula
    place: str = ""


@dataclass(frozen=True)
class Objective:
    """What is looked for: little of it, or much where `largest`."""

    formula: Formula

    @property
    def name(self) -> str:
        return self.formula.text

    @property
    def largest(self) -> bool:
        return self.name in LARGER_IS_BETTER


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sweep. It is a list where `points` are given, random where `samples` are, else a grid over
    all axes. `place` is where the whole was written."""

    workloads: tuple[str, ...]
    archs: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    scenario: str | None = None
    layers: str = "all"
    batch: int | None = None
    axes: tuple[Axis, ...] = ()
    points: tuple[tuple[Change, ...], ...] = ()
    samples: int | None = None
    seed: int = 0
    links: tuple[Link, ...] = ()
    constraints: tuple[Formula, ...] = ()
    objectives: tuple[Objective, ...] = ()
    place: str = "archsim sweep"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that vary, in the order in which they were named; linked ones last."""
        listed = (change.key for point in self.points for change in point)
        named = [*(axis.key for axis in self.axes), *listed, *(link.key for link in self.links)]
        return tuple(dict.fromkeys(named))

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change that a point may make, linked keys apart."""
        varied = (change for axis in self.axes for change in axis.values)
        return (*varied, *(change for point in self.points for change in point))

    def on(self, arch: Mapping[str, Any]) -> Plan:
        """What of it concerns a machine: the axes, points and links whose owners it has."""
        points = [tuple(c for c in point if c.concerns(arch)) for point in self.points]
        return replace(
            self,
            axes=tuple(axis for axis in self.axes if axis.values[0].concerns(arch)),
            points=tuple({repr(_values(point)): point for point in points}.values()),
            links=tuple(x for x in self.links if Change(x.key, None, "").concerns(arch)),
        )

    def designs(self) -> Iterator[tuple[Change, ...]]:
        """The points in their order. Of a random sweep they are drawn without end as long as there
        are more in the grid; who reads them stops at `samples`."""
        if self.points:
            yield from self.points
        elif self.samples is None:
            yield from product(*(axis.values for axis in self.axes))
        else:
            yield from self._drawn()

    @property
    def size(self) -> int:
        """How many points its grid or its list has."""
        return len(self.points) or prod(len(axis.values) for axis in self.axes)

    def _drawn(self) -> Iterator[tuple[Change, ...]]:
        """Points of the grid, each once, in the order of the seed alone."""
        drawn = Random(self.seed)
        seen: set[int] = set()
        most = min(self.size, DRAWS_PER_SAMPLE * (self.samples or 0))
        while len(seen) < most:
            at = drawn.randrange(self.size)
            if at not in seen:
                seen.add(at)
                yield self._numbered(at)

    def _numbered(self, at: int) -> tuple[Change, ...]:
        """The point of that number in the grid, the last axis the fastest."""
        changes = []
        for axis in reversed(self.axes):
            at, place = divmod(at, len(axis.values))
            changes.append(axis.values[place])
        return tuple(reversed(changes))


def _values(point: Iterable[Change]) -> list[tuple[str, Any]]:
    return [(change.key, change.value) for change in point]


def axis(key: str, values: Iterable[Any], place: str) -> Axis:
    """An axis of values that stand at one place.

    Raises:
        InputError: it has no value, or one twice.
    """
    changes = [Change(key, value, place) for value in values]
    return checked_axis(key, changes, place)


def checked_axis(key: str, changes: Sequence[Change], place: str) -> Axis:
    """An axis of `changes`; InputError where there are none, or two of one value."""
    if not changes:
        raise InputError.at(place, f"{key} has no values; write {key}=VALUE,VALUE")
    seen: set[str] = set()
    for one in changes:
        if repr(one.value) in seen:
            raise InputError.at(one.place, f"{key} has the value {one.value!r} twice")
        seen.add(repr(one.value))
    return Axis(key, tuple(changes))


def objectives(texts: Iterable[tuple[str, str]]) -> tuple[Objective, ...]:
    """Objectives of texts and their places, or the usual ones where there is none."""
    found = [Objective(Formula.at(text, place)) for text, place in texts]
    for one in found:
        if one.formula.expression.compares:
            raise InputError.at(one.formula.place, "is a comparison; an objective is a number")
    usual = (Objective(Formula.at(name, "")) for name in DEFAULT_OBJECTIVES)
    return tuple({one.name: one for one in found or usual}.values())


def constraint(text: str, place: str) -> Formula:
    """A comparison; InputError for what is none."""
    found = Formula.at(text, place)
    if not found.expression.compares:
        raise InputError.at(place, f"{text!r} compares nothing; write sram_kbytes <= 772")
    return found


def check_plan(plan: Plan) -> None:
    """Check what concerns the plan as a whole.

    Raises:
        InputError: everything that is wrong with it.
    """
    if plan.points and (plan.axes or plan.samples is not None):
        raise InputError.at(plan.place, "has `points`, so `vary` and `samples` have no meaning")
    if not plan.points and not plan.axes:
        raise InputError.at(plan.place, "varies no key; write --vary dram.bytes_per_cycle=8,16")
    keys = [*(axis.key for axis in plan.axes), *(link.key for link in plan.links)]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError.at(plan.place, f"{key} is varied or linked twice")


def check_size(plan: Plan) -> None:
    """InputError for a grid that is too large to run every point of."""
    if plan.samples is None and plan.size > MOST_POINTS:
        message = f"is a grid of {plan.size:,} points; --samples N draws some, archsim search looks"
        raise InputError.at(plan.place, f"{message} for the best")
