"""`archsim run`: simulate, print the normalised table, write results and figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options, report
from archsim.formats import console
from archsim.runs.cache import default_cache

if TYPE_CHECKING:
    from archsim.analysis.normalise import Row

INTERRUPTED = 2


def run(
    workload: options.Workloads,
    arch: options.Machines = [],  # noqa: B006 - typer reads it and hands out a new list
    sets: options.Set = [],  # noqa: B006
    scenario: options.Scenario = None,
    layers: options.LayerChoice = options.Layers.ALL,
    normalise_to: options.NormaliseTo = options.DEFAULT_REFERENCE,
    batch: options.Batch = None,
    trace: Annotated[
        Path | None, typer.Option("--trace", metavar="FILE", help="Write a timeline for Perfetto.")
    ] = None,
    out: options.Out = options.DEFAULT_OUT,
    no_cache: options.NoCache = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Simulate workloads, compare machines.

    Prints cycles, energy and DRAM traffic, normalised to one machine. Results go to
    FOLDER/WORKLOAD/ARCH.json, with a summary.csv and figures over all results of the folder.
    Each machine is written as soon as it is finished.

    \b
    Examples:
      archsim run --workload resnet50_sd
      archsim run -w resnet50_sd -w mobilenet_v2_sd --layers conv
      archsim run -w resnet50_sd --arch smartdeal --set pe_slices.sync=group -v
      archsim run -w resnet50_sd --arch my_machine.yaml --arch diannao --trace run.json
      archsim run -w resnet18_cifar_sdt --arch training_accelerator --batch 8
    """
    from archsim.cli import inputs
    from archsim.cli.session import Session

    loaded = inputs.workloads(workload, conv_only=layers is options.Layers.CONV, batch=batch)
    jobs = [(one, inputs.machines(arch, one.task, scenario, sets)) for one in loaded]
    inputs.check_reference(normalise_to, [arch for _, machines in jobs for arch in machines])
    session = Session(out, scenario, show_progress=not (quiet or json), traced=trace is not None)
    session.cache = None if no_cache else default_cache()
    session.check(jobs)
    try:
        session.simulate(jobs)
    except KeyboardInterrupt:
        session.complain_of_interruption()
        raise typer.Exit(INTERRUPTED) from None
    if trace is not None:
        session.write_traces(trace)
    figures = session.draw(normalise_to, quiet=quiet)
    rows = session.rows(normalise_to)
    if json:
        drawn = [str(path) for path in figures]
        console.say_json({"runs": report.as_json(rows), "out": str(out), "figures": drawn})
    elif not quiet:
        _print(rows, scenario, sets, verbose)
        console.say(
            f"written: {out}/{_folders(rows)}, summary.csv"
            + (", " + ", ".join(path.name for path in figures) if figures else "")
        )


def _print(rows: Sequence[Row], scenario: str | None, sets: Sequence[str], verbose: int) -> None:
    """The report of each workload, then what holds for all of them."""
    if scenario:
        console.say(f"scenario: {scenario}")
    if sets:
        console.say(f"overrides: {', '.join(sets)}")
    for _, group in groupby(rows, key=lambda row: row.stored.group):
        report.show_workload(list(group), verbose)
    console.say(report.LEFT_OUT)


def _folders(rows: Sequence[Row]) -> str:
    """The folders of the workloads, as the shell would write them."""
    groups = list(dict.fromkeys(row.stored.group for row in rows))
    files = ",".join(dict.fromkeys(row.stored.stem for row in rows))
    names = groups[0] if len(groups) == 1 else "{" + ",".join(groups) + "}"
    stems = files if "," not in files else "{" + files + "}"
    return f"{names}/{stems}.json"
