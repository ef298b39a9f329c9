"""The points of a sweep before anything runs: machines with their changes on workloads, all loaded
and checked, without those that a constraint refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from typing import Any

from archsim.analysis.inputs import Choice, choices, networks
from archsim.analysis.sweep.expression import Expression, ExpressionError, Values
from archsim.analysis.sweep.plan import Formula, Plan, check_plan
from archsim.analysis.sweep.quantities import Machine, key_values, unknown_names
from archsim.arch.arch import Arch, load_arch
from archsim.arch.change import Change, ChangeSet
from archsim.arch.change_files import check_keys
from archsim.formats.errors import InputError, Problem
from archsim.formats.search import name_of
from archsim.formats.source import in_file_order
from archsim.results.settings import BATCH, LAYERS, Settings, file_stem, short_text, value_text
from archsim.runs.content import inputs_hash
from archsim.runs.pool import Job
from archsim.workload.workload import Workload


@dataclass(frozen=True)
class Case:
    """A point on a workload. `values` are its varied and linked keys; `known` are the values of the
    names that expressions of the sweep ask for and a run is not needed for. `inputs` is the hash
    its result carries; `problems` are why it cannot run, where its values do not go together."""

    workload: str
    arch: str
    title: str
    batch: int
    values: Mapping[str, Any]
    settings: Settings
    sram_kbytes: int | float | None
    known: Mapping[str, Values]
    job: Job
    inputs: str
    problems: tuple[Problem, ...] = ()

    @property
    def machine(self) -> str:
        """The machine and what is set in it beside the keys that vary, as figures call it."""
        own = {key: each for key, each in self.settings.items() if key not in {BATCH, LAYERS}}
        return f"{self.title}, {short_text(own)}" if own else self.title


@dataclass(frozen=True)
class Design:
    """The cases of a sweep in their order, and by constraint how many points it has left out."""

    cases: tuple[Case, ...]
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class _Point:
    """A machine with the values of one point; `arch` is None where it refuses them."""

    changes: tuple[Change, ...]
    overrides: tuple[Change, ...] = ()
    arch: Arch | None = None
    problems: tuple[Problem, ...] = ()


def design(plan: Plan) -> Design:
    """Every case of a plan.

    Raises:
        InputError: everything that is wrong with what it names: workloads, machines, keys, values
            that no point with them can have, and names in expressions.
    """
    check_plan(plan)
    loaded = networks(plan.workloads, plan.layers, plan.batch)
    tasks = {network.task for _, network in loaded}
    machines = choices(plan.archs, tasks, plan.scenario, plan.sets)
    _check_keys(plan, machines)
    _check_names(plan, machines)
    cases: list[Case] = []
    left_out: dict[str, int] = {each.text: 0 for each in plan.constraints}
    for choice in machines:
        points = _points(plan.on(choice.changed.resolved), choice, left_out)
        for job, network in loaded:
            if plan.archs or choice.arch.task == network.task:
                cases += [_case(plan, choice, point, job, network) for point in points]
    if not cases:
        broken = ", ".join(text for text, count in left_out.items() if count)
        raise InputError.at(plan.place, f"leaves no point: {broken or 'no machine fits'}")
    order = {network.name: at for at, (_, network) in enumerate(loaded)}
    cases.sort(key=lambda case: order[case.workload])
    return Design(tuple(cases), {text: count for text, count in left_out.items() if count})


def _check_keys(plan: Plan, machines: Sequence[Choice]) -> None:
    links = tuple(Change(link.key, None, link.place) for link in plan.links)
    every = ChangeSet("--vary", changes=(*plan.changes, *links))
    check_keys([every], [choice.changed for choice in machines])
    for choice in machines:
        _check_apart(plan.on(choice.changed.resolved), choice)


def _check_apart(plan: Plan, choice: Choice) -> None:
    """InputError where two keys of a plan are one key of a machine, by other names."""
    first: dict[tuple[str, ...], str] = {}
    for key in plan.keys:
        for path in Change(key, None, "").paths(choice.changed.resolved):
            if first.setdefault(path, key) != key:
                message = f"{key} and {first[path]} are one key of {choice.arch.name}"
                raise InputError.at(plan.place, message)


def _check_names(plan: Plan, machines: Sequence[Choice]) -> None:
    """InputError with every name in an expression that none of the machines knows."""
    known = [Machine(choice.changed) for choice in machines]
    linked = [each.formula for each in plan.links]
    formulas = [*linked, *(each.formula for each in plan.objectives), *plan.constraints]
    problems = [
        problem
        for formula in formulas
        for problem in unknown_names(formula.expression, formula.place, known)
    ]
    for link in plan.links:
        late = [
            name
            for name in link.formula.expression.names
            if all(key_values(choice.changed.keys, name) is None for choice in machines)
        ]
        message = "is no key, and a linked key is made of keys alone"
        problems += [Problem(link.formula.place, f"{name} {message}") for name in late]
    if problems:
        raise InputError(in_file_order(problems))


def _points(plan: Plan, choice: Choice, left_out: dict[str, int]) -> list[_Point]:
    """The points of a machine that no constraint refuses.

    Raises:
        InputError: values that the machine refuses in every point that has them.
    """
    tried: list[_Point] = []
    kept: list[_Point] = []
    for changes in plan.designs():
        point = _loaded(plan, choice, changes)
        tried.append(point)
        broken = _broken(plan, point.arch) if point.arch else []
        for text in broken:
            left_out[text] += 1
        if not broken:
            kept.append(point)
        if not plan.points and plan.samples is not None and len(kept) == plan.samples:
            break
    _check_values(tried)
    return kept


def _loaded(plan: Plan, choice: Choice, changes: tuple[Change, ...]) -> _Point:
    """The machine at a point, linked keys included."""
    every = (*changes, *_linked(plan, choice, changes))
    try:
        overrides, arch = _changed(choice, every)
    except InputError as error:
        return _Point(every, problems=error.problems)
    return _Point(every, overrides, arch)


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


def _broken(plan: Plan, arch: Arch) -> list[str]:
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


def _check_values(points: Sequence[_Point]) -> None:
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


def _case(plan: Plan, choice: Choice, point: _Point, job: Job, network: Workload) -> Case:
    arch = point.arch
    machine = Machine(arch) if arch else None
    name = file_stem(name_of("archs", choice.arch.path), choice.settings)
    expressions = [*(one.formula.expression for one in plan.objectives),
                   *(one.expression for one in plan.constraints)]  # fmt: skip
    return Case(
        workload=network.name,
        arch=name,
        title=choice.arch.name,
        batch=network.batch,
        values={change.key: change.value for change in point.changes},
        settings={**network.settings, **choice.settings},
        sram_kbytes=machine.sram_kbytes if machine else None,
        known=_known(expressions, machine) if machine else {},
        job=replace(job, arch=choice.arch.path, overrides=point.overrides),
        inputs=inputs_hash(arch, network) if arch else "",
        problems=point.problems,
    )


def _known(expressions: Sequence[Expression], machine: Machine) -> dict[str, Values]:
    names = dict.fromkeys(name for each in expressions for name in each.names)
    found = {name: machine.values(name) for name in names}
    return {name: values for name, values in found.items() if values is not None}


def absolute(job: Job) -> Job:
    """The job with its files where any process finds them, whatever folder it works in."""
    return replace(job, workload=Path(job.workload).absolute(), arch=Path(job.arch).absolute())
