"""Two objectives against each other: every point, and the Pareto front with its values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.analysis.figures.palette import WHOLE, paler
from archsim.analysis.figures.plots import SMALL_POINTS, legend
from archsim.analysis.figures.sweep_panels import Panels, grid
from archsim.results.settings import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archsim.analysis.sweep.table import Row

PANEL_INCHES, LEAST_INCHES = 2.2, 2.4
LABELLED = 8
"""Points of a front whose values are written; of a longer one its ends and some between them."""
PALE = 0.55


def front(panels: Panels) -> Figure:
    """The first objective across, each further one up; the front in full colour."""
    others = range(1, len(panels.names))
    heights = [PANEL_INCHES for _ in panels.workloads]
    figure, axes = grid(panels.width_inches, heights, len(others), LEAST_INCHES)
    for row, workload in zip(axes, panels.workloads, strict=True):
        for own, at in zip(row, others, strict=True):
            _draw(panels, own, workload, at)
        row[0].set_title(panels.titles[workload], loc="left", fontsize="medium")
    legend(figure, axes[0][0])
    return figure


def _draw(panels: Panels, axes: Axes, workload: str, at: int) -> None:
    rows, best = panels.found.of(workload), panels.found.front(workload)
    across, up = panels.unit(0, rows), panels.unit(at, rows)

    def spot(row: Row) -> tuple[float, float]:
        return float(row.wanted[0] or 0) / across[0], float(row.wanted[at] or 0) / up[0]

    for arch, machine in panels.machines.items():
        own = panels.of(workload, arch)
        colour, marker = panels.colours[machine], panels.markers[machine]
        for shown, size, fill in ((False, 10, paler(colour, PALE)), (True, 22, colour)):
            spots = [spot(row) for row in own if row.front == shown]
            if spots:
                x, y = zip(*spots, strict=True)
                axes.scatter(x, y, s=size, marker=marker, color=fill, linewidths=0,
                             zorder=3 if shown else 2)  # fmt: skip
        if own:
            axes.scatter([], [], s=22, marker=marker, color=colour, label=machine)
    if len(panels.names) == 2:  # a front of more objectives is no line in two of them
        ends = [*map(spot, best)]
        axes.step(*zip(*ends, strict=True), where="post", color=WHOLE, linewidth=0.7, zorder=1)
    for place, row in enumerate(_labelled(best)):
        offset = (4, 4) if place % 2 == 0 else (4, -8)
        axes.annotate(
            _text(panels, row, best),
            spot(row),
            xytext=offset,
            textcoords="offset points",
            fontsize=SMALL_POINTS,
        )
    axes.margins(0.15)
    axes.set_xlabel(across[1])
    axes.set_ylabel(up[1])


def _text(panels: Panels, row: Row, best: list[Row]) -> str:
    """The values by which a point of the front differs from the others; all of a lone one."""
    keys = [key for key in panels.keys if key in row.case.values]
    differ = [key for key in keys if len({repr(one.case.values.get(key)) for one in best}) > 1]
    return ", ".join(
        f"{key.rpartition('.')[2]}={value_text(row.case.values[key])}" for key in differ or keys
    )


def _labelled(best: list[Row]) -> list[Row]:
    """Those whose values are written, evenly along the front."""
    if len(best) <= LABELLED:
        return best
    return [best[round(at * (len(best) - 1) / (LABELLED - 1))] for at in range(LABELLED)]
