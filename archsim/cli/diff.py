"""`archsim diff`: what two results, or two folders of them, differ in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.cli import options
from archsim.formats import console

if TYPE_CHECKING:
    from archsim.analysis.diff import Difference, FolderDifference, Move
    from archsim.results.result import Result

SHOWN = 20  # changed numbers of a result that are listed without -v
CHANGED = 1  # exit status
MADE_FROM = {
    True: "made from the same inputs",
    False: "made from other inputs",
    None: "a hash of the inputs is missing",
}
LONGEST = 60  # characters of a value


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A result, or a folder of results.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The same; B is held against A.")],
    threshold: Annotated[
        str,
        typer.Option(
            "--threshold",
            metavar="SHARE",
            help="What counts as changed: 1% or 0.01; without it, any difference.",
        ),
    ] = "0",
    form: options.Format = options.TEXT,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Say what changed between two results, or two folders of results.

    Totals, and by layer: cycles, causes of loss, energy by component, DRAM bytes by flow, actions;
    and what the results were made from. Results of two folders are those of one place
    (WORKLOAD/ARCH.json). A part is weighed against what it is a part of: energy of a component
    against the energy of its layer.
    Exit status: 0 same, 1 changed, 2 bad input.

    \b
    Examples:
      archsim diff results.old results
      archsim diff results.old results --threshold 1% --quiet
      archsim diff old/resnet50_sd/scnn.json results/resnet50_sd/scnn.json --json
    """
    from archsim.analysis import diff as comparing

    console.use(form)
    share = _share(threshold)
    first, second = _results(a, b)
    found = comparing.folders(first, second, share)
    if json:
        console.say_json(as_json(found, share))
    elif not quiet:
        show(found, verbose)
    if found.changed:
        raise typer.Exit(CHANGED)


def _share(text: str) -> float:
    """A share as people write it: ``1%``, ``0.01``."""
    from math import isfinite

    from archsim.formats.errors import InputError

    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not (isfinite(share) and share >= 0):
        raise InputError.at("--threshold", f"{text!r} is no share; write 1% or 0.01")
    return share


def _results(a: Path, b: Path) -> tuple[dict[str, Result], dict[str, Result]]:
    """The results on either side by their places; of two files the place is the first's.

    Raises:
        InputError: one is damaged or not there, or one is a folder and the other a file.
    """
    from archsim.formats.errors import InputError
    from archsim.results.store import read_folder, read_result

    if a.is_dir() != b.is_dir() and a.exists() and b.exists():
        message = f"is a folder, and {b if a.is_dir() else a} is not; name two of a kind"
        raise InputError.at(a if a.is_dir() else b, message)
    if not a.is_dir() and not b.is_dir():
        return {str(a): read_result(a)}, {str(a): read_result(b)}
    sides: list[dict[str, Result]] = []
    for folder in (a, b):
        stored, problems = read_folder(folder)
        if problems:
            raise InputError(problems)
        if not stored:
            raise InputError.at(folder, "holds no results: archsim run writes them")
        sides.append({each.place: each.result for each in stored})
    return sides[0], sides[1]


def show(found: FolderDifference, verbose: int) -> None:
    """Each result with its changes, then what only one side has."""
    for one in found.results:
        console.say(f"{one.place}: {_said(one)}")
        for name, (before, after) in one.inputs.items():
            console.say(f"  {name}: {_short(before)} -> {_short(after)}")
        for line in one.words:
            console.say(f"  {line}")
        if one.moves:
            _table(one, verbose)
    for side, places in (("A", found.only_a), ("B", found.only_b)):
        for place in places:
            console.say(f"{place}: only in {side}")


def _said(one: Difference) -> str:
    made = MADE_FROM[one.same_inputs]
    if not (one.moves or one.within or one.words):
        return f"the same numbers, {made}" if one.inputs else "identical"
    within = f"{one.within} numbers moved by no more than the threshold" if one.within else ""
    moved = f"{len(one.moves)} numbers changed" if one.moves else ""
    return ", ".join(filter(None, [moved, within, made]))


def _table(one: Difference, verbose: int) -> None:
    from archsim.analysis.diff import largest

    shown = largest(one.moves, len(one.moves) if verbose else SHOWN)
    heads = ["layer", "what", "A", "B", "change", "% of whole"]
    console.say()
    console.show(console.Table("", heads, [_row(move) for move in shown]))
    if len(shown) < len(one.moves):
        console.say(f"{len(one.moves) - len(shown)} smaller changes; -v lists them")
    console.say()


def _row(move: Move) -> list[str]:
    whose = f"{move.layer} ({move.phase})" if move.layer else "all"
    change = move.b - move.a
    sign = "+" if change > 0 else ""
    amounts = [_amount(move.a), _amount(move.b), f"{sign}{_amount(change)}"]
    return [whose, " ".join(move.what), *amounts, f"{100 * move.share:.3g}"]


def _amount(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def as_json(found: FolderDifference, threshold: float) -> dict[str, Any]:
    """Everything for programs."""
    return {
        "changed": found.changed,
        "threshold": threshold,
        "results": [
            {
                "place": one.place,
                "changed": one.changed,
                "same_inputs": one.same_inputs,
                "inputs": {name: {"a": a, "b": b} for name, (a, b) in one.inputs.items()},
                "layers": list(one.words),
                "within_threshold": one.within,
                "changes": [{**vars(move), "what": list(move.what)} for move in one.moves],
            }
            for one in found.results
        ],
        "only_in_a": list(found.only_a),
        "only_in_b": list(found.only_b),
    }
