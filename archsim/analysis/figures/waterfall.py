"""A waterfall: from one machine's cycles and energy to another's, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.analysis.figures.bars import PAGE_INCHES
from archsim.analysis.figures.plots import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archsim.analysis.explain import Explanation

MORE, LESS, TOTAL = "#d55e00", "#009e73", "#4d4d4d"
SHOWN_SHARE = 0.005  # of the larger end; smaller parts are drawn as one
ROW_INCHES = 0.17


def waterfall(found: Explanation, stem: Path) -> list[Path]:
    """Draws both waterfalls to `stem`.png and `stem`.svg.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    return save({stem: partial(_waterfall, found)})


def _waterfall(found: Explanation) -> Figure:
    from matplotlib.figure import Figure

    cycles = _steps(found, "cycles", 1e6)
    energy = _steps(found, "energy_pj", 1e9)
    rows = max(len(cycles), len(energy)) + 2
    size = (PAGE_INCHES, 2 * (rows * ROW_INCHES + 0.55))
    figure = Figure(figsize=size, layout="constrained")
    upper, lower = figure.subplots(2, 1)
    ends = (found.a.cycles / 1e6, found.b.cycles / 1e6)
    _draw(upper, found.labels, ends, cycles)
    upper.set_xlabel(f"million cycles, {found.a.workload}")
    ends = (found.a.energy_pj / 1e9, found.b.energy_pj / 1e9)
    _draw(lower, found.labels, ends, energy)
    lower.set_xlabel(f"energy in mJ, {found.a.workload}")
    return figure


def _steps(found: Explanation, what: str, unit: float) -> list[tuple[str, float]]:
    """Titles and amounts of the parts that can be seen, and the sum of the others last."""
    whole = max(getattr(found.a, what), getattr(found.b, what))
    amounts = [(part.title, getattr(part, what)) for part in found.parts]
    large = [(title, x / unit) for title, x in amounts if abs(x) >= SHOWN_SHARE * whole]
    rest = sum(x for _, x in amounts if abs(x) < SHOWN_SHARE * whole) / unit
    left = found.unexplained[what == "energy_pj"] / unit
    return [*large, *([("smaller parts", rest + left)] if rest + left else [])]


def _draw(
    axes: Axes,
    labels: tuple[str, str],
    ends: tuple[float, float],
    steps: Sequence[tuple[str, float]],
) -> None:
    """Bars from top to bottom, each beginning where the one above ended."""
    names = [labels[0], *(title for title, _ in steps), labels[1]]
    starts, widths, colours = [0.0], [ends[0]], [TOTAL]
    reached = ends[0]
    for _, amount in steps:
        starts.append(reached)
        widths.append(amount)
        colours.append(MORE if amount > 0 else LESS)
        reached += amount
    rows = range(len(names))
    axes.barh(rows, [*widths, ends[1]], 0.7, left=[*starts, 0.0], color=[*colours, TOTAL])
    tips = [max(start, start + width) for start, width in zip(starts, widths, strict=True)]
    texts = [f"{ends[0]:.3g}", *(f"{amount:+.3g}" for _, amount in steps), f"{ends[1]:.3g}"]
    for row, tip, text in zip(rows, [*tips, ends[1]], texts, strict=True):
        axes.annotate(
            text, (tip, row), (2, 0), textcoords="offset points", va="center", fontsize=6.5
        )
    lows = [min(start, start + width) for start, width in zip(starts, widths, strict=True)]
    axes.set_xlim(min(0.0, *lows), max(*tips, ends[1]) * 1.1)
    axes.set_yticks(list(rows), [name[:70] for name in names], fontsize=6.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
