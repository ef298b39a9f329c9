"""A matrix of workloads and machines: from what the user named to a result or a refusal each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archsim.compare import Refusal
    from archsim.pool import Job
    from archsim.results_store import Stored


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix before it is filled; `inputs` is the hash its result must carry."""

    group: str
    stem: str
    job: Job
    inputs: str

    @property
    def place(self) -> tuple[str, str]:
        return self.group, self.stem


def cells_of(
    workloads: Sequence[str],
    archs: Sequence[str],
    changes: tuple[str | None, Sequence[str]],
    *,
    conv_only: bool,
) -> list[Cell]:
    """Every pair, with everything that the user named loaded and checked."""
    from archsim.cli import inputs
    from archsim.content import inputs_hash
    from archsim.errors import InputError
    from archsim.pool import Job, arch_of, workload_of
    from archsim.results_store import group_name

    scenario, sets = changes
    suffix = Path(scenario).stem if scenario else None
    cells = []
    for path in inputs.workload_paths(workloads):
        loaded = workload_of(path, conv_only)
        for choice in inputs.choices(archs, loaded.task, scenario, sets):
            job = Job(path, choice.arch.path, choice.overrides, conv_only)
            group, stem = group_name(loaded.name, suffix), choice.arch.path.stem
            cells.append(Cell(group, stem, job, inputs_hash(arch_of(job), loaded)))
    places = [cell.place for cell in cells]
    for group, stem in places:
        if places.count((group, stem)) > 1:
            message = "two results would be written to it: give their files different names"
            raise InputError.at(f"{group}/{stem}.json", message)
    return cells


def answers_of(
    cells: Sequence[Cell], out: Path, processes: int, *, use_kept: bool, quiet: bool
) -> list[Stored | Refusal]:
    """The results of all cells, from the folder where they are there, else run and written to it.

    InputError where no machine can run anything.
    """
    from archsim.cache import default_cache
    from archsim.cli.progress import bar
    from archsim.compare import Refusal
    from archsim.errors import InputError
    from archsim.files import check_writable
    from archsim.pool import run_jobs
    from archsim.result import Result
    from archsim.results_store import Stored, kept_result, save

    check_writable(out)
    kept = {
        cell.place: result
        for cell in cells
        if use_kept and (result := kept_result(out, *cell.place, cell.inputs)) is not None
    }
    todo = [cell for cell in cells if cell.place not in kept]
    cache = default_cache().folder if use_kept else None
    with bar("compare", quiet=quiet) as tick:
        run = run_jobs([cell.job for cell in todo], processes, cache, tick)
    made = {cell.place: answer for cell, answer in zip(todo, run, strict=True)}
    answers: list[Stored | Refusal] = []
    for cell in cells:
        answer = kept.get(cell.place) or made[cell.place]
        if isinstance(answer, Result):
            answers.append(stored := Stored(cell.group, cell.stem, answer))
            if cell.place in made:
                save(out, stored)
        else:
            answers.append(Refusal(cell.group, cell.stem, answer))
    refused = [one for one in answers if isinstance(one, Refusal)]
    if len(refused) == len(answers):
        raise InputError([problem for one in refused for problem in one.problems])
    return answers
