"""`archsim paper`: the paper's figures, tables and claims beside ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options
from archsim.cli.figures import Figures, Wanted, drawn_files
from archsim.formats import console, own_files
from archsim.formats.console import Table

if TYPE_CHECKING:
    from archsim.paper.claims import Claim
    from archsim.paper.context import Context
    from archsim.paper.reports import Report, Sheet
    from archsim.paper.sensitivity import Sensitivity
    from archsim.paper.validation import Row

DOCUMENT = Path("docs/reproduction.md")
VALIDATION = Path("docs/validation.md")


def paper(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="fig3, fig8, fig9, fig10, table2 to table9, training, claims, sensitivity, or "
            "validation: each machine beside its own paper.",
        ),
    ] = "claims",
    scenario: options.Scenario = None,
    layers: options.PaperLayers = options.Convs.CONV,
    network: Annotated[
        list[str],
        typer.Option(
            "--network",
            "-n",
            metavar="NAME",
            show_default=False,
            help="One of the seven networks, instead of all. Repeatable.",
        ),
    ] = [],  # noqa: B006 - typer reads it and hands out a new list
    measured: Annotated[
        bool, typer.Option("--measured", help="Use built tensors where they are there.")
    ] = False,
    write_docs: Annotated[
        bool,
        typer.Option(
            "--write-docs",
            help=f"Write {DOCUMENT} from everything; of validation {VALIDATION}.",
        ),
    ] = False,
    jobs: options.Jobs = None,
    out: options.Out = options.DEFAULT_OUT,
    no_cache: options.NoCache = False,
    width: options.FigureWidth = options.TWO,
    no_figures: options.NoFigures = False,
    form: options.Format = options.TEXT,
    json: options.Json = False,
    quiet: options.Quiet = False,
    force: own_files.Force = False,
) -> None:
    """Reproduce the paper: its number, ours, the ratio, and what moves ours most.

    Arrays are drawn from the profiles in the workload files, so that everyone gets the same
    numbers. Figures are drawn into FOLDER/paper; what takes weights or images is read from there
    after `sdalgo paper`.

    \b
    Examples:
      archsim paper fig10
      archsim paper fig10 --scenario ideal_lanes
      archsim paper sensitivity -n ResNet50
      archsim paper training --measured
      archsim paper claims --json
      archsim paper validation
      archsim paper fig10 --format latex --width one
    """  # fmt: skip
    from archsim.formats.progress import bar
    from archsim.paper.context import Wanted
    from archsim.paper.context import context as context_of
    from archsim.runs.pool import cores

    console.use(form)
    own_files.force(force)
    wanted = Wanted(scenario, layers is options.Convs.CONV, tuple(network), measured, out)
    with bar("paper", quiet=quiet or json) as tick:
        context = context_of(wanted, cached=not no_cache, processes=jobs or cores(), tick=tick)
        say = (
            _page(what, context)
            if write_docs
            else _asked(what, context, None if no_figures else width.inches)
        )
    say(json=json, quiet=quiet)


def _asked(what: str, context: Context, width_inches: float | None) -> Callable[..., None]:
    """Compute what was asked for; what then prints it."""
    from archsim.paper import reports

    if what == "claims":
        return partial(_claims, reports.claims(context))
    if what == "sensitivity":
        return partial(_sensitivity, reports.sensitivity(context), context, width_inches)
    if what == "validation":
        return partial(_validation, _rows(context))
    return partial(_report, reports.report(what, context), context, width_inches)


def _page(what: str, context: Context) -> Callable[..., None]:
    """Write the page; what then says so."""
    from archsim.paper import page, validation_page

    if what == "validation":
        path = validation_page.write(_rows(context), VALIDATION)
    else:
        path = page.write(context, DOCUMENT)

    def said(*, json: bool, quiet: bool) -> None:
        if json:
            console.say_json({"written": str(path)})
        elif not quiet:
            console.say(f"written: {path}")

    return said


def _report(
    report: Report, context: Context, width_inches: float | None, *, json: bool, quiet: bool
) -> None:
    drawn = _drawn(report.name, context, width_inches)
    if json:
        console.say_json({**report.to_dict(), "figures": [str(path) for path in drawn]})
    elif not quiet:
        show(report)
        if drawn:
            console.say(f"written: {', '.join(str(path) for path in drawn)}")


def show(report: Report) -> None:
    """Print a report."""
    from archsim.paper.reports import shown

    console.say(f"{report.name}: {report.title} ({report.where})")
    for note in report.notes:
        console.say(f"  {note}")
    console.say()
    for sheet in report.tables:
        console.show(_table(sheet))
    rows = [
        [line.what, line.paper, shown(line.ours), shown(line.ratio),
         {True: "yes", False: "no", None: "-"}[line.meets], line.how]
        for line in report.lines
    ]  # fmt: skip
    if rows:
        heads = ["", "paper", "ours", "ratio", "meets", "moved most by"]
        console.show(Table("", heads, rows, left=len(heads)))
    for command in report.missing:
        console.say(f"missing: {command}")


def _table(sheet: Sheet) -> Table:
    from archsim.paper.reports import shown

    rows = [[name, *(shown(value) for value in values)] for name, values in sheet.rows]
    return Table(sheet.title, list(sheet.heads), rows)


def _claims(found: Sequence[Claim], *, json: bool, quiet: bool) -> None:
    from archsim.paper.claims import VERDICTS
    from archsim.paper.reports import shown

    if json:
        console.say_json([claim.to_dict() for claim in found])
        return
    if quiet:
        return
    rows = []
    for claim in found:
        first = next((shown(ours) for _, ours in claim.numbers), "-")
        rows.append([str(claim.id), claim.where, claim.paper, first, claim.verdict])
    heads = ["", "where", "paper", "ours (first)", "verdict"]
    console.show(Table("Claims of the paper", heads, rows, left=3))
    count = {verdict: sum(claim.verdict == verdict for claim in found) for verdict in VERDICTS}
    console.say(", ".join(f"{number} {verdict}" for verdict, number in count.items()))
    console.say("every number and reason: archsim paper claims --json")


def _rows(context: Context) -> list[Row]:
    """InputError for an option that would change runs, of which the rows name their own."""
    from archsim.formats.errors import InputError
    from archsim.paper.validation import validation

    wanted = context.wanted
    given = {
        "--scenario": wanted.scenario,
        "--layers": not wanted.conv_only,
        "--network": wanted.networks,
        "--measured": wanted.measured,
    }
    for option in (name for name, value in given.items() if value):
        message = "each row of validation says what it runs; leave this option out"
        raise InputError.at(option, message)
    runner = context.runner
    return validation(runner.cache, runner.processes, runner.tick or (lambda *_: None))


def _validation(found: Sequence[Row], *, json: bool, quiet: bool) -> None:
    from archsim.paper.reports import shown
    from archsim.paper.validation import notes

    if json:
        console.say_json({"rows": [row.to_dict() for row in found]})
        return
    if quiet:
        return
    rows = [
        [row.machine, row.configuration, row.quantity, row.published, shown(row.ours),
         shown(row.ratio), row.verdict]
        for row in found
    ]  # fmt: skip
    heads = ["machine", "configuration", "quantity", "published", "ours", "ratio", "verdict"]
    console.show(Table("Each machine beside its own paper", heads, rows, left=3))
    for machine in dict.fromkeys(row.machine for row in found):
        for whose, text in notes([row for row in found if row.machine == machine]):
            console.say(f"{machine}, {whose}: {text}")
    console.say(f"sources of all rows: archsim paper validation --json, or {VALIDATION}")


def _sensitivity(
    found: Sensitivity, context: Context, width_inches: float | None, *, json: bool, quiet: bool
) -> None:
    from archsim.paper import kept
    from archsim.paper.reports import sensitivity_report

    path = kept.write(context.wanted.out, kept.SENSITIVITY, found.to_dict())
    drawn = _drawn("sensitivity", context, width_inches)
    if json:
        console.say_json(found.to_dict())
    elif not quiet:
        show(sensitivity_report(found))
        console.say(f"written: {', '.join(map(str, [path, *drawn]))}")


def _drawn(name: str, context: Context, width_inches: float | None) -> list[Path]:
    """The figures of a report, drawn; none where they have no width."""
    from archsim.paper.reports import draw, figure_data, figure_path

    if width_inches is None or (shown := figure_data(name, context)) is None:
        return []
    path = figure_path(name, context)
    cached = context.runner.cache is not None
    return drawn_files(
        Wanted(path.name, path.parent, [width_inches, shown], cached),
        lambda: Figures(draw(name, context, width_inches)),
    )
