"""`archsim search`: the best points of a design that is too large to run all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from archsim.cli import options
from archsim.cli import sweep as words
from archsim.cli.figures import Figures, Wanted, drawn_files
from archsim.formats import console, own_files

if TYPE_CHECKING:
    from archsim.analysis.search.search import Searched
    from archsim.analysis.search.spec import Method, Sampler

OUT = Path("search")

Spec = Annotated[
    Path | None,
    typer.Argument(metavar="SPEC", show_default=False, help="A search as a YAML file."),
]
By = Annotated[
    str | None,
    typer.Option("--sampler", metavar="NAME", show_default=False,
                 help="tpe (without it), nsga2, cmaes, random, qmc or grid."),
]  # fmt: skip
Evaluations = Annotated[
    int | None,
    typer.Option("--evaluations", "-n", metavar="N", min=1, show_default=False,
                 help="Points of each machine on each network; 100 without it."),
]  # fmt: skip
Together = Annotated[
    int | None,
    typer.Option("--together", metavar="N", min=1, show_default=False,
                 help="Points that are chosen before their answers are there; 4 without it."),
]  # fmt: skip
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", min=0, help="Of the sampler.", show_default=False),
]


def search(
    spec: Spec = None,
    workload: words.Workloads = [],  # noqa: B006 - typer reads it and hands out a new list
    arch: words.Machines = [],  # noqa: B006
    vary: words.Vary = [],  # noqa: B006
    link: words.LinkLines = [],  # noqa: B006
    where: words.Conditions = [],  # noqa: B006
    objective: words.Objectives = [],  # noqa: B006
    sampler: By = None,
    evaluations: Evaluations = None,
    together: Together = None,
    seed: Seed = None,
    sets: options.Set = [],  # noqa: B006
    scenario: options.Scenario = None,
    layers: words.Layers = None,
    batch: options.Batch = None,
    jobs: options.Jobs = None,
    dask: words.Dask = None,
    out: words.Out = OUT,
    no_cache: options.NoCache = False,
    width: options.FigureWidth = options.TWO,
    no_figures: options.NoFigures = False,
    form: options.Format = options.TEXT,
    json: options.Json = False,
    quiet: options.Quiet = False,
    force: own_files.Force = False,
) -> None:
    """Search the grid of a design for its Pareto front.

    Chooses points by what came of those before (Optuna's samplers), each machine on each network
    by itself. Each point is kept in FOLDER/points.sqlite as soon as it is finished, so the same
    command goes on where another was ended and comes to the same points. Writes points.csv, figures
    and study.journal, which Optuna's dashboard shows. Needs the extra: pip install
    'archsim[sweep]'. Files and options are those of `archsim sweep`, and three more.

    \b
    Examples:
      archsim search -w resnet50_sd -a smartdeal --vary pe_slices.slices=16,32,64,128
          --vary dram.bytes_per_cycle=8,16,32,64 --vary input_gb.bank_kbytes=4,8,16,32 -n 30
      archsim search my_search.yaml --jobs 8 --out my_search
      archsim search my_search.yaml --sampler random --seed 1 --out baseline
    """
    from archsim.analysis.search.search import run
    from archsim.analysis.search.spec import Method, load_search
    from archsim.analysis.sweep.plan import Plan
    from archsim.analysis.sweep.sweep import TABLE
    from archsim.formats.progress import bar

    console.use(form)
    own_files.force(force)
    chosen = words.where_of(jobs, dask, cached=not no_cache)
    told = {"workloads": workload, "archs": arch, "vary": vary, "link": link, "where": where,
            "objectives": objective, "seed": seed, "sets": sets, "scenario": scenario,
            "layers": layers, "batch": batch}  # fmt: skip
    empty = Plan(workloads=(), place="archsim search")
    plan, method = load_search(spec) if spec else (empty, Method())
    plan = words.plan_of(plan, told)
    method = method_of(method, sampler, evaluations, together)
    with bar("points", quiet=quiet or json, rate=True) as tick:
        found = run(plan, method, out, chosen, tick)
    written = [out / TABLE]
    written += [] if no_figures else _draw(found, out, width.inches, cached=not no_cache)
    if json:
        console.say_json(as_json(found))
    elif not quiet:
        show(found)
        console.say(f"written: {', '.join(str(path) for path in written)}")


def method_of(
    method: Method, sampler: str | None, evaluations: int | None, together: int | None
) -> Method:
    """The method of a file with what the command line says.

    Raises:
        InputError: no sampler has that name.
    """
    from archsim.analysis.search.samplers import NAMES
    from archsim.formats.errors import InputError
    from archsim.formats.source import unknown

    if sampler is not None and sampler not in NAMES:
        raise InputError.at("--sampler", unknown("sampler", sampler, NAMES))
    return replace(
        method,
        sampler=cast("Sampler", sampler or method.sampler),
        evaluations=evaluations or method.evaluations,
        together=together or method.together,
    )


def show(found: Searched) -> None:
    """As of a sweep; then what each key has to do with being among the best."""
    words.show(found.swept)
    names = [one.name for one in found.swept.plan.objectives]
    for (workload, arch), shares in found.shares.items():
        keys = [*shares[0]] if shares else []
        lines = [[key, *(f"{one[key]:.0%}" for one in shares)] for key in keys]
        if lines:
            title = f"{workload} on {arch}: share of each key in being of the best tenth"
            console.show(console.Table(title, ["key", *names], lines))
    for note in found.notes:
        console.note(note)


def as_json(found: Searched) -> dict[str, Any]:
    """Everything for programs."""
    names = [one.name for one in found.swept.plan.objectives]
    shares = [
        {"workload": workload, "arch": arch, **dict(zip(names, each, strict=False))}
        for (workload, arch), each in found.shares.items()
    ]
    return {**words.as_json(found.swept), "importance": shares, "notes": [*found.notes]}


def _draw(found: Searched, out: Path, width_inches: float, *, cached: bool) -> list[Path]:
    from archsim.analysis.figures.search import figures

    wanted = Wanted("search", out, [as_json(found), width_inches], cached)
    return drawn_files(wanted, lambda: Figures(figures(found, out, width_inches)))
