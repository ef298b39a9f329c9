"""A matrix of workloads and machines: from what the user named to a result or a refusal each.

`run`, `compare` and `breakdown` fill it alike; they differ in what they print of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from archsim.formats import console

if TYPE_CHECKING:
    from archsim.analysis.compare import Comparison, Refusal
    from archsim.arch.arch import Arch
    from archsim.results.settings import Settings
    from archsim.results.store import Stored
    from archsim.results.trace import Trace
    from archsim.runs.pool import Answer, Job

NOT_AVAILABLE = 2  # the exit status where a machine that was named cannot run a workload


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a command line asks for, as it was typed. Results in `out` are used again with
    `use_kept`; `jobs` is the number of processes, or None for what fits."""

    workloads: Sequence[str]
    archs: Sequence[str] = ()
    sets: Sequence[str] = ()
    scenario: str | None = None
    layers: str = "all"
    batch: int | None = None
    jobs: int | None = None
    trace: Path | None = None
    out: Path
    use_kept: bool = True
    quiet: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix before it is filled: the machine as its job has it, and what is set
    beside machine and workload; `inputs` is the hash its result must carry."""

    group: str
    stem: str
    settings: Settings
    arch: Arch
    job: Job
    inputs: str

    @property
    def place(self) -> tuple[str, str]:
        return self.group, self.stem

    def answer(self, answer: Answer) -> Stored | Refusal:
        """The cell when it is filled."""
        from archsim.analysis.compare import Refusal
        from archsim.results.result import Result
        from archsim.results.store import Stored

        if isinstance(answer, Result):
            return Stored(*self.place, replace(answer, settings=self.settings))
        return Refusal(*self.place, answer, self.settings)


def compare(asked: Asked, reference: str) -> Comparison:
    """Every machine on every workload, against the machine `reference`."""
    from archsim.analysis import inputs
    from archsim.analysis.compare import column_of, compared

    cells = cells_of(asked)
    inputs.check_reference(reference, [cell.arch for cell in cells])
    answers = answers_of(cells, asked)
    columns = list(dict.fromkeys(map(column_of, answers)))
    return compared(answers, columns, reference, column_of)


def end(refusals: Sequence[Refusal], asked: Asked) -> None:
    """End with status 2 where a machine that the user named cannot run a workload."""
    if asked.archs and refusals:
        problems = (problem for refusal in refusals for problem in refusal.problems)
        console.complain(list(dict.fromkeys(problems)))
        raise typer.Exit(NOT_AVAILABLE)


def cells_of(asked: Asked) -> list[Cell]:
    """Every pair, with everything that the user named loaded and checked."""
    from archsim.analysis import inputs
    from archsim.formats.errors import InputError
    from archsim.formats.search import name_of
    from archsim.results.settings import file_stem
    from archsim.results.store import group_name
    from archsim.runs.content import inputs_hash

    suffix = Path(asked.scenario).stem if asked.scenario else None
    networks = inputs.networks(asked.workloads, asked.layers, asked.batch)
    tasks = {loaded.task for _, loaded in networks}
    machines = inputs.choices(asked.archs, tasks, asked.scenario, asked.sets)
    cells = []
    for network, loaded in networks:
        own = [one for one in machines if asked.archs or one.arch.task == loaded.task]
        if not own:
            raise InputError.at(loaded.name, f"no machine for the task {loaded.task!r}")
        for choice in own:
            changed = choice.changed
            job = replace(network, arch=changed.path, overrides=choice.overrides)
            group = group_name(loaded.name, suffix)
            settings = {**loaded.settings, **choice.settings}
            stem = file_stem(name_of("archs", changed.path), settings)
            cells.append(Cell(group, stem, settings, changed, job, inputs_hash(changed, loaded)))
    places = [cell.place for cell in cells]
    for group, stem in places:
        if places.count((group, stem)) > 1:
            message = "two results would be written to it: give their files different names"
            raise InputError.at(f"{group}/{stem}.json", message)
    return cells


def answers_of(cells: Sequence[Cell], asked: Asked) -> list[Stored | Refusal]:
    """The results of all cells, from the folder where they are there, else run and written to it.

    InputError where no machine can run anything.
    """
    from archsim.analysis.compare import Refusal
    from archsim.formats.errors import InputError
    from archsim.formats.files import check_writable
    from archsim.results.store import claim_results, kept_result
    from archsim.results.trace import claim_trace, write_traces

    if asked.trace is not None:
        claim_trace(asked.trace)
    claim_results(asked.out, (cell.place for cell in cells))
    for group in dict.fromkeys(cell.group for cell in cells):
        check_writable(asked.out / group)
    traces: list[Trace] | None = None if asked.trace is None else []
    answers: dict[tuple[str, str], Answer] = {
        cell.place: result
        for cell in cells
        if asked.use_kept and traces is None
        and (result := kept_result(asked.out, *cell.place, cell.inputs)) is not None
    }  # fmt: skip
    todo = [cell for cell in cells if cell.place not in answers]
    for cell, answer in _filled(todo, asked, traces):
        answers[cell.place] = answer
    found = [cell.answer(answers[cell.place]) for cell in cells]
    refused = [answer for answer in found if isinstance(answer, Refusal)]
    if len(refused) == len(found):
        raise InputError([problem for refusal in refused for problem in refusal.problems])
    if asked.trace is not None and traces is not None:
        write_traces(asked.trace, traces)
    return found


def _filled(
    cells: Sequence[Cell], asked: Asked, traces: list[Trace] | None
) -> Iterator[tuple[Cell, Answer]]:
    """The cells with their answers as they are finished; each result is written at once, and
    whatever ends the loop, the summary lists what stands in the folder."""
    from archsim.formats.interrupts import finishing
    from archsim.formats.progress import bar
    from archsim.results.store import Stored, write_rows
    from archsim.runs.cache import default_cache
    from archsim.runs.folder_index import Known, listing, saved
    from archsim.runs.pool import answered, processes_for

    jobs = [cell.job for cell in cells]
    kept = default_cache() if asked.use_kept else None
    cache = kept.folder if kept else None
    done, written = 0, Known()
    try:
        with bar("runs", quiet=asked.quiet) as tick:
            for at, answer in answered(jobs, asked.jobs or processes_for(jobs), cache, traces):
                cell = cells[at]
                with finishing():  # or what was just written would not be counted
                    if isinstance(stored := cell.answer(answer), Stored):
                        written |= saved(asked.out, stored)
                    done += 1
                tick(done, len(cells), cell.job.title)
                yield cell, answer
    except (Exception, KeyboardInterrupt):
        console.note(f"finished before that: {done} of {len(cells)} runs; their results are kept "
                     f"in {asked.out}, and the same command uses them again")  # fmt: skip
        raise
    finally:
        listed = listing(asked.out, kept, written)
        for problem in listed.problems:
            console.note(f"left out of summary and figures: {problem}")
        if rows := listed.rows:
            write_rows(asked.out, rows)
