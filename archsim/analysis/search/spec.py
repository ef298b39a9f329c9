"""The file of a search: that of a sweep, and how it is searched.

workloads: [resnet50_sd]
archs: [smartdeal]
vary:
  dram.bytes_per_cycle: [8, 16, 32, 64]
  pe_slices.slices: [16, 32, 64, 128]
objectives: [cycles, energy_pj, sram_kbytes]
sampler: tpe
evaluations: 300
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from archsim.analysis.sweep.plan import MOST_POINTS, Plan
from archsim.analysis.sweep.spec import SweepFile, plan_in
from archsim.formats.errors import InputError
from archsim.formats.record import load

Sampler = Literal["tpe", "nsga2", "cmaes", "random", "qmc", "grid"]
MOST_TOGETHER = 1000


class SearchFile(SweepFile):
    """A search, as its file has it."""

    sampler: Annotated[Sampler, Field(description="Who chooses the points.")] = "tpe"
    evaluations: Annotated[
        int, Field(ge=1, le=MOST_POINTS, description="Points of each machine on each network.")
    ] = 100
    together: Annotated[
        int,
        Field(ge=1, le=MOST_TOGETHER, description="Points that are chosen before their answers."),
    ] = 4


@dataclass(frozen=True)
class Method:
    """How a design is searched: by whom, with how many points of each machine on each network, and
    how many of them are chosen before the answers to any of them are there."""

    sampler: Sampler = "tpe"
    evaluations: int = 100
    together: int = 4


def load_search(path: Path) -> tuple[Plan, Method]:
    """The plan in a file of a search, and how it is searched.

    Raises:
        InputError: everything that is wrong with its form.
    """
    document, found = load(path, SearchFile)
    return plan_in(document, found), Method(found.sampler, found.evaluations, found.together)


def check_search(plan: Plan) -> None:
    """InputError for what a search cannot have."""
    if plan.points or plan.samples is not None:
        name = "points" if plan.points else "samples"
        message = f"has `{name}`, which a search chooses itself; give `vary` and `evaluations`"
        raise InputError.at(plan.place, message)
