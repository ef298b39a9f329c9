"""Many keys: parallel coordinates (Inselberg, The Visual Computer 1985), a line per point."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from archsim.analysis.figures.palette import REST_COLOUR
from archsim.analysis.figures.plots import SMALL_POINTS, legend, letters
from archsim.analysis.figures.sweep_panels import Panels, is_logarithmic, numeric
from archsim.results.settings import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archsim.analysis.sweep.table import Row

PANEL_INCHES = 2.3
Place = Callable[["Row"], float | None]


def parallel(panels: Panels) -> Figure:
    """Every key and objective as an axis of its own from its least value to its largest. Points of
    the front are lines in their machine's colour, the others are grey."""
    from matplotlib.figure import Figure

    size = (panels.width_inches, PANEL_INCHES * len(panels.workloads) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(panels.workloads), 1, squeeze=False)[:, 0]
    for own, workload in zip(axes, panels.workloads, strict=True):
        _draw(panels, own, workload)
        own.set_title(panels.titles[workload], loc="left", fontsize="medium")
    legend(figure, axes[0])
    return figure


def _draw(panels: Panels, axes: Axes, workload: str) -> None:
    rows = panels.found.of(workload)
    scales = [_key_axis(panels, axes, at, key) for at, key in enumerate(panels.keys)]
    for at in range(len(panels.names)):
        scales.append(_objective_axis(panels, axes, (len(scales), at), rows))
    labelled: set[str] = set()
    for row in sorted(rows, key=lambda row: row.front):
        spots = [(x, y) for x, scale in enumerate(scales) if (y := scale(row)) is not None]
        machine = panels.machines[row.case.arch]
        colour = panels.colours[machine] if row.front else REST_COLOUR
        named = machine if row.front and machine not in labelled else None
        labelled |= {named} if named else set()
        axes.plot(*zip(*spots, strict=True), color=colour, linewidth=1.2 if row.front else 0.6,
                  label=named, zorder=3 if row.front else 2)  # fmt: skip
    labels = [*panels.keys, *(panels.unit(at, rows)[1] for at in range(len(panels.names)))]
    room = letters(0.9 * panels.width_inches / len(labels))
    axes.set_xticks(range(len(scales)), [_in_lines(label, room) for label in labels])
    axes.tick_params(axis="x", labelsize=SMALL_POINTS)
    axes.set_xlim(-0.35, len(scales) - 0.5)
    axes.set_yticks([])
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    for x in range(len(scales)):
        axes.axvline(x, color="#777777", linewidth=0.6, zorder=1)


def _key_axis(panels: Panels, axes: Axes, x: int, key: str) -> Place:
    """Where the values of a key stand on its axis; they are written beside it."""
    from math import log

    values = panels.values(key)
    spots = [*map(float, range(len(values)))]
    if numeric(values):
        spots = [log(one) if is_logarithmic(values) else float(one) for one in values]
    span = max(spots) - min(spots) or 1.0
    found = {value_text(v): (y - min(spots)) / span for v, y in zip(values, spots, strict=True)}
    for text, y in found.items():
        _write(axes, x, y, text)
    return lambda row: found[value_text(row.case.values[key])] if key in row.case.values else None


def _objective_axis(panels: Panels, axes: Axes, place: tuple[int, int], rows: list[Row]) -> Place:
    """The same of an objective, its ends written beside it."""
    x, at = place
    unit, _ = panels.unit(at, rows)
    values = [float(row.wanted[at] or 0) for row in rows]
    least, span = min(values), max(values) - min(values)
    for y, value in {0.0: least, 1.0: max(values)}.items():
        _write(axes, x, y, f"{value / unit:.3g}")
    return lambda row: (float(row.wanted[at] or 0) - least) / span if span else 0.0


def _in_lines(label: str, room: int) -> str:
    """A label cut after dots, lines and blanks where it is wider than its room."""
    lines = [""]
    for part in re.findall(r"[^._ ]*[._ ]?", label):
        fits = len(lines[-1] + part.rstrip()) <= room
        lines = [*lines[:-1], lines[-1] + part] if fits else [*lines, part]
    return "\n".join(line.strip() for line in lines if line)


def _write(axes: Axes, x: int, y: float, text: str) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8}
    axes.text(x + 0.03, y, text, fontsize=SMALL_POINTS, va="center", zorder=4, bbox=box)
