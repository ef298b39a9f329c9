"""`archsim cosim`: layers of a workload on SmartDeal's Verilog, compared with the model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options
from archsim.formats import console

if TYPE_CHECKING:
    from archsim.analysis.cosim.layer_report import Report

TILES = 24
MOST_SHOWN = 5


def cosim(
    workload: Annotated[
        str,
        typer.Argument(
            metavar="WORKLOAD",
            autocompletion=options.named("workloads"),
            help="A workload, by name or as a file.",
        ),
    ],
    layer: Annotated[
        list[str],
        typer.Option(
            "--layer", "-l", metavar="NAME", show_default=False, help="A layer. Repeatable."
        ),
    ],
    arch: Annotated[
        str,
        typer.Option(
            "--arch",
            "-a",
            metavar="NAME",
            autocompletion=options.named("archs"),
            help="SmartDeal, or a machine by its rule.",
        ),
    ] = "smartdeal",
    sets: options.Set = [],  # noqa: B006
    tiles: Annotated[
        int, typer.Option("--tiles", metavar="N", min=1, help="Tiles of a layer at least, drawn.")
    ] = TILES,
    every: Annotated[
        bool, typer.Option("--all", help="Every tile instead, on every slice: this takes long.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the drawing.")] = 0,
    json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Run tiles of a layer on SmartDeal's Verilog and on the model.

    Compares the first and last cycle of every job, the cycles of every tile, and every bit of every
    output. Needs Icarus Verilog (Debian: iverilog). The status is 0 if both are equal and 1 if not.

    \b
    Examples:
      archsim cosim resnet50_sd --layer layer3.0.conv2
      archsim cosim mobilenet_v2_sd -l features.2.conv.1.0 -l classifier.1 --tiles 60 --seed 7
      archsim cosim my_net.yaml -l conv1 --all --set pe_slices.lines=8
    """
    from archsim.analysis import inputs
    from archsim.analysis.cosim import layer_report
    from archsim.formats.errors import CheckFailed
    from archsim.formats.progress import bar
    from archsim.machines.smartdeal.parts import parts_of
    from archsim.workload.workload import load_workload

    machine = parts_of(inputs.choices([arch], (), None, sets)[0].changed)
    network = load_workload(workload)
    chosen = [network.layer(name) for name in dict.fromkeys(layer)]
    wanted = layer_report.Wanted(None if every else tiles, seed)
    found = []
    with bar(network.name, quiet=quiet or json) as tick:
        for each in chosen:
            tensors = network.tensors(each)
            found.append(layer_report.report(each, tensors, machine, wanted, tick))
            network.release(each)
    if json:
        console.say_json([asdict(one) for one in found])
    elif not quiet:
        for one in found:
            _say(one)
    wrong = [one.layer for one in found if one.differences]
    if wrong:
        raise CheckFailed(f"Verilog and model differ in {', '.join(wrong)}")


def _say(one: Report) -> None:
    compared = (
        f"{one.tiles} tiles, {one.jobs:,} jobs, {one.cycles:,} cycles, {one.outputs:,} outputs"
    )
    verdict = f"{len(one.differences)} differences" if one.differences else "equal"
    console.say(f"{one.layer} ({one.kind}): {compared}: {verdict}")
    for text in one.differences[:MOST_SHOWN]:
        console.say(f"  {text}")
    if len(one.differences) > MOST_SHOWN:
        console.say(f"  and {len(one.differences) - MOST_SHOWN} more")
