"""`archsim plot`: draw the figures again from results already there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsim.cli import options
from archsim.formats import console, own_files


def plot(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="A folder that `archsim run` wrote.")
    ] = options.DEFAULT_OUT,
    normalise_to: options.NormaliseTo = options.DEFAULT_REFERENCE,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", help="Where to draw; in RESULTS itself by default."
        ),
    ] = None,
    width: options.FigureWidth = options.TWO,
    json: options.Json = False,
    quiet: options.Quiet = False,
    force: own_files.Force = False,
) -> None:
    """Draw the figures of a results folder.

    Energy, speed-up and DRAM traffic as PNG and SVG, and summary.csv, from the JSON files. Results
    with other settings than those of any run of the reference machine are left out, with a note.

    \b
    Examples:
      archsim plot
      archsim plot results --normalise-to scnn --out figures
      archsim plot results --width one
    """
    from archsim.cli.figures import draw_folder
    from archsim.formats.errors import InputError
    from archsim.results.store import write_rows
    from archsim.runs.cache import default_cache
    from archsim.runs.folder_index import listing

    own_files.force(force)
    found = listing(results, default_cache())
    if found.problems:
        raise InputError(found.problems)
    if not found.results:
        raise InputError.at(str(results), "holds no results: archsim run writes them")
    folder = out or results
    figures = draw_folder(results, normalise_to, folder, width.inches, quiet=quiet)
    written = [write_rows(folder, found.rows), *figures]
    if json:
        console.say_json({"written": [str(path) for path in written]})
    elif not quiet:
        for path in written:
            console.say(str(path))
