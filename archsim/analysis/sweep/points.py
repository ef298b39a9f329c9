"""One point of a sweep: a machine with the values of its keys, or why the machine refuses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

from archsim.analysis.inputs import Choice
from archsim.analysis.sweep.expression import ExpressionError, Values
from archsim.analysis.sweep.plan import Formula, Plan
from archsim.analysis.sweep.quantities import Machine, key_values
from archsim.arch.arch import Arch, load_arch
from archsim.arch.change import Change, ChangeSet
from archsim.formats.errors import InputError, Problem
from archsim.formats.source import in_file_order
from archsim.results.settings import value_text


@dataclass(frozen=True)
class Point:
    """A machine with the values of one point; `arch` is None where it refuses them."""

    changes: tuple[Change, ...]
    overrides: tuple[Change, ...] = ()
    arch: Arch | None = None
    problems: tuple[Problem, ...] = ()


def point_of(plan: Plan, choice: Choice, changes: tuple[Change, ...]) -> Point:
    """The machine at a point, linked keys included."""
    every = (*changes, *_linked(plan, choice, changes))
    try:
        overrides, arch = _changed(choice, every)
    except InputError as error:
        return Point(every, problems=error.problems)
    return Point(every, overrides, arch)


def _linked(plan: Plan, choice: Choice, changes: Sequence[Change]) -> list[Change]:
    """The linked keys at a point, each after those it may be made of.

    The machine is plain data meanwhile: half changed it may well be illegal.
    """
    keys = deepcopy(choice.changed.keys) if plan.links else {}
    found: list[Change] = []
    for change in changes if plan.links else ():
        _put(keys, change)
    for link in plan.links:
        if any(key_values(keys, name) is None for name in link.formula.expression.names):
            continue  # like a constraint, it says nothing of a machine that lacks its keys
        value = _value(link.formula, choice.arch.name, partial(key_values, keys))
        whole = isinstance(value, float) and value.is_integer()
        found.append(Change(link.key, int(value) if whole else value, link.formula.place))
        _put(keys, found[-1])
    return found


def _put(keys: dict[str, Any], change: Change) -> None:
    for *owner, key in change.paths(keys):
        reduce(lambda here, part: here[part], owner, keys)[key] = change.value


def _changed(choice: Choice, changes: Sequence[Change]) -> tuple[tuple[Change, ...], Arch]:
    both = ChangeSet("--vary", changes=(*choice.overrides, *changes))
    overrides = both.on(choice.arch.resolved)
    return overrides, load_arch(choice.arch.path, overrides)


def broken(plan: Plan, arch: Arch) -> list[str]:
    """The constraints that a machine breaks; one that names what it lacks, or what only a run
    knows, is none."""
    machine = Machine(arch)
    return [
        each.text
        for each in plan.constraints
        if all(machine.values(name) is not None for name in each.expression.names)
        and not _value(each, arch.name, machine.values)
    ]


def _value(formula: Formula, machine: str, values: Callable[[str], Values | None]) -> Any:
    def lookup(name: str) -> Values:
        found = values(name)
        if found is None:
            raise ExpressionError(f"{machine} has no {name}")
        return found

    try:
        return formula.expression.value(lookup)
    except ExpressionError as error:
        raise InputError.at(formula.place, str(error)) from None


def check_values(points: Sequence[Point]) -> None:
    """InputError where a value is refused in every point that has it: then it is a slip, and no
    matter of what it goes together with."""
    right = {_said(change) for one in points if one.arch for change in one.changes}
    problems: dict[Problem, None] = {}
    for point in points:
        wrong = [change for change in point.changes if _said(change) not in right]
        places = {change.place for change in point.changes}
        for each in point.problems if wrong or not point.changes else ():
            # Where the machine's own file is blamed, the sweep has to say what it asked for.
            if each.place not in places and wrong:
                each = Problem(wrong[0].place, f"{_said(wrong[0])}: {each.message}")  # noqa: PLW2901
            problems[each] = None
    if problems:
        raise InputError(in_file_order(problems))


def _said(change: Change) -> str:
    return f"{change.key}={value_text(change.value)}"
