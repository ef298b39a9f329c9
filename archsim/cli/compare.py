"""`archsim compare`: several workloads on several machines, in parallel, as one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import console, options
from archsim.cli.report import LEFT_OUT, NONE, ratio

if TYPE_CHECKING:
    from archsim.compare import Comparison, Refusal
    from archsim.pool import Job
    from archsim.results_store import Stored

FIGURES_MISSING = "no figures: matplotlib is missing; pip install 'archsim[plot]' brings it"
NOT_AVAILABLE = "n/a"


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


def compare(
    workload: Annotated[
        list[str],
        typer.Option(
            "--workload",
            "-w",
            metavar="NAME",
            show_default=False,
            help="A workload, by name or as a file. Repeatable.",
        ),
    ],
    arch: Annotated[
        list[str],
        typer.Option(
            "--arch",
            "-a",
            metavar="NAME",
            show_default=False,
            help="A machine, by name or as a file. Repeatable; without it every inference machine.",
        ),
    ] = [],  # noqa: B006 - typer reads it and hands out a new list
    sets: options.Set = [],  # noqa: B006
    scenario: options.Scenario = None,
    layers: options.LayerChoice = options.Layers.ALL,
    normalise_to: options.NormaliseTo = options.DEFAULT_REFERENCE,
    jobs: options.Jobs = None,
    out: options.Out = options.DEFAULT_OUT,
    no_cache: options.NoCache = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Compare machines over several workloads.

    Speed-up, energy and DRAM traffic of every machine against one of them, with geometric means.
    Results that are already in the folder are used again if nothing that they depend on has
    changed. A machine that cannot run a workload is shown as n/a, with the reason. Writes each
    result, compare.csv, and figures.

    \b
    Examples:
      archsim compare -w resnet50_sd -w mobilenet_v2_sd
      archsim compare -w resnet50_sd -w mobilenet_v2_sd -a smartdeal -a scnn --normalise-to scnn
      archsim compare -w resnet50_sd --scenario ideal_lanes --layers conv --jobs 4
    """
    from archsim.compare import as_csv, compared, records
    from archsim.files import write_atomically
    from archsim.pool import cores

    cells = _cells(workload, arch, (scenario, sets), conv_only=layers is options.Layers.CONV)
    answers = _answers(cells, out, jobs or cores(), use_kept=not no_cache, quiet=quiet or json)
    found = compared(answers, list(dict.fromkeys(cell.stem for cell in cells)), normalise_to)
    written = [out / "compare.csv"]
    write_atomically(written[0], as_csv(found))
    written += _draw(found, out)
    if json:
        console.say_json({"reference": found.reference, "cells": records(found)})
    elif not quiet:
        show(found)
        console.say(LEFT_OUT)
        console.say(f"written: {', '.join(str(path) for path in written)}")


def show(found: Comparison) -> None:
    """The three tables, what has to be said, and why cells are empty."""
    from archsim.compare import MEAN, METRICS
    from archsim.normalise import Row

    rows: Sequence[Row] = list(found.rows.values())
    for note in dict.fromkeys(note for row in rows for note in row.result.notes):
        console.say(f"  {note}")
    console.say()
    if all(row.reference is None for row in rows):
        console.note(f"not normalised: {found.reference} is not among these machines")
    for metric, title in METRICS.items():
        lines = [
            [group, *(_cell(found, metric, group, stem) for stem in found.stems)]
            for group in found.groups
        ]
        lines.append([MEAN, *(_mean(found, metric, stem) for stem in found.stems)])
        heads = ["workload", *(found.label(stem) for stem in found.stems)]
        console.show(console.Table(f"{title}, {found.reference} = 1", heads, lines))
    for refusal in found.refusals.values():
        console.say(
            f"{NOT_AVAILABLE}: {refusal.group} on {found.label(refusal.stem)}: {refusal.reason}"
        )


def _cell(found: Comparison, metric: str, group: str, stem: str) -> str:
    if (group, stem) in found.refusals:
        return NOT_AVAILABLE
    return ratio(found.value(metric, group, stem))


def _mean(found: Comparison, metric: str, stem: str) -> str:
    """The mean, with how many workloads it is over where these are not all."""
    value, count = found.mean(metric, stem)
    if value is None:
        return NONE
    return ratio(value) + (f" of {count}" if count < len(found.groups) else "")


def _cells(
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


def _answers(
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


def _draw(found: Comparison, out: Path) -> list[Path]:
    from archsim.plots import MissingMatplotlib
    from archsim.plots_compare import figures

    try:
        return figures(found, out)
    except MissingMatplotlib:
        console.note(FIGURES_MISSING)
        return []
