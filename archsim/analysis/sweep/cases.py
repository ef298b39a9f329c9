"""The design of a sweep before anything runs: machines with their changes on workloads, all loaded
and checked, without the points that a constraint refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archsim.analysis.inputs import Choice, choices, networks
from archsim.analysis.sweep.case import Case, Task, case_of
from archsim.analysis.sweep.plan import Plan, check_plan, check_size
from archsim.analysis.sweep.points import Point, broken, check_values, point_of
from archsim.analysis.sweep.quantities import Machine, key_values, unknown_names
from archsim.arch.change import Change, ChangeSet
from archsim.arch.change_files import check_keys
from archsim.formats.errors import InputError, Problem
from archsim.formats.source import in_file_order


@dataclass(frozen=True)
class Design:
    """The cases of a sweep in their order, and by constraint how many points it has left out."""

    cases: tuple[Case, ...]
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class Loaded:
    """The machines and networks of a plan, whose keys and names are right."""

    plan: Plan
    machines: tuple[Choice, ...]
    tasks: tuple[Task, ...]

    def tasks_of(self, choice: Choice) -> Iterator[Task]:
        """The networks that run on a machine: all if it was named, else those of its kind."""
        for task in self.tasks:
            if self.plan.archs or choice.arch.task == task[1].task:
                yield task


def load(plan: Plan) -> Loaded:
    """What a plan names.

    Raises:
        InputError: everything that is wrong with its workloads, machines and keys, and with the
            names in its expressions.
    """
    check_plan(plan)
    loaded = networks(plan.workloads, plan.layers, plan.batch)
    tasks = {network.task for _, network in loaded}
    machines = choices(plan.archs, tasks, plan.scenario, plan.sets)
    _check_keys(plan, machines)
    _check_names(plan, machines)
    return Loaded(plan, tuple(machines), tuple(loaded))


def design(plan: Plan) -> Design:
    """Every case of a plan.

    Raises:
        InputError: as of `load`, and values that no point with them can have.
    """
    check_size(plan)
    loaded = load(plan)
    cases: list[Case] = []
    left_out: dict[str, int] = {each.text: 0 for each in plan.constraints}
    for choice in loaded.machines:
        points = _points(plan.on(choice.changed.resolved), choice, left_out)
        for task in loaded.tasks_of(choice):
            cases += [case_of(plan, choice, point, task) for point in points]
    if not cases:
        refused = ", ".join(text for text, count in left_out.items() if count)
        raise InputError.at(plan.place, f"leaves no point: {refused or 'no machine fits'}")
    order = {network.name: at for at, (_, network) in enumerate(loaded.tasks)}
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


def _points(plan: Plan, choice: Choice, left_out: dict[str, int]) -> list[Point]:
    """The points of a machine that no constraint refuses.

    Raises:
        InputError: values that the machine refuses in every point that has them.
    """
    tried: list[Point] = []
    kept: list[Point] = []
    for changes in plan.designs():
        point = point_of(plan, choice, changes)
        tried.append(point)
        breaks = broken(plan, point.arch) if point.arch else []
        for text in breaks:
            left_out[text] += 1
        if not breaks:
            kept.append(point)
        if not plan.points and plan.samples is not None and len(kept) == plan.samples:
            break
    check_values(tried)
    return kept
