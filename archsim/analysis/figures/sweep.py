"""The figures of a sweep: those that show it, by how many keys vary and what is looked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.analysis.figures.plots import TWO_COLUMNS_INCHES, save
from archsim.analysis.figures.sweep_front import front
from archsim.analysis.figures.sweep_lines import lines
from archsim.analysis.figures.sweep_map import has_map, heat_map
from archsim.analysis.figures.sweep_panels import Panels
from archsim.analysis.figures.sweep_parallel import parallel
from archsim.analysis.figures.sweep_tornado import tornado
from archsim.analysis.sweep.table import Swept

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures(found: Swept, folder: Path, width_inches: float = TWO_COLUMNS_INCHES) -> list[Path]:
    """Draws them as PNG and SVG into the folder; the paths.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    panels = Panels(found, width_inches)
    return save({folder / name: partial(draw, panels) for name, draw in chosen(panels).items()})


def chosen(panels: Panels) -> dict[str, Callable[[Panels], Figure]]:
    """Which figures show a sweep: lines for one key, a map for two, parallel coordinates for more;
    what each of several keys moves; and the front of several objectives."""
    if not panels.workloads:
        return {}
    keys = len(panels.keys)
    wanted = {
        "sweep_lines": (lines, keys == 1),
        "sweep_map": (heat_map, keys == 2 and bool(has_map(panels))),
        "sweep_parallel": (parallel, keys > 2),
        "sweep_tornado": (tornado, keys > 1),
        "sweep_front": (front, len(panels.names) > 1),
    }
    return {name: draw for name, (draw, fits) in wanted.items() if fits}
