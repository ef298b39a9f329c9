"""One key: a line per machine, a panel per workload and objective."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.analysis.figures.plots import legend
from archsim.analysis.figures.sweep_panels import Panels, grid, mark_values, places
from archsim.results.settings import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES, LEAST_INCHES = 1.7, 2.0


def lines(panels: Panels) -> Figure:
    """Objectives over the values of the one key that varies. A machine without the key is a dashed
    level."""
    heights = [PANEL_INCHES for _ in panels.workloads]
    figure, axes = grid(panels.width_inches, heights, len(panels.names), LEAST_INCHES)
    for row, workload in zip(axes, panels.workloads, strict=True):
        for at, own in enumerate(row):
            _draw(panels, own, workload, at)
        row[0].set_title(panels.titles[workload], loc="left", fontsize="medium")
    legend(figure, axes[0][0])
    return figure


def _draw(panels: Panels, axes: Axes, workload: str, at: int) -> None:
    (key,) = panels.keys
    values = panels.values(key)
    spots = dict(zip(map(value_text, values), places(values), strict=True))
    unit, title = panels.unit(at, panels.found.of(workload))
    for arch, machine in panels.machines.items():
        rows = panels.of(workload, arch)
        colour = panels.colours[machine]
        points = sorted(
            (spots[value_text(row.case.values[key])], float(row.wanted[at] or 0) / unit)
            for row in rows
            if key in row.case.values
        )
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, label=machine, linewidth=1.2,
                      marker=panels.markers[machine], markersize=3.5)  # fmt: skip
        for row in rows:
            if key not in row.case.values:
                axes.axhline(float(row.wanted[at] or 0) / unit, color=colour, linestyle="--",
                             label=machine, linewidth=1.0)  # fmt: skip
    mark_values(axes, values)
    axes.set_xlabel(key)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(title)
