"""A matrix of workloads and machines: from what the user named to a result or a refusal each.

`run`, `compare` and `breakdown` fill it alike; they differ in what they print of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from archsim.analysis.named import Named
from archsim.formats import console

if TYPE_CHECKING:
    from archsim.analysis.cells import Cell
    from archsim.analysis.compare import Comparison, Refusal
    from archsim.results.store import Stored
    from archsim.results.trace import Trace
    from archsim.runs.pool import Answer

NOT_AVAILABLE = 2  # the exit status where a machine that was named cannot run a workload


@dataclass(frozen=True, kw_only=True)
class Asked(Named):
    """What a command line asks for, as it was typed. Results in `out` are used again with
    `use_kept`; `jobs` is the number of processes, or None for what fits."""

    jobs: int | None = None
    trace: Path | None = None
    out: Path
    use_kept: bool = True
    quiet: bool = False


def compare(asked: Asked, reference: str) -> Comparison:
    """Every machine on every workload, against the machine `reference`."""
    from archsim.analysis import inputs
    from archsim.analysis.cells import cells_of
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
