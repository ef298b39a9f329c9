"""`archsim breakdown`: where the time of each machine and layer goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.cli import matrix, options
from archsim.cli.figures import Figures, Wanted, drawn_files
from archsim.cli.report import NONE, NOT_AVAILABLE, number
from archsim.formats import console, own_files

if TYPE_CHECKING:
    from archsim.analysis.breakdown import Breakdown, Span
    from archsim.analysis.cells import Cell
    from archsim.analysis.compare import Refusal
    from archsim.results.store import Stored


def breakdown(
    workload: options.Workload,
    arch: options.Machines = [],  # noqa: B006 - typer reads it and hands out a new list
    sets: options.Set = [],  # noqa: B006
    scenario: options.Scenario = None,
    layers: options.Layers = options.ALL,
    batch: options.Batch = None,
    jobs: options.Jobs = None,
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
    """Show where time goes, and how far machines are from their roofs.

    The compute array's time: busy, lost to each cause, idle; utilisation; and the roofline:
    operations per DRAM byte, operations per cycle, and which of memory and array sets the ceiling.
    With -v every layer. Writes a figure of each layer's time and one of the roofline.

    \b
    Examples:
      archsim breakdown --workload resnet50_sd
      archsim breakdown -w resnet50_sd --arch smartdeal --arch diannao -v
      archsim breakdown -w mobilenet_v2_sd --layers 'features.1*' --format csv
    """
    from archsim.analysis.breakdown import as_record, break_down
    from archsim.analysis.cells import cells_of
    from archsim.results.store import Stored

    console.use(form)
    own_files.force(force)
    asked = matrix.Asked(
        workloads=[workload], archs=arch, sets=sets, scenario=scenario, layers=layers, batch=batch,
        jobs=jobs, out=out, use_kept=not no_cache, quiet=quiet or json,
    )  # fmt: skip
    cells = cells_of(asked)
    answers = matrix.answers_of(cells, asked)
    refusals = [answer for answer in answers if not isinstance(answer, Stored)]
    stored = [answer for answer in answers if isinstance(answer, Stored)]
    names = [one.result.arch for one in stored]
    found = [
        break_down(one.result.arch if names.count(one.result.arch) == 1 else one.stem, one.result)
        for one in stored
    ]
    figures = [] if no_figures else _draw(found, asked, cells, width)
    if json:
        console.say_json([as_record(one) for one in found])
    elif not quiet:
        _print(found, stored, refusals, verbose)
        if figures:
            console.say(f"written: {', '.join(str(path) for path in figures)}")
    matrix.end(refusals, asked)


def _print(
    found: Sequence[Breakdown], stored: Sequence[Stored], refusals: Sequence[Refusal], verbose: int
) -> None:
    for note in dict.fromkeys(note for one in stored for note in one.result.notes):
        console.say(f"  {note}")
    console.say()
    show(found, verbose)
    for refusal in refusals:
        console.say(f"{NOT_AVAILABLE}: {refusal.machine}: {refusal.reason}")


def show(found: Sequence[Breakdown], verbose: int) -> None:
    """Machines side by side; with `verbose` the layers of each."""
    causes = list(dict.fromkeys(cause for one in found for cause in one.causes))
    console.show(
        console.Table(
            "where the compute array's time goes, % of instance-cycles",
            ["machine", "multipliers", "busy", *causes, "idle"],
            [[one.label, f"{one.whole.instances:,}", *_shares(one.whole, causes)] for one in found],
        )
    )
    console.show(
        console.Table(
            "under the roof: operations (skipped ones included) per DRAM byte and per cycle",
            ["machine", "ops/byte", "ops/cycle", "peak", "roof", "% of roof", "ceiling"],
            [
                [one.label, *_position(one, one.whole)[:2], number(one.roof.operations),
                 *_position(one, one.whole)[2:]]
                for one in found
            ],
        )
    )  # fmt: skip
    if not verbose:
        return
    for one in found:
        heads = ["layer", "cycles", "busy", *one.causes]
        lines = [
            [span.name, f"{span.cycles:,}", *_shares(span, one.causes)[:-1], *_position(one, span)]
            for span in one.layers
        ]
        roof = ["ops/byte", "ops/cycle", "roof", "% of roof", "ceiling"]
        console.show(console.Table(f"{one.label}: layers", [*heads, *roof], lines))


def _shares(span: Span, causes: Sequence[str]) -> list[str]:
    counts = [span.busy, *(span.lost.get(cause, 0) for cause in causes), span.idle]
    return [f"{100 * span.share(count):.1f}" if count else NONE for count in counts]


def _position(found: Breakdown, span: Span) -> list[str]:
    roof = found.roof.at(span.intensity)
    return [
        number(span.intensity),
        number(span.attained),
        number(roof),
        f"{100 * span.attained / roof:.1f}" if roof else NONE,
        found.roof.bound(span.intensity),
    ]


def _draw(
    found: Sequence[Breakdown],
    asked: matrix.Asked,
    cells: Sequence[Cell],
    width: options.Width,
) -> list[Path]:
    """The figures, called by the workload and by everything that was set."""
    from archsim.analysis.breakdown import as_record
    from archsim.analysis.figures.time import figures
    from archsim.results.settings import file_stem, short_text

    group = cells[0].group
    settings = {key: value for cell in cells for key, value in cell.settings.items()}
    title, stem = f"{group} {short_text(settings)}".rstrip(), file_stem(group, settings)
    shown = [width.inches, title, [as_record(one) for one in found]]
    return drawn_files(
        Wanted(f"breakdown {stem}", asked.out, shown, asked.use_kept),
        lambda: Figures(figures(found, asked.out, stem, title, width.inches)),
    )
