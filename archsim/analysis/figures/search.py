"""The figures of a search: those of a sweep of the points that it has chosen, how its front grew,
and what its keys have to do with being on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.analysis.figures.plots import SMALL_POINTS, TWO_COLUMNS_INCHES, save
from archsim.analysis.figures.sweep import chosen
from archsim.analysis.figures.sweep_panels import Panels, grid
from archsim.analysis.search.hypervolume import progress
from archsim.analysis.search.importance import Shares
from archsim.analysis.search.search import Searched
from archsim.analysis.sweep.table import Row, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_INCHES, PANEL_INCHES, BAR_INCHES = 3.2, 2.2, 0.24


def figures(found: Searched, folder: Path, width_inches: float = TWO_COLUMNS_INCHES) -> list[Path]:
    """Draws them as PNG and SVG into the folder; the paths.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    panels = Panels(found.swept, width_inches)
    wanted: dict[str, Callable[[], Figure]] = {
        name: partial(draw, panels) for name, draw in chosen(panels).items()
    }
    if panels.workloads:
        wanted["search_progress"] = partial(_progress, panels)
    if any(found.shares.values()):
        wanted["search_importance"] = partial(_importance, panels, found)
    return save({folder / name: draw for name, draw in wanted.items()})


def _progress(panels: Panels) -> Figure:
    """A panel per workload, a line per machine: the share of the last front's hypervolume that is
    reached after so many points."""
    figure, axes = grid(panels.width_inches, [PANEL_INCHES], len(panels.workloads), LEAST_INCHES)
    for own, workload in zip(axes[0], panels.workloads, strict=True):
        for arch, machine in panels.machines.items():
            _line(own, panels, panels.of(workload, arch), machine)
        own.set_title(panels.titles[workload], loc="left", fontsize="medium")
        own.set_xlabel("points")
        own.set_ylim(0, 1.05)
        own.locator_params(axis="x", integer=True)
        own.set_ylabel("share of the hypervolume")
        own.legend(fontsize=SMALL_POINTS, loc="lower right")
    return figure


def _line(axes: Axes, panels: Panels, rows: Sequence[Row], machine: str) -> None:
    values = [signed(row, panels.found.plan.objectives) for row in rows]
    shares = progress(values)
    if shares:
        axes.step(
            range(1, len(shares) + 1), shares, where="post", color=panels.colours[machine],
            label=machine,
        )  # fmt: skip


def _importance(panels: Panels, found: Searched) -> Figure:
    """A row per machine and workload, a panel per objective: the shares of all keys."""
    pairs = [pair for pair, shares in found.shares.items() if shares]
    heights = [BAR_INCHES * len(found.shares[pair][0]) + 0.6 for pair in pairs]
    figure, axes = grid(panels.width_inches, heights, len(panels.names), LEAST_INCHES)
    for row, pair in zip(axes, pairs, strict=True):
        workload, arch = pair
        for at, own in enumerate(row):
            _bars(own, found.shares[pair][at], panels.colours[panels.machines[arch]])
            own.set_xlabel(f"{panels.names[at]}: share, %", fontsize=SMALL_POINTS)
        title = f"{panels.titles.get(workload, workload)}, {panels.machines[arch]}"
        row[0].set_title(title, loc="left", fontsize="medium")
    return figure


def _bars(axes: Axes, shares: Shares, colour: str) -> None:
    keys = [*shares][::-1]
    axes.barh(range(len(keys)), [100 * shares[key] for key in keys], color=colour, height=0.6)
    axes.set_yticks(range(len(keys)), keys)
    axes.set_xlim(0, 100)
    axes.grid(visible=False)
