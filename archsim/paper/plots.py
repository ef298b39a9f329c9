"""Figures in the paper's form: bars by network and machine, and a tornado of assumptions.

Each is a PNG and an SVG, the same bytes for the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.analysis.figures.bars import PAGE_INCHES
from archsim.analysis.figures.palette import MACHINES
from archsim.analysis.figures.plots import save
from archsim.paper import ratios
from archsim.paper.networks import machines
from archsim.paper.printed import Span
from archsim.paper.ratios import Values
from archsim.paper.sensitivity import ENERGY, SPEED, Move, Sensitivity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {
    "diannao": "DianNao",
    "scnn": "SCNN",
    "cambricon_x": "Cambricon-X",
    "bit_pragmatic": "Bit-Pragmatic",
    "smartdeal": "SmartDeal",
}
SHOWN_MOVES = 14
BAND_COLOUR, ABOVE_COLOUR, BELOW_COLOUR = "#f3e6c4", "#0072b2", "#d55e00"
VISIBLE = 0.005  # a move below half a per cent has no bar


@dataclass(frozen=True)
class Chart:
    """What the bars say: the axis, and what the paper states as a band, for which machine or
    machines."""

    label: str
    band: Span
    band_label: str


def bars(values: Values, chart: Chart, path: Path) -> list[Path]:
    """Bars of every network that was run, and of the geometric mean; the paths written."""
    return save({path: partial(_bars, values, chart)})


def _bars(values: Values, chart: Chart) -> Figure:
    names = [name for name in machines() if any(name in row for row in values.values())]
    groups = [*values, "geomean"]
    means = {name: ratios.geometric_mean(ratios.of(values, name).values()) for name in names}
    figure, (axes,) = _canvas(1, 2.6)
    axes.axhspan(chart.band.low, chart.band.high, color=BAND_COLOUR, zorder=0)
    width = 0.84 / len(names)
    for at, name in enumerate(names):
        heights = [row.get(name) for row in (*values.values(), means)]
        places = [group + (at - (len(names) - 1) / 2) * width for group in range(len(groups))]
        known = [(x, y) for x, y in zip(places, heights, strict=True) if y is not None]
        axes.bar(
            [x for x, _ in known],
            [y for _, y in known],
            width * 0.94,
            color=MACHINES[at],
            label=LABELS.get(name, name),
        )
        _write(axes, known)
        for x, y in zip(places, heights, strict=True):
            if y is None:
                _text(axes, x, 0.0, "n/a")
    axes.axhline(1.0, color="#333333", linewidth=0.6, linestyle=(0, (4, 2)))
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylabel(chart.label)
    axes.margins(x=0.01, y=0.12)
    figure.legend(loc="outside upper center", ncols=len(names), frameon=False, fontsize=7)
    figure.supxlabel(chart.band_label, fontsize=6, color="#555555")
    return figure


def tornado(found: Sensitivity, path: Path) -> list[Path]:
    """How far each assumption moves the mean energy gain and speed-up, the largest on top."""
    return save({path: partial(_tornados, found)})


def _tornados(found: Sensitivity) -> Figure:
    figure, panels = _canvas(2, 4.2)
    for axes, ratio in zip(panels, (ENERGY, SPEED), strict=True):
        order = sorted(found.moves, key=lambda move: -abs(log(move.factors[ratio])))
        _tornado(axes, found.base.values[ratio], order[:SHOWN_MOVES], ratio)
    return figure


def _tornado(axes: Axes, base: float, moves: Sequence[Move], ratio: str) -> None:
    shown = [move for move in moves if abs(log(move.factors[ratio])) > VISIBLE][::-1]
    for at, move in enumerate(shown):
        value = move.values[ratio]
        colour = ABOVE_COLOUR if value > base else BELOW_COLOUR
        axes.barh(at, value - base, left=base, height=0.7, color=colour)
        axes.annotate(
            f"{value:.2f}",
            (value, at),
            (2 if value > base else -2, 0),
            textcoords="offset points",
            va="center",
            ha="left" if value > base else "right",
            fontsize=6,
        )
    axes.axvline(base, color="#333333", linewidth=0.7)
    axes.set_yticks(range(len(shown)), [move.name for move in shown], fontsize=6)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.margins(x=0.15)
    axes.set_title(f"{ratio} (base {base:.2f})", fontsize=7.5)


def _write(axes: Axes, known: Sequence[tuple[float, float]]) -> None:
    for x, y in known:
        _text(axes, x, y, f"{y:.1f}")


def _text(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(
        text, (x, y), (0, 2), textcoords="offset points",
        ha="center", va="bottom", rotation=90, fontsize=5.5,
    )  # fmt: skip


def _canvas(panels: int, height: float) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE_INCHES, height), layout="constrained")
    return figure, [figure.add_subplot(1, panels, at + 1) for at in range(panels)]
