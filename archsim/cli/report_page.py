"""`archsim report`: a page over a results folder, for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsim.cli import options
from archsim.formats import console, own_files

NAME = "report.html"


def report(
    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", help="A folder of `archsim run` or `archsim sweep`."),
    ] = options.DEFAULT_OUT,
    normalise_to: options.NormaliseTo = options.DEFAULT_REFERENCE,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help=f"The page; RESULTS/{NAME} by default."),
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    force: own_files.Force = False,
) -> None:
    """Write one page over a results folder.

    A file of HTML that any browser opens without a network: summary, figures to hover over and to
    zoom, every layer, roofline, the machines, their differences, and where the numbers come from.
    Needs the extra: pip install 'archsim[report]'. Over the folder of a sweep or a search: its
    points to hover over, its best ones, its figures and its table.

    \b
    Examples:
      archsim report
      archsim report sweep
      archsim report results --normalise-to scnn --out comparison.html
    """
    from archsim.analysis.report.contents import contents
    from archsim.analysis.report.page import MARK, SWEEP, page
    from archsim.analysis.report.sweep_page import is_sweep, sweep_contents
    from archsim.formats.errors import InputError
    from archsim.results.store import read_folder

    own_files.force(force)
    path = out or results / NAME
    own_files.claim(path, MARK)
    stored, problems = read_folder(results)
    if problems:
        raise InputError(problems)
    title = f"archsim: {results.resolve().name}"
    if stored:
        made = page(contents(stored, normalise_to), title, _library())
    elif is_sweep(results):
        made = page(sweep_contents(results), title, _library(), SWEEP)
    else:
        message = "holds no results: archsim run or archsim sweep writes them"
        raise InputError.at(str(results), message)
    own_files.write_own(path, made, MARK)
    if json:
        console.say_json({"written": [str(path)]})
    elif not quiet:
        console.say(str(path))


def _library() -> str:
    """What draws the figures; kept in the cache, for bundling it takes longer than all else."""
    from archsim.analysis.report.library import MISSING, VEGA_LITE, script, version
    from archsim.formats.errors import InputError
    from archsim.formats.sealed import sealed, unsealed
    from archsim.runs.cache import default_cache

    try:
        name = f"vega-embed-{VEGA_LITE}-{version()}.json"
        kept = default_cache().read(name)
        try:
            return str(unsealed(kept or b"")["script"])
        except (ValueError, KeyError):
            found = script()
    except ModuleNotFoundError as error:
        raise InputError.at("archsim report", MISSING) from error
    default_cache().write(name, sealed({"script": found}))
    return found
