"""`archsim run`: simulate, print the normalised table, write results and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archsim.cli import matrix, options, report
from archsim.cli.figures import draw_folder
from archsim.cli.left_out import left_out
from archsim.formats import console, own_files

if TYPE_CHECKING:
    from archsim.analysis.compare import Comparison


def run(
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
    """Simulate workloads, compare machines.

    Prints cycles, energy and DRAM traffic, normalised to one machine. Results go to
    FOLDER/WORKLOAD/ARCH.json, ARCH@KEY=VALUE.json where something is set, with a summary.csv over
    all results of the folder, and figures of these workloads with every machine that the folder has
    of them.
    Each machine is written as soon as it is finished, and used again if nothing that it depends on
    has changed. A machine that cannot run a workload is shown as n/a, with the reason.

    \b
    Examples:
      archsim run --workload resnet50_sd
      archsim run -w resnet50_sd -w mobilenet_v2_sd --layers conv
      archsim run -w resnet50_sd --arch smartdeal --layers 'layer3.*' -v
      archsim run -w resnet50_sd --arch my_machine.yaml --arch diannao --trace run.json
      archsim run -w resnet18_cifar_sdt --arch training_accelerator --batch 8
      archsim run -w resnet50_sd --format latex --width one > table.tex
    """
    console.use(form)
    own_files.force(force)
    asked = matrix.Asked(
        workloads=workload, archs=arch, sets=sets, scenario=scenario, layers=layers, batch=batch,
        jobs=jobs, trace=trace, out=out, use_kept=not no_cache, quiet=quiet or json,
    )  # fmt: skip
    found = matrix.compare(asked, normalise_to)
    figures: list[Path] = []
    if not no_figures:
        figures = draw_folder(
            out, normalise_to, out, width.inches,
            groups=found.groups, cached=not no_cache, quiet=quiet,
        )  # fmt: skip
    if json:
        drawn = [str(path) for path in figures]
        document = {"runs": report.as_json(found), "out": str(out), "figures": drawn}
        console.say_json(document | report.refusals_as_json(found))
    elif not quiet:
        report.head(scenario, sets)
        for group in found.groups:
            report.show_workload(found, group, verbose)
        for line in left_out(found):
            console.say(line)
        names = ", ".join(path.name for path in figures)
        console.say(f"written: {out}/{_folders(found)}, summary.csv{names and ', '}{names}")
    matrix.end(list(found.refusals.values()), asked)


def _folders(found: Comparison) -> str:
    """The files of the results, as the shell would write them."""
    groups = dict.fromkeys(row.stored.group for row in found.rows.values())
    stems = dict.fromkeys(row.stored.stem for row in found.rows.values())
    texts = [*groups], [f'"{stem}"' if "," in stem else stem for stem in stems]
    return "/".join(
        names[0] if len(names) == 1 else "{" + ",".join(names) + "}" for names in texts
    ) + ".json"  # fmt: skip
