"""A waterfall: from one machine's cycles and energy to another's, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import fsum
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from archsim.analysis.figures.palette import BETTER, WHOLE, WORSE
from archsim.analysis.figures.plots import SMALL_POINTS, TWO_COLUMNS_INCHES, letters, save
from archsim.analysis.figures.titles import titles
from archsim.results.settings import BATCH, LAYERS, settings_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archsim.analysis.explain import Explanation

UNITS = {
    "cycles": ((1e6, "million cycles"), (1e3, "thousand cycles"), (1.0, "cycles")),
    "energy_pj": ((1e9, "energy in mJ"), (1e6, "energy in uJ"), (1.0, "energy in pJ")),
}
SHOWN_SHARE = 0.005  # of the larger end; smaller parts are drawn as one
ROW_INCHES = 0.12  # a line of text
NAMES_SHARE = 0.45  # of the width, for the names of parts at most
MOST_LETTERS = 70


def waterfall(
    found: Explanation, stem: Path, width_inches: float = TWO_COLUMNS_INCHES
) -> list[Path]:
    """Draws both waterfalls to `stem`.png and `stem`.svg.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    return save({stem: partial(figure_of, found, width_inches)})


def figure_of(found: Explanation, width_inches: float) -> Figure:
    """Cycles above, energy below."""
    from matplotlib.figure import Figure

    room = min(MOST_LETTERS, letters(NAMES_SHARE * width_inches))
    units = {what: _unit(found, what) for what in UNITS}
    steps = {what: _steps(found, what, unit) for what, (unit, _) in units.items()}
    lines = [fsum(len(wrap(name, room)) + 0.4 for name, _ in own) + 3 for own in steps.values()]
    size = (width_inches, sum(lines) * ROW_INCHES + 1.3)
    figure = Figure(figsize=size, layout="constrained")
    made = {key: each for key, each in found.a.settings.items() if key in {BATCH, LAYERS}}
    workload = titles([f"{found.a.workload} {settings_text(made)}".rstrip()]).popitem()[1]
    figure.supxlabel(workload, fontsize=SMALL_POINTS, color="#555555")
    axes = figure.subplots(2, 1, height_ratios=lines)
    for own, (what, (unit, title)) in zip(axes, units.items(), strict=True):
        ends = getattr(found.a, what) / unit, getattr(found.b, what) / unit
        parts = [("\n".join(wrap(name, room)), amount) for name, amount in steps[what]]
        one, two = ("\n".join(wrap(label, room)) for label in found.labels)
        _draw(own, (one, two), ends, parts)
        own.set_xlabel(title)
        own.locator_params(axis="x", nbins=max(3, int(1.5 * width_inches)))
    return figure


def _unit(found: Explanation, what: str) -> tuple[float, str]:
    """The largest unit in which the larger end is at least one, and what it is called."""
    whole = max(getattr(found.a, what), getattr(found.b, what))
    return next((pair for pair in UNITS[what] if whole >= pair[0]), UNITS[what][-1])


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
    starts, widths, colours = [0.0], [ends[0]], [WHOLE]
    reached = ends[0]
    for _, amount in steps:
        starts.append(reached)
        widths.append(amount)
        colours.append(WORSE if amount > 0 else BETTER)
        reached += amount
    rows = range(len(names))
    axes.barh(rows, [*widths, ends[1]], 0.7, left=[*starts, 0.0], color=[*colours, WHOLE])
    tips = [max(start, start + width) for start, width in zip(starts, widths, strict=True)]
    texts = [f"{ends[0]:.3g}", *(f"{amount:+.3g}" for _, amount in steps), f"{ends[1]:.3g}"]
    for row, tip, text in zip(rows, [*tips, ends[1]], texts, strict=True):
        axes.annotate(
            text, (tip, row), (2, 0), textcoords="offset points", va="center", fontsize=SMALL_POINTS
        )
    lows = [min(start, start + width) for start, width in zip(starts, widths, strict=True)]
    axes.set_xlim(min(0.0, *lows), max(*tips, ends[1]) * 1.12)
    axes.set_yticks(list(rows), names, fontsize=SMALL_POINTS)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
