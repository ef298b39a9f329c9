"""Figures of where time goes: every layer of every machine, and the roofline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.analysis.figures import palette, plots
from archsim.analysis.figures.titles import titles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archsim.analysis.breakdown import Breakdown

PANEL_INCHES = 1.15
SHARED_COLOUR = "#4d4d4d"  # of a roof that is several machines'
LABEL = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.75}
CLOSE_ROOFS = 1.25  # the label of a roof so many times another or less goes below the line
NAMED_LAYERS = 24  # so many names stand side by side in a column


def figures(
    found: Sequence[Breakdown],
    folder: Path,
    stem: str,
    title: str,
    width_inches: float = plots.TWO_COLUMNS_INCHES,
) -> list[Path]:
    """Draws breakdown_time_STEM and breakdown_roofline_STEM into `folder`, as PNG and SVG; `title`
    is the workload, and what was set.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    by_label = {one.label: one for one in found}
    ordered = [by_label[label] for label in palette.placed(by_label)]
    called = titles([title])[title]
    drawn = {"time": time_figure, "roofline": roofline}
    return plots.save(
        {folder / f"breakdown_{name}_{stem}": partial(one, ordered, called, width_inches)
         for name, one in drawn.items()}
    )  # fmt: skip


def time_figure(found: Sequence[Breakdown], group: str, width_inches: float) -> Figure:
    """A panel a machine: cycles of each layer, stacked by what the array did in them."""
    from matplotlib.figure import Figure

    names = [span.name for span in found[0].layers]
    named = len(names) <= NAMED_LAYERS
    letter_inches = plots.LETTER_POINTS * plots.SMALL_POINTS / plots.POINTS_PER_INCH
    height = PANEL_INCHES * len(found) + 0.8 + letter_inches * max(map(len, names)) * named
    figure = Figure(figsize=(width_inches, height), layout="constrained")
    panels = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
    for one, axes in zip(found, panels, strict=True):
        _stack(axes, one)
        axes.set_title(one.label, loc="left", fontsize=plots.FONT_POINTS, pad=2)
    figure.supylabel("thousand cycles of the array", fontsize=plots.FONT_POINTS)
    if named:
        panels[-1].set_xticks(range(len(names)), names, rotation=90, fontsize=plots.SMALL_POINTS)
    panels[-1].set_xlabel(f"layers of {group}" + ("" if named else ", in the order of the file"))
    panels[-1].set_xlim(-0.8, max(len(one.layers) for one in found) - 0.2)
    shown = {name for one in found for name in ("busy", *one.causes)}
    for name, colour in {**palette.CAUSE_COLOURS, "other": palette.REST_COLOUR}.items():
        if name in shown or (name == "other" and shown - palette.CAUSE_COLOURS.keys()):
            panels[0].bar([0], [0], color=colour, label=name)  # for the legend, in one order
    plots.legend(figure, panels[0])
    return figure


def _stack(axes: Axes, one: Breakdown) -> None:
    """One machine's bars."""
    floor = [0.0] * len(one.layers)
    bands = {"busy": [span.busy for span in one.layers]}
    bands |= {cause: [span.lost.get(cause, 0) for span in one.layers] for cause in one.causes}
    for name, counts in bands.items():
        colour = palette.CAUSE_COLOURS.get(name, palette.REST_COLOUR)
        heights = [count / one.whole.instances / 1e3 for count in counts]
        axes.bar(range(len(floor)), heights, 0.9, bottom=floor, color=colour, linewidth=0)
        floor = [below + height for below, height in zip(floor, heights, strict=True)]


def roofline(found: Sequence[Breakdown], group: str, width_inches: float) -> Figure:
    """Layers as points, machines as colours and marks, under the roofs of their machines."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    figure = Figure(figsize=(width_inches, 3.6), layout="constrained")
    axes = figure.subplots()
    spans = [span for one in found for span in one.layers if span.intensity and span.attained]
    intensities = [span.intensity for span in spans] or [1.0]
    ends = min(intensities) / 1.5, max(intensities) * 1.5
    colours = palette.machine_colours(one.label for one in found)
    marks = palette.machine_markers(colours)
    _roofs(axes, found, ends, colours)
    for one in found:
        colour, mark = colours[one.label], marks[one.label]
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
    for axis in (axes.xaxis, axes.yaxis):  # those of the scale itself are formulas
        axis.set_major_formatter(LogFormatter())
        axis.set_minor_formatter(LogFormatter())
    axes.set_xlim(*ends)
    axes.grid(visible=True, which="major")
    axes.set_xlabel("operations per DRAM byte")
    axes.set_ylabel("operations per cycle")
    below = f"{group}; small: layers, large: the whole network"
    figure.supxlabel(below, fontsize=plots.SMALL_POINTS, color="#555555")
    plots.legend(figure, axes)
    return figure


def _roofs(
    axes: Axes, found: Sequence[Breakdown], ends: tuple[float, float], colours: Mapping[str, str]
) -> None:
    """Each slope and each ceiling once, of its machine's colour if it is only one's, with the names
    of its machines on the ceiling (on the slope where no ceiling is in sight)."""
    slopes = _of_each({one.label: one.roof.dram_bytes for one in found})
    ceilings = _of_each({one.label: one.roof.operations for one in found})
    knees = {one.label: one.roof.operations / one.roof.dram_bytes for one in found}

    def line(names: Sequence[str], xs: Sequence[float], ys: Sequence[float]) -> None:
        colour = colours[names[0]] if len(names) == 1 else SHARED_COLOUR
        axes.plot(xs, ys, color=colour, linewidth=1.2, zorder=1)

    for rate, names in slopes.items():
        top = min(max(knees[name] for name in names), ends[1])
        if top > ends[0]:
            line(names, (ends[0], top), (rate * ends[0], rate * top))
    below = 0.0
    for operations, names in sorted(ceilings.items()):
        start = max(min(knees[name] for name in names), ends[0])
        if start < ends[1]:
            line(names, (start, ends[1]), (operations, operations))
        under = below and operations / below < CLOSE_ROOFS
        height = min(operations, max(rate for rate, of in slopes.items() if {*of} & {*names})
                     * ends[1])  # fmt: skip
        every = len(names) == len(found) > 1
        axes.annotate(
            "roof of all machines" if every else f"roof: {', '.join(names)}", (ends[1], height),
            (-2, -2 if under else 2), textcoords="offset points", ha="right",
            va="top" if under else "bottom", fontsize=plots.SMALL_POINTS, zorder=4, bbox=LABEL,
        )  # fmt: skip
        below = operations


def _of_each(values: Mapping[str, float]) -> dict[float, list[str]]:
    """The names that have each value."""
    found: dict[float, list[str]] = {}
    for name, value in values.items():
        found.setdefault(value, []).append(name)
    return found
