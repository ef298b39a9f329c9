"""A point of a sweep on a workload, with all that its row of the table and its run need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from archsim.analysis.inputs import Choice
from archsim.analysis.sweep.expression import Expression, Values
from archsim.analysis.sweep.plan import Plan
from archsim.analysis.sweep.points import Point
from archsim.analysis.sweep.quantities import Machine
from archsim.formats.errors import Problem
from archsim.formats.search import name_of
from archsim.results.settings import BATCH, LAYERS, Settings, file_stem, short_text
from archsim.runs.content import inputs_hash
from archsim.runs.pool import Job
from archsim.workload.workload import Workload

Task = tuple[Job, Workload]
"""A loaded workload and the job of it that has no machine yet."""


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


def case_of(plan: Plan, choice: Choice, point: Point, task: Task) -> Case:
    """The case of a machine's point on a network."""
    job, network = task
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
