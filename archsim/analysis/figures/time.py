"""Figures of where time goes: every layer of every machine, and the roofline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.analysis.figures.bars import PAGE_INCHES
from archsim.analysis.figures.palette import MACHINES, REST_COLOUR
from archsim.analysis.figures.plots import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archsim.analysis.breakdown import Breakdown

BUSY_COLOUR = "#009e73"
CAUSE_COLOURS = {
    "unmapped": "#bdbdbd", "lane_sync": "#fdc086", "line_sync": "#e69f00", "slice_sync": "#d55e00",
    "rebuild": "#f0e442", "bank_conflict": "#cc79a7", "wait_input": "#56b4e9",
    "wait_weight": "#0072b2", "wait_output": "#2a4d8f", "drain": "#8c2d04",
}  # fmt: skip
PANEL_INCHES = 1.15
NAMED_LAYERS = 24  # so many names stand side by side on a page
MARKERS = "osD^vP*X"


def figures(found: Sequence[Breakdown], folder: Path, group: str) -> list[Path]:
    """Draws breakdown_time_GROUP and breakdown_roofline_GROUP into `folder`, as PNG and SVG.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    drawn = {"time": _time, "roofline": _roofline}
    return save(
        {folder / f"breakdown_{name}_{group}": partial(one, found, group)
         for name, one in drawn.items()}
    )  # fmt: skip


def _time(found: Sequence[Breakdown], group: str) -> Figure:
    """A panel a machine: cycles of each layer, stacked by what the array did in them."""
    from matplotlib.figure import Figure

    names = [span.name for span in found[0].layers]
    named = len(names) <= NAMED_LAYERS
    height = PANEL_INCHES * len(found) + 0.6 + (0.06 * max(map(len, names)) if named else 0.0)
    figure = Figure(figsize=(PAGE_INCHES, height), layout="constrained")
    panels = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
    shown: dict[str, Any] = {}
    for one, axes in zip(found, panels, strict=True):
        shown |= _stack(axes, one)
        axes.set_title(one.label, loc="left", fontsize=7.5, pad=2)
    panels[len(found) // 2].set_ylabel("thousand cycles of the array")
    if named:
        panels[-1].set_xticks(range(len(names)), names, rotation=90, fontsize=6.5)
    panels[-1].set_xlabel(f"layers of {group}" + ("" if named else ", in the order of the file"))
    panels[-1].set_xlim(-0.8, max(len(one.layers) for one in found) - 0.2)
    labels = [label for label in ("busy", *CAUSE_COLOURS, "other") if label in shown]
    handles = [shown[label] for label in labels]
    figure.legend(handles, labels, loc="outside upper center", ncols=min(7, len(labels)))
    return figure


def _stack(axes: Axes, one: Breakdown) -> dict[str, Any]:
    """One machine's bars; a handle for each label that is there."""
    places = range(len(one.layers))
    floor = [0.0] * len(one.layers)
    bands = {"busy": [span.busy for span in one.layers]}
    bands |= {cause: [span.lost.get(cause, 0) for span in one.layers] for cause in one.causes}
    handles: dict[str, Any] = {}
    for label, counts in bands.items():
        colour = BUSY_COLOUR if label == "busy" else CAUSE_COLOURS.get(label, REST_COLOUR)
        heights = [count / one.whole.instances / 1e3 for count in counts]
        bars = axes.bar(places, heights, 0.9, bottom=floor, color=colour, linewidth=0)
        handles[label if label == "busy" or label in CAUSE_COLOURS else "other"] = bars
        floor = [below + height for below, height in zip(floor, heights, strict=True)]
    return handles


def _roofline(found: Sequence[Breakdown], group: str) -> Figure:
    """Layers as points, machines as colours and marks, each under its own roof."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE_INCHES, 3.6), layout="constrained")
    axes = figure.subplots()
    spans = [span for one in found for span in one.layers if span.intensity and span.attained]
    intensities = [span.intensity for span in spans] or [1.0]
    ends = min(intensities) / 1.5, max(intensities) * 1.5
    for at, one in enumerate(found):
        colour, mark = MACHINES[at % len(MACHINES)], MARKERS[at % len(MARKERS)]
        knee = one.roof.operations / one.roof.dram_bytes
        xs = sorted({ends[0], min(max(knee, ends[0]), ends[1]), ends[1]})
        axes.plot(xs, [one.roof.at(x) for x in xs], color=colour, linewidth=0.9, zorder=1)
        layers = [span for span in one.layers if span.intensity and span.attained]
        axes.scatter(
            [span.intensity for span in layers], [span.attained for span in layers],
            s=9, color=colour, marker=mark, linewidths=0, alpha=0.65, zorder=2,
        )  # fmt: skip
        axes.scatter(
            [one.whole.intensity], [one.whole.attained], s=62, color=colour, marker=mark,
            edgecolors="black", linewidths=0.8, label=one.label, zorder=3,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*ends)
    axes.grid(visible=True, which="major")
    axes.set_xlabel(f"operations a DRAM byte, {group}; small: layers, large: the whole network")
    axes.set_ylabel("operations a cycle")
    figure.legend(loc="outside upper center", ncols=min(6, len(found)))
    return figure
