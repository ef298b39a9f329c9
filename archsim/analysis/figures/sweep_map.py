"""Two keys: a heat map per machine and workload of each objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archsim.analysis.figures.plots import SMALL_POINTS
from archsim.analysis.figures.sweep_panels import Panels, grid
from archsim.results.settings import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archsim.analysis.sweep.table import Row

COLOURS = "cividis"  # readers with any kind of colour vision see its order
PANEL_INCHES, LEAST_INCHES = 1.9, 2.3
NUMBERED_CELLS = 48
"""A map of more cells has colours alone."""
DARK = 0.55  # of the scale; numbers on darker cells are white


def has_map(panels: Panels) -> list[tuple[str, str]]:
    """The workloads and machines that have both keys."""
    keys = set(panels.keys)
    return [
        (workload, arch)
        for workload in panels.workloads
        for arch in panels.machines
        if any(keys <= {*row.case.values} for row in panels.of(workload, arch))
    ]


def heat_map(panels: Panels) -> Figure:
    """Objectives over the values of two keys."""
    pairs = has_map(panels)
    heights = [PANEL_INCHES for _ in pairs]
    figure, axes = grid(panels.width_inches, heights, len(panels.names), LEAST_INCHES)
    for row, (workload, arch) in zip(axes, pairs, strict=True):
        for at, own in enumerate(row):
            _draw(panels, own, panels.of(workload, arch), at)
        title = f"{panels.titles[workload]}, {panels.machines[arch]}"
        row[0].set_title(title, loc="left", fontsize="medium")
    return figure


def _draw(panels: Panels, axes: Axes, rows: list[Row], at: int) -> None:
    import numpy as np

    across, up = panels.keys
    values = {key: [value_text(one) for one in panels.values(key)] for key in (across, up)}
    unit, title = panels.unit(at, rows)
    cells = np.full((len(values[up]), len(values[across])), np.nan)
    for row in rows:
        place = tuple(values[key].index(value_text(row.case.values[key])) for key in (up, across))
        cells[place] = float(row.wanted[at] or 0) / unit
    drawn: Any = axes.imshow(cells, origin="lower", aspect="auto", cmap=COLOURS)
    bar = axes.figure.colorbar(drawn, ax=axes, label=title)
    bar.outline.set_visible(False)
    axes.grid(visible=False)
    axes.set_xticks(range(len(values[across])), values[across])
    axes.set_yticks(range(len(values[up])), values[up])
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    if cells.size <= NUMBERED_CELLS:
        for (y, x), value in np.ndenumerate(cells):
            if not np.isnan(value):
                pale = drawn.norm(value) > DARK
                axes.text(x, y, f"{value:.3g}", ha="center", va="center",
                          fontsize=SMALL_POINTS, color="black" if pale else "white")  # fmt: skip
