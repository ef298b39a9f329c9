"""Figures for a paper: energy by component, speed-up, and DRAM traffic by flow.

Each is a PNG and an SVG, the same bytes for the same results. matplotlib is an extra: without it
`save` raises MissingMatplotlib and everything else goes on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.analysis.figures.bars import FONT_POINTS, Bars, arrange
from archsim.analysis.figures.palette import Band, bands, machine_colours
from archsim.analysis.normalise import Row
from archsim.formats.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE: Any = {  # to matplotlib a type of its own, a literal of all legal keys
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": FONT_POINTS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.linewidth": 0.4,
    "grid.color": "#d5d5d5",
    "xtick.major.size": 0,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "legend.handlelength": 1.0,
    "legend.handleheight": 0.9,
    "savefig.dpi": 300,
    "svg.hashsalt": "archsim",
    "svg.fonttype": "path",
}
# No date and no program version: the same figure is the same file.
NO_METADATA: Mapping[str, Mapping[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
}
HEIGHT_INCHES = 2.6
BAR_WIDTH = 0.78


class MissingMatplotlib(ImportError):
    """matplotlib is not installed."""


def figures(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Draw every figure into `folder`; the paths written. Rows without a reference are left out,
    and without any row left nothing is drawn. MissingMatplotlib where it is."""
    kept = [row for row in rows if row.reference is not None]
    if not kept:
        return []
    bars = arrange(kept)
    drawn = {"energy": _energy, "speedup": _speedup, "dram": _dram}
    return save({folder / name: partial(one, bars) for name, one in drawn.items()})


def save(drawn: Mapping[Path, Callable[[], Figure]]) -> list[Path]:
    """Draw each figure and write it as PNG and SVG, the same bytes for the same figure; the paths.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingMatplotlib from error
    written = []
    with mpl.rc_context(STYLE):
        for stem, draw in drawn.items():
            figure = draw()
            for kind, metadata in NO_METADATA.items():
                content = io.BytesIO()
                figure.savefig(content, format=kind, metadata={**metadata})
                written.append(stem.with_name(f"{stem.name}.{kind}"))
                write_atomically(written[-1], content.getvalue())
    return written


def _energy(bars: Bars) -> Figure:
    parts = [row.result.energy_by for row in bars.rows]
    wholes = [row.reference.energy_pj for row in bars.rows if row.reference]
    figure, axes = _canvas(bars, f"Energy, {_reference(bars)} = 1")
    _stack(axes, bars, bands(bars.rows, parts, wholes))
    _write_values(axes, bars, [row.energy or 0.0 for row in bars.rows], "{:.2f}")
    return figure


def _dram(bars: Bars) -> Figure:
    parts = [row.result.dram_bytes_by for row in bars.rows]
    wholes = [row.reference.dram_bytes for row in bars.rows if row.reference]
    figure, axes = _canvas(bars, f"DRAM traffic, {_reference(bars)} = 1")
    _stack(axes, bars, bands(bars.rows, parts, wholes))
    _write_values(axes, bars, [row.dram or 0.0 for row in bars.rows], "{:.2f}")
    return figure


def _speedup(bars: Bars) -> Figure:
    colours = machine_colours(bars.rows)
    figure, axes = _canvas(bars, f"Speed-up over {_reference(bars)}")
    heights = [row.speedup or 0.0 for row in bars.rows]
    axes.bar(bars.places, heights, BAR_WIDTH, color=[colours[row.label] for row in bars.rows])
    axes.axhline(1.0, color="#333333", linewidth=0.7, linestyle=(0, (4, 2)))
    _write_values(axes, bars, heights, "{:.2f}×")
    return figure


def _stack(axes: Axes, bars: Bars, stack: Sequence[Band]) -> None:
    """Stacked bars, and the legend in the order of the stack."""
    floor = [0.0] * len(bars.rows)
    for band in stack:
        axes.bar(
            bars.places,
            band.heights,
            BAR_WIDTH,
            bottom=floor,
            color=band.colour,
            edgecolor="white",
            linewidth=0.3,
            label=band.label,
        )
        floor = [below + height for below, height in zip(floor, band.heights, strict=True)]
    handles, labels = axes.get_legend_handles_labels()
    axes.figure.legend(handles[::-1], labels[::-1], loc="outside right center")


def _write_values(axes: Axes, bars: Bars, heights: Sequence[float], form: str) -> None:
    """The value above each bar; upright where the bars stand close."""
    for place, height in zip(bars.places, heights, strict=True):
        axes.annotate(
            form.format(height),
            (place, height),
            (0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=6.5,
            rotation=90 if bars.upright else 0,
        )
    axes.set_ylim(0, max(1.0, *heights) * (1.22 if bars.upright else 1.1))


def _canvas(bars: Bars, ylabel: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    height = HEIGHT_INCHES + (bars.label_points / 72 if bars.upright else 0)
    figure = Figure(figsize=(bars.width_inches, height), layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel(ylabel)
    labels = [row.label for row in bars.rows]
    axes.set_xticks(bars.places, labels, rotation=90 if bars.upright else 0)
    side = 0.6 + 0.25 * max(0, 4 - len(bars.rows))  # two bars need not be as wide as a page
    axes.set_xlim(-side, bars.places[-1] + side)
    names = axes.secondary_xaxis(location=0)
    names.set_xticks(list(bars.groups.values()), bars.group_labels())
    names.tick_params(length=0, pad=bars.label_points + 6)
    names.spines["bottom"].set_visible(False)
    if bars.caption():
        figure.supxlabel(bars.caption(), fontsize=6, color="#555555")
    return figure, axes


def _reference(bars: Bars) -> str:
    """The reference machine's name."""
    return next(row.reference.arch for row in bars.rows if row.reference is not None)
