"""A matrix of workloads and machines: from what the user named to a result or a refusal each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.formats import console

if TYPE_CHECKING:
    from archsim.analysis.compare import Refusal
    from archsim.arch.arch import Arch
    from archsim.cli.inputs import Choice
    from archsim.results.store import Stored
    from archsim.runs.pool import Answer, Job


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix before it is filled: the machine as its job has it; `inputs` is the
    hash its result must carry."""

    group: str
    stem: str
    arch: Arch
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
    from archsim.arch.arch import load_arch
    from archsim.cli import inputs
    from archsim.formats.errors import InputError
    from archsim.results.store import group_name
    from archsim.runs.content import inputs_hash
    from archsim.runs.pool import Job, workload_of

    scenario, sets = changes
    suffix = Path(scenario).stem if scenario else None
    machines: dict[str, list[tuple[Choice, Arch]]] = {}
    cells = []
    for path in inputs.workload_paths(workloads):
        loaded = workload_of(path, conv_only)
        if loaded.task not in machines:
            machines[loaded.task] = [
                (choice, load_arch(choice.arch.path, choice.overrides))
                for choice in inputs.choices(archs, loaded.task, scenario, sets)
            ]
        for choice, changed in machines[loaded.task]:
            job = Job(path, changed.path, choice.overrides, conv_only)
            group, stem = group_name(loaded.name, suffix), changed.path.stem
            cells.append(Cell(group, stem, changed, job, inputs_hash(changed, loaded)))
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
    from archsim.analysis.compare import Refusal
    from archsim.formats.errors import InputError
    from archsim.formats.files import check_writable
    from archsim.results.result import Result
    from archsim.results.store import Stored, kept_result

    check_writable(out)
    answers: dict[tuple[str, str], Answer] = {
        cell.place: result
        for cell in cells
        if use_kept and (result := kept_result(out, *cell.place, cell.inputs)) is not None
    }
    todo = [cell for cell in cells if cell.place not in answers]
    for cell, answer in _filled(todo, out, processes, use_cache=use_kept, quiet=quiet):
        answers[cell.place] = answer
    found = [
        Stored(cell.group, cell.stem, answer)
        if isinstance(answer := answers[cell.place], Result)
        else Refusal(cell.group, cell.stem, answer)
        for cell in cells
    ]
    refused = [one for one in found if isinstance(one, Refusal)]
    if len(refused) == len(found):
        raise InputError([problem for one in refused for problem in one.problems])
    return found


def _filled(
    cells: Sequence[Cell], out: Path, processes: int, *, use_cache: bool, quiet: bool
) -> Iterator[tuple[Cell, Answer]]:
    """The cells with their answers as they are finished; each result is written at once, and
    whatever ends the loop, the summary lists what stands in the folder."""
    from archsim.formats.progress import bar
    from archsim.results.result import Result
    from archsim.results.store import Stored, read_folder, save, write_summary
    from archsim.runs.cache import default_cache
    from archsim.runs.pool import answered

    cache = default_cache().folder if use_cache else None
    done = 0
    try:
        with bar("compare", quiet=quiet) as tick:
            for at, answer in answered([cell.job for cell in cells], processes, cache):
                cell = cells[at]
                if isinstance(answer, Result):
                    save(out, Stored(cell.group, cell.stem, answer))
                done += 1
                tick(done, len(cells), cell.job.title)
                yield cell, answer
    except (Exception, KeyboardInterrupt):
        console.note(f"finished before that: {done} of {len(cells)} runs; their results are kept "
                     f"in {out}, and the same command uses them again")  # fmt: skip
        raise
    finally:
        if stored := read_folder(out)[0]:
            write_summary(out, stored)
