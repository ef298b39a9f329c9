"""`sdalgo paper`: the paper's figures and tables that need no simulator."""

from pathlib import Path
from typing import Annotated

import typer

from archsim.formats import console, own_files
from archsim.formats.progress import bar


def paper(
    what: Annotated[str, typer.Argument(help="fig3, table2, table3 or table4.")],
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
    force: own_files.Force = False,
) -> None:
    """Compute a figure or table, print it beside the paper's, write results/paper/WHAT.json.

    \b
    Examples:
      sdalgo paper table2
      sdalgo paper fig3 --json
    """
    from sdalgo.paper import compute, write

    own_files.force(force)
    with bar(what, quiet=quiet or as_json) as progress:
        document = compute(what, progress)
    path = write(document, out)
    if as_json:
        console.say_json(document)
        return
    if quiet:
        return
    rows = [
        [r["row"], r["quantity"], _number(r["paper"]), _number(r["ours"]), _number(r["ratio"]),
         r["unit"]]
        for r in document["rows"]
        if r["paper"] is not None or what != "fig3"
    ]  # fmt: skip
    console.show(console.Table(what, ["row", "quantity", "paper", "ours", "ratio", "unit"], rows))
    console.say(f"rules, inputs and every layer: {path}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
