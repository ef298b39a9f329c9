"""`archsim sweep`: what a machine costs and does as its keys change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.cli import options
from archsim.cli.figures import Figures, Wanted, drawn_files
from archsim.cli.report import NONE, number
from archsim.formats import console, own_files

if TYPE_CHECKING:
    from archsim.analysis.sweep.cases import Design
    from archsim.analysis.sweep.engine import Where
    from archsim.analysis.sweep.plan import Plan
    from archsim.analysis.sweep.table import Row, Swept

OUT = Path("sweep")
SHOWN = 12  # rows of a front that are printed

Spec = Annotated[
    Path | None,
    typer.Argument(metavar="SPEC", show_default=False, help="A sweep as a YAML file."),
]
Workloads = Annotated[
    list[str],
    typer.Option("--workload", "-w", metavar="NAME", autocompletion=options.named("workloads"),
                 show_default=False, help="A workload, by name or as a file. Repeatable."),
]  # fmt: skip
Machines = Annotated[
    list[str],
    typer.Option("--arch", "-a", metavar="NAME", autocompletion=options.named("archs"),
                 show_default=False, help="ARCH or ARCH@KEY=VALUE,... Repeatable; without it "
                 "every inference machine."),
]  # fmt: skip
Vary = Annotated[
    list[str],
    typer.Option("--vary", metavar="KEY=V,V", show_default=False,
                 help="A key and its values: dram.bytes_per_cycle=8,16. Repeatable."),
]  # fmt: skip
LinkLines = Annotated[
    list[str],
    typer.Option("--link", metavar="KEY=FORMULA", show_default=False,
                 help="A key that follows from others: weight_buffer.count=pe_slices.slices."),
]  # fmt: skip
Conditions = Annotated[
    list[str],
    typer.Option("--where", metavar="CONDITION", show_default=False,
                 help="Leave out other points: 'sram_kbytes <= 772'. Repeatable."),
]  # fmt: skip
Objectives = Annotated[
    list[str],
    typer.Option("--objective", metavar="FORMULA", show_default=False,
                 help="What is looked for: cycles, energy_pj, edp ... Repeatable; cycles and "
                 "energy_pj without it."),
]  # fmt: skip
Samples = Annotated[
    int | None,
    typer.Option("--samples", metavar="N", min=1, show_default=False,
                 help="Draw N points of the grid for each machine."),
]  # fmt: skip
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", min=0, help="Of the draw.", show_default=False)
]
Layers = Annotated[
    str | None,
    typer.Option("--layers", metavar="all|conv|PATTERN", show_default=False,
                 help="The layers that run, as of `archsim run`."),
]  # fmt: skip
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where all is kept.")]
Dask = Annotated[
    str | None,
    typer.Option("--dask", metavar="ADDRESS", show_default=False,
                 help="Run on the workers of a scheduler of dask.distributed."),
]  # fmt: skip

Live = Annotated[
    bool,
    typer.Option("--live", help="Serve a page on this machine that follows the sweep."),
]  # fmt: skip


def sweep(
    spec: Spec = None,
    workload: Workloads = [],  # noqa: B006 - typer reads it and hands out a new list
    arch: Machines = [],  # noqa: B006
    vary: Vary = [],  # noqa: B006
    link: LinkLines = [],  # noqa: B006
    where: Conditions = [],  # noqa: B006
    objective: Objectives = [],  # noqa: B006
    samples: Samples = None,
    seed: Seed = None,
    sets: options.Set = [],  # noqa: B006
    scenario: options.Scenario = None,
    layers: Layers = None,
    batch: options.Batch = None,
    jobs: options.Jobs = None,
    dask: Dask = None,
    out: Out = OUT,
    live: Live = False,
    no_cache: options.NoCache = False,
    width: options.FigureWidth = options.TWO,
    no_figures: options.NoFigures = False,
    form: options.Format = options.TEXT,
    json: options.Json = False,
    quiet: options.Quiet = False,
    force: own_files.Force = False,
) -> None:
    """Sweep keys of machines over values.

    Each point is kept in FOLDER/points.sqlite as soon as it is finished, so the same command goes
    on where another was ended, and runs nothing twice. Writes points.csv and figures. What stands
    on the command line is added to the file's keys, and takes the place of its other entries.

    \b
    Examples:
      archsim sweep -w resnet50_sd -a smartdeal --vary dram.bytes_per_cycle=8,16,32,64
      archsim sweep -w vgg19_sd -a smartdeal -a diannao --vary dram.bytes_per_cycle=8,32 --jobs 4
      archsim sweep -w resnet50_sd -a smartdeal --vary pe_slices.slices=32,64,128
          --link weight_buffer.count=pe_slices.slices --where 'sram_kbytes <= 1024'
      archsim sweep my_sweep.yaml --dask tcp://10.0.0.1:8786 --out /shared/my_sweep
    """
    from archsim.analysis.sweep.cases import design
    from archsim.analysis.sweep.plan import Plan
    from archsim.analysis.sweep.spec import load_plan
    from archsim.analysis.sweep.sweep import TABLE, run
    from archsim.formats.progress import bar

    console.use(form)
    own_files.force(force)
    chosen = where_of(jobs, dask, cached=not no_cache)
    told = {"workloads": workload, "archs": arch, "vary": vary, "link": link, "where": where,
            "objectives": objective, "samples": samples, "seed": seed, "sets": sets,
            "scenario": scenario, "layers": layers, "batch": batch}  # fmt: skip
    plan = plan_of(load_plan(spec) if spec else Plan(workloads=()), told)
    made = design(plan)
    silent = quiet or json
    with _live(plan, made, out) if live else nullcontext():
        with bar("points", quiet=silent, rate=True) as tick:
            found = run(plan, made, out, chosen, tick)
        written = [out / TABLE]
        written += [] if no_figures else _draw(found, out, width.inches, cached=not no_cache)
    if json:
        console.say_json(as_json(found))
    elif not quiet:
        show(found)
        console.say(f"written: {', '.join(str(path) for path in written)}")


@contextmanager
def _live(plan: Plan, made: Design, out: Path) -> Iterator[None]:
    """Follow a sweep on a page, and say where."""
    from archsim.analysis.live.follow import Follower
    from archsim.analysis.live.server import live

    with live(Follower(plan, made.cases, out)) as address:
        if address:
            console.note(f"live: {address}")
        yield


def where_of(jobs: int | None, dask: str | None, *, cached: bool) -> Where:
    """Where points run; InputError where that is said twice."""
    from archsim.analysis.sweep.engine import Where
    from archsim.formats.errors import InputError
    from archsim.runs.cache import default_cache

    if jobs and dask:
        raise InputError.at("--jobs", "has no meaning with --dask; the scheduler has the workers")
    return Where(jobs, dask, default_cache().folder if cached else None)


def plan_of(plan: Plan, told: Mapping[str, Any]) -> Plan:
    """The plan of a file, or an empty one, with what the command line says.

    Raises:
        InputError: everything that is wrong with either.
    """
    from archsim.analysis.sweep.plan import constraint, objectives
    from archsim.analysis.sweep.spec import link_line, vary_line
    from archsim.formats.errors import InputError

    varied, linked = [*map(vary_line, told["vary"])], [*map(link_line, told["link"])]
    for option, lines in (("--vary", varied), ("--link", linked)):
        keys = [one.key for one in lines]
        for key in keys:
            if keys.count(key) > 1:
                raise InputError.at(f"{option} {key}", "is given twice; name all values in one")
    axes = {one.key: one for one in (*plan.axes, *varied)}
    links = {one.key: one for one in (*plan.links, *linked)}
    conditions = [constraint(text, f"--where {text}") for text in told["where"]]
    wanted = objectives((text, f"--objective {text}") for text in told["objectives"])
    replaced: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in told.items()
        if name not in {"vary", "link", "where", "objectives", "sets"} and value not in (None, [])
    }
    plan = replace(
        plan, **replaced, axes=tuple(axes.values()), links=tuple(links.values()),
        constraints=(*plan.constraints, *conditions), sets=(*plan.sets, *told["sets"]),
        objectives=wanted if told["objectives"] or not plan.objectives else plan.objectives,
    )  # fmt: skip
    if not plan.workloads:
        raise InputError.at("--workload", "name one, or a file of a sweep")
    return plan


def show(found: Swept) -> None:
    """Per workload the front and how much it is of; then what is left out, and why."""
    names = [one.name for one in found.plan.objectives]
    for workload in found.workloads:
        rows, front = found.of(workload), found.front(workload)
        own = [row for row in found.rows if row.case.workload == workload]
        notes = dict.fromkeys(note for row in own for note in row.answer.get("notes", ()))
        console.say("\n  ".join([f"{workload}: {len(own)} points", *notes]))
        console.say()
        keys = [key for key in found.plan.keys if any(key in row.case.values for row in rows)]
        lines = [_line(row, keys) for row in front[:SHOWN]]
        title = f"best of {len(rows)} ({len(front)} that no other beats)"
        console.show(console.Table(title, ["machine", *keys, *names], lines))
        if len(front) > SHOWN:
            console.say(f"and {len(front) - SHOWN} more: `front` in the table")
    for text, count in found.left_out.items():
        console.say(f"left out: {count} points that break {text}")
    broken = sum("totals" in row.answer and not row.feasible for row in found.rows)
    if broken:
        console.say(f"not feasible: {broken} runs break a constraint")
    reasons = [row.answer["not_available"] for row in found.rows if "totals" not in row.answer]
    for reason in dict.fromkeys(reasons):
        console.say(f"n/a: {reasons.count(reason)} points: {reason}")


def _line(row: Row, keys: list[str]) -> list[str]:
    from archsim.results.settings import value_text

    values = [value_text(row.case.values[k]) if k in row.case.values else NONE for k in keys]
    numbers = [
        f"{one:,}" if isinstance(one, int) else number(float(one or 0)) for one in row.wanted
    ]
    return [row.case.arch, *values, *numbers]


def as_json(found: Swept) -> dict[str, Any]:
    """Everything for programs."""
    from archsim.analysis.sweep.table import records

    names = [one.name for one in found.plan.objectives]
    return {"objectives": names, "left_out": dict(found.left_out), "points": records(found)}


def _draw(found: Swept, out: Path, width_inches: float, *, cached: bool) -> list[Path]:
    from archsim.analysis.figures.sweep import figures

    wanted = Wanted("sweep", out, [as_json(found), width_inches], cached)
    return drawn_files(wanted, lambda: Figures(figures(found, out, width_inches)))
