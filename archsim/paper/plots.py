"""Figures in the paper's form: bars by network and machine, and a tornado of assumptions.

Each is a PNG and an SVG, the same bytes for the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import log
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from archsim.analysis.figures.bars import canvas, draw_machines, panels
from archsim.analysis.figures.palette import BAND_COLOUR, BETTER, WORSE
from archsim.analysis.figures.plots import (
    FONT_POINTS,
    SMALL_POINTS,
    TWO_COLUMNS_INCHES,
    legend,
    letters,
    save,
)
from archsim.paper import ratios
from archsim.paper.networks import machines
from archsim.paper.printed import data
from archsim.paper.ratios import Values
from archsim.paper.sensitivity import ENERGY, SPEED, Move, Sensitivity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN_MOVES = 14
NAMES_SHARE = 0.45  # of a panel, for the names of assumptions at most
VISIBLE = 0.005  # a move below half a per cent has no bar


@dataclass(frozen=True)
class Chart:
    """What the bars say: the axis, and what the paper states as a band, for which machine or
    machines."""

    label: str
    band: tuple[float, float]
    band_label: str


def bars(values: Values, chart: Chart, path: Path, width_inches: float) -> list[Path]:
    """Bars of every network that was run, and of the geometric mean; the paths written."""
    return save({path: partial(_bars, values, chart, width_inches)})


def _bars(values: Values, chart: Chart, width_inches: float) -> Figure:
    names = {
        name: data("networks")["machines"][name]
        for name in machines()
        if any(name in row for row in values.values())
    }
    means = {name: ratios.geometric_mean(ratios.of(values, name).values()) for name in names}
    cells: Values = {**values, "geomean": means}
    rows = panels({group: list(names) for group in cells}, width_inches)
    figure, axes = canvas(rows, width_inches, {}, [chart.band_label])
    figure.supylabel(chart.label, fontsize=FONT_POINTS)
    for own in axes:
        own.axhspan(*chart.band, color=BAND_COLOUR, zorder=0)
    draw_machines(axes, rows, names, lambda key: cells[key[0]].get(key[1]))
    axes[0].set_ylim(0, max(axes[0].get_ylim()[1], 1.05 * chart.band[1]))
    legend(figure, axes[0])
    return figure


def tornado(found: Sensitivity, path: Path, width_inches: float) -> list[Path]:
    """How far each assumption moves the mean energy gain and speed-up, the largest on top."""
    return save({path: partial(_tornados, found, width_inches)})


def _tornados(found: Sensitivity, width_inches: float) -> Figure:
    from matplotlib.figure import Figure

    beside = width_inches >= TWO_COLUMNS_INCHES
    figure = Figure(figsize=(width_inches, 4.2 if beside else 7.2), layout="constrained")
    parts = figure.subplots(*((1, 2) if beside else (2, 1)))
    room = letters(NAMES_SHARE * width_inches / (2 if beside else 1))
    for axes, ratio in zip(parts, (ENERGY, SPEED), strict=True):
        order = sorted(found.moves, key=lambda move: -abs(log(move.factors[ratio])))
        _tornado(axes, found.base.values[ratio], order[:SHOWN_MOVES], ratio, room)
    return figure


def _tornado(axes: Axes, base: float, moves: Sequence[Move], ratio: str, room: int) -> None:
    shown = [move for move in moves if abs(log(move.factors[ratio])) > VISIBLE][::-1]
    for at, move in enumerate(shown):
        value = move.values[ratio]
        colour = BETTER if value > base else WORSE
        axes.barh(at, value - base, left=base, height=0.7, color=colour)
        axes.annotate(
            f"{value:.2f}",
            (value, at),
            (2 if value > base else -2, 0),
            textcoords="offset points",
            va="center",
            ha="left" if value > base else "right",
            fontsize=SMALL_POINTS,
        )
    axes.axvline(base, color="#333333", linewidth=0.7)
    names = ["\n".join(wrap(move.name, room)) for move in shown]
    axes.set_yticks(range(len(shown)), names, fontsize=SMALL_POINTS)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.use_sticky_edges = False
    axes.margins(x=0.15)
    axes.set_title(f"{ratio} (base {base:.2f})", fontsize=FONT_POINTS, loc="right")
