"""`sdalgo rivals`: ways to make a network small, in one table and one figure (paper Fig. 6)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.formats import console, own_files, unpacked
from archsim.formats.progress import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sdalgo.rivals.row import Row


def rivals(  # noqa: PLR0913, PLR0917  (one parameter an option)
    network: Annotated[
        str,
        typer.Argument(
            help="mobilenet_v2_sd, efficientnet_lite0_sd, small_cnn, resnet20_cifar, resnet56_cifar"
        ),
    ],
    methods: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            show_default=False,
            help="Only these, separated by commas: uniform, powers, kmeans, pruning, gptq, presets "
            "of `sdalgo list presets`, original. Repeatable.",
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trained weights, not the usual file's.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER_OR_NPZ", help="Labelled images, as of `sdalgo train --data`."),
    ] = None,
    refresh: Annotated[
        bool,
        typer.Option(help="Judge with batch-norm statistics taken anew as well: most of the time."),
    ] = True,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("results/rivals"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
    max_gb: unpacked.MaxGb = None,
    force: own_files.Force = False,
) -> None:
    """Compare ways to make a trained network small: what is left of it against megabytes.

    All bits are counted: scales, bases, codebooks, tables, indices, norms and biases. Networks of
    ImageNet are judged by agreement with themselves on photographs, the others by test accuracy.
    Nothing is trained. A row is on the disk before the next begins, and what is there is not made
    again; rows of OUT/NETWORK_trained.json are shown beside them.

    \b
    Examples:
      sdalgo rivals mobilenet_v2_sd
      sdalgo rivals small_cnn --methods uniform,gptq,activations
      sdalgo rivals resnet20_cifar --weights resnet20-12fca82f.th --data cifar-10-batches-bin
    """
    from sdalgo.rivals import report
    from sdalgo.rivals.harness import compare
    from sdalgo.rivals.subject import subject

    unpacked.allow(max_gb)
    own_files.force(force)
    chosen = [name.strip() for names in methods or () for name in names.split(",")]
    _check(network, chosen)
    own_files.claim(out / f"{network}.csv", report.MARK)
    trained = report.trained_rows(out / f"{network}_trained.json")
    found = subject(network, weights, data)
    with bar(network, quiet=quiet or as_json) as progress:
        table = compare(found, out / f"{network}.json", chosen, progress, refresh)
    rows = [*table.rows.values(), *trained]
    report.write_csv(out / f"{network}.csv", rows)
    drawn = _figure(rows, out / network)
    if as_json:
        console.say_json(table.to_json() | {"trained": [row.to_json() for row in trained]})
        return
    if quiet:
        return
    title = f"{network}: {found.judged_on}"
    console.show(console.Table(title, report.heads(found.metric), report.cells(rows), left=2))
    beside = ", ".join([f"{network}.csv", *(path.name for path in drawn)])
    console.say(f"{table.path}: all rows; beside it {beside}")


def _check(network: str, methods: Sequence[str]) -> None:
    """Refuse unknown names before anything is read, which takes a while."""
    from archsim.formats.source import require
    from sdalgo.rivals.methods import METHODS
    from sdalgo.rivals.subject import NETWORKS

    require("network to compare methods on", network, NETWORKS)
    for name in methods:
        require("method", name, METHODS)


def _figure(rows: Sequence[Row], stem: Path) -> list[Path]:
    """Score against size; without matplotlib a note and nothing."""
    from importlib.util import find_spec

    from sdalgo.rivals import report

    if find_spec("matplotlib") is None:
        console.note("no figure: matplotlib is missing; pip install 'archsim[plot]' brings it")
        return []
    return report.draw(rows, stem)
