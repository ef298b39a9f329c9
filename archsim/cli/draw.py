"""`archsim draw`: a machine as a diagram."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsim.cli import options
from archsim.formats import console, own_files


def draw(
    arch: options.Machine,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write the diagram as SVG as well.")
    ] = None,
    sets: options.Set = [],  # noqa: B006
    scenario: options.Scenario = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    force: own_files.Force = False,
) -> None:
    """Show a machine as a diagram.

    The way of each flow through the components, and the components' values.

    \b
    Examples:
      archsim draw smartdeal
      archsim draw smartdeal --svg smartdeal.svg
      archsim draw my_machine.yaml --set dram.bytes_per_cycle=32 --json
    """
    from archsim.analysis import inputs
    from archsim.analysis.figures import diagram

    own_files.force(force)
    loaded = inputs.choices([arch], (), scenario, sets)[0].changed
    if svg is not None:
        from archsim.analysis.figures.diagram_svg import MARK
        from archsim.analysis.figures.diagram_svg import svg as draw_svg

        own_files.write_own(svg, draw_svg(loaded).encode(), MARK.encode())
    if json:
        console.say_json(loaded.resolved)
    elif not quiet:
        console.say(diagram.text(loaded))
        if svg is not None:
            console.say(f"\nwritten: {svg}")
