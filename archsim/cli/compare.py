"""`archsim compare`: several workloads on several machines, in parallel, as one matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.cli import inputs, matrix, options
from archsim.cli.figures import drawn
from archsim.cli.report import LEFT_OUT, NONE, ratio
from archsim.formats import console

if TYPE_CHECKING:
    from archsim.analysis.compare import Comparison

NOT_AVAILABLE = "n/a"


def compare(
    workload: options.Workloads,
    arch: options.Machines = [],  # noqa: B006 - typer reads it and hands out a new list
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
    from archsim.analysis.compare import as_csv, compared, records
    from archsim.formats.files import write_atomically
    from archsim.runs.pool import cores

    cells = matrix.cells_of(
        workload, arch, (scenario, sets), conv_only=layers is options.Layers.CONV
    )
    inputs.check_reference(normalise_to, [cell.arch for cell in cells])
    answers = matrix.answers_of(
        cells, out, jobs or cores(), use_kept=not no_cache, quiet=quiet or json
    )
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
    from archsim.analysis.compare import MEAN, METRICS
    from archsim.analysis.normalise import Row

    rows: Sequence[Row] = list(found.rows.values())
    for group in found.groups:
        notes = [
            n for (own, _), row in found.rows.items() if own == group for n in row.result.notes
        ]
        console.say("\n  ".join([group, *dict.fromkeys(notes)]))
    console.say()
    if all(row.reference is None for row in rows):
        console.note(f"not normalised: {found.reference} is not among these machines")
    for metric, title in METRICS.items():
        lines = [
            [group, *(_cell(found, metric, group, stem) for stem in found.stems)]
            for group in found.groups
        ]
        if len(found.groups) > 1:
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


def _draw(found: Comparison, out: Path) -> list[Path]:
    from archsim.analysis.figures.comparison import figures

    return drawn(lambda: figures(found, out))
