"""`archsim compare`: several workloads on several machines as one matrix, with means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archsim.cli import matrix, options, report
from archsim.cli.figures import Figures, Wanted, compared_figures, drawn_files
from archsim.cli.left_out import left_out
from archsim.cli.report import NONE, NOT_AVAILABLE, ratio
from archsim.formats import console, own_files

if TYPE_CHECKING:
    from archsim.analysis.compare import Comparison


def compare(
    workload: options.Workloads,
    arch: options.Machines = [],  # noqa: B006 - typer reads it and hands out a new list
    sets: options.Set = [],  # noqa: B006
    scenario: options.Scenario = None,
    layers: options.Layers = options.ALL,
    batch: options.Batch = None,
    normalise_to: options.NormaliseTo = options.DEFAULT_REFERENCE,
    jobs: options.Jobs = None,
    trace: options.TraceFile = None,
    out: options.Out = options.DEFAULT_OUT,
    no_cache: options.NoCache = False,
    width: options.FigureWidth = options.TWO,
    no_figures: options.NoFigures = False,
    form: options.Format = options.TEXT,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    force: own_files.Force = False,
) -> None:
    """Compare machines over several workloads.

    What `archsim run` does, and the geometric means over the workloads: speed-up, energy and DRAM
    traffic of every machine against one of them. With -v also what `archsim run` prints. Writes
    each result, compare.csv, and figures.

    \b
    Examples:
      archsim compare -w resnet50_sd -w mobilenet_v2_sd
      archsim compare -w resnet50_sd -w mobilenet_v2_sd -a smartdeal -a scnn --normalise-to scnn
      archsim compare -w resnet50_sd --scenario ideal_lanes --layers conv --jobs 4
      archsim compare -w resnet50_sd -w vgg19_sd --format markdown --width one
    """
    from archsim.analysis.compare import CSV_MARK, as_csv, records

    own_files.force(force)
    own_files.claim(out / "compare.csv", CSV_MARK)
    console.use(form)
    asked = matrix.Asked(
        workloads=workload, archs=arch, sets=sets, scenario=scenario, layers=layers, batch=batch,
        jobs=jobs, trace=trace, out=out, use_kept=not no_cache, quiet=quiet or json,
    )  # fmt: skip
    found = matrix.compare(asked, normalise_to)
    written = [out / "compare.csv"]
    own_files.write_own(written[0], as_csv(found), CSV_MARK)
    written += [] if no_figures else _draw(found, normalise_to, asked, width)
    if json:
        console.say_json({"reference": found.reference, "cells": records(found)})
    elif not quiet:
        report.head(scenario, sets)
        for group in found.groups if verbose else ():
            report.show_workload(found, group, verbose - 1)
        show(found)
        for line in left_out(found):
            console.say(line)
        console.say(f"written: {', '.join(str(path) for path in written)}")
    matrix.end(list(found.refusals.values()), asked)


def show(found: Comparison) -> None:
    """The three tables, what has to be said, and why cells are empty."""
    from archsim.analysis.compare import MEAN, METRICS

    for group in found.groups:
        notes = [note for row in found.of(group) for note in row.result.notes]
        console.say("\n  ".join([group, *dict.fromkeys(notes)]))
    console.say()
    report.note_unlike(found)
    if all(row.reference is None and not row.unlike for row in found.rows.values()):
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
    for group in found.groups:
        report.show_refusals(found, group)


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


def _draw(
    found: Comparison, reference: str, asked: matrix.Asked, width: options.Width
) -> list[Path]:
    """The figures of a comparison; what they leave out the tables have said."""
    results = [[*place, row.result.inputs_hash] for place, row in found.rows.items()]
    refused = [[*place, refusal.reason] for place, refusal in found.refusals.items()]
    shown = [reference, width.inches, found.groups, found.stems, results, refused]
    return drawn_files(
        Wanted("compare", asked.out, shown, asked.use_kept),
        lambda: Figures(
            compared_figures(found, reference, asked.out, width.inches, means=True).paths
        ),
    )
