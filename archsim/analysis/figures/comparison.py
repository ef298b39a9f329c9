"""Figures of a comparison: a panel a metric, workloads side by side, every machine in each.

Bars are as wide as the page leaves them. Machines are told apart by colour where a bar has one, and
by their name under it where it is a stack of roles or flows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from archsim.analysis.compare import MEAN, Comparison
from archsim.analysis.figures.bars import PAGE_INCHES, broken, is_drawn, is_synthetic
from archsim.analysis.figures.palette import MACHINES
from archsim.analysis.figures.plots import save
from archsim.analysis.roles import ROLES, energy_by_role

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archsim.analysis.normalise import Row

ROLE_COLOURS = dict(
    zip(
        ROLES,
        ("#4d4d4d", "#0072b2", "#56b4e9", "#9bb8d3", "#009e73", "#d55e00", "#e69f00"),
        strict=True,
    )
)
FLOW_COLOURS = {
    "input": "#0072b2", "weight": "#56b4e9", "index": "#009e73", "output": "#9bb8d3",
    "psum": "#d55e00",
}  # fmt: skip
OTHER_FLOWS = ("#e69f00", "#cc79a7", "#8c2d04", "#f0e442")
GAP = 1.2  # between workloads, in bars
PANEL_INCHES = 2.3
SMALL = 6.0  # points; smaller is not read on paper
SMALLEST = 4.6
CAPTION_LETTERS = 150  # on a line, in the small font


@dataclass(frozen=True)
class _Layout:
    """Where bars stand: `bars` are (group, stem) with their places, `middles` those of the
    workloads; `points` is the font that fits a bar's width."""

    bars: Mapping[tuple[str, str], float]
    middles: Mapping[str, float]
    points: float

    @property
    def right(self) -> float:
        return max(self.bars.values())


def figures(found: Comparison, folder: Path) -> list[Path]:
    """Draws compare_energy, compare_speedup and compare_dram into `folder` as PNG and SVG.

    Nothing is drawn where no machine has the reference beside it.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    if not any(row.reference for row in found.rows.values()):
        return []
    drawn = {"compare_energy": _energy, "compare_speedup": _speedup, "compare_dram": _dram}
    return save({folder / name: partial(one, found) for name, one in drawn.items()})


def _energy(found: Comparison) -> Figure:
    def shares(row: Row) -> Mapping[str, float]:
        whole = row.reference.energy_pj if row.reference else 0.0
        roles = energy_by_role(row.result)
        return {name: pj / whole for name, pj in roles.items()} if whole else {}

    return _stacked(found, "energy", shares, ROLE_COLOURS)


def _dram(found: Comparison) -> Figure:
    flows = dict.fromkeys(f for row in found.rows.values() for f in row.result.dram_bytes_by)
    others = [flow for flow in flows if flow not in FLOW_COLOURS]
    colours = FLOW_COLOURS | dict(zip(others, OTHER_FLOWS, strict=False))

    def shares(row: Row) -> Mapping[str, float]:
        whole = row.reference.dram_bytes if row.reference else 0
        return {f: n / whole for f, n in row.result.dram_bytes_by.items()} if whole else {}

    return _stacked(found, "dram", shares, {f: colours[f] for f in colours if f in flows})


def _stacked(
    found: Comparison,
    metric: str,
    shares: Callable[[Row], Mapping[str, float]],
    colours: Mapping[str, str],
) -> Figure:
    """Bars of parts, the name of its machine under each."""
    layout = _layout(found)
    figure, axes = _canvas(found, layout, names=True)
    title = {"energy": "Energy", "dram": "DRAM traffic"}[metric]
    axes.set_ylabel(f"{title}, {found.reference} = 1")
    cells = [key for key in layout.bars if key in found.rows]
    parts = {key: shares(found.rows[key]) for key in cells}
    floor = dict.fromkeys(cells, 0.0)
    for name, colour in colours.items():
        heights = [parts[key].get(name, 0.0) for key in cells]
        if not any(heights):
            continue
        axes.bar(
            [layout.bars[key] for key in cells], heights, 0.86, color=colour, label=name,
            bottom=[floor[key] for key in cells], edgecolor="white", linewidth=0.25,
        )  # fmt: skip
        floor = {key: floor[key] + height for key, height in zip(cells, heights, strict=True)}
    _means(axes, found, metric, layout)
    _values(axes, found, metric, layout)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _speedup(found: Comparison) -> Figure:
    layout = _layout(found)
    figure, axes = _canvas(found, layout, names=False)
    axes.set_ylabel(f"Speed-up over {found.reference}")
    for stem, colour in zip(found.stems, MACHINES * len(found.stems), strict=False):
        keys = [key for key in layout.bars if key[1] == stem]
        heights = [_height(found, "speedup", key) or 0.0 for key in keys]
        axes.bar(
            [layout.bars[key] for key in keys], heights, 0.86, color=colour,
            label=found.label(stem),
        )  # fmt: skip
    axes.axhline(1.0, color="#333333", linewidth=0.7, linestyle=(0, (4, 2)))
    _values(axes, found, "speedup", layout)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 6))
    return figure


def _layout(found: Comparison) -> _Layout:
    """Workloads one after the other, then the means where there are several workloads."""
    groups = [*found.groups, MEAN] if len(found.groups) > 1 else [*found.groups]
    bars: dict[tuple[str, str], float] = {}
    middles = {}
    place = 0.0
    for group in groups:
        first = place
        for stem in found.stems:
            bars[group, stem] = place
            place += 1
        middles[group] = (first + place - 1) / 2
        place += GAP
    points = (PAGE_INCHES - 0.6) * 72 / (place + 0.6) * 0.86
    return _Layout(bars, middles, max(SMALLEST, min(SMALL + 0.5, points)))


def _canvas(found: Comparison, layout: _Layout, *, names: bool) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    longest = max(len(found.label(stem)) for stem in found.stems)
    below = longest * 0.6 * layout.points if names else 0.0
    figure = Figure(figsize=(PAGE_INCHES, PANEL_INCHES + below / 72 + 0.2), layout="constrained")
    axes = figure.subplots()
    places = list(layout.bars.values())
    labels = [found.label(stem) for _, stem in layout.bars] if names else [""] * len(places)
    axes.set_xticks(places, labels, rotation=90, fontsize=layout.points)
    axes.set_xlim(-0.9, layout.right + 0.9)
    room = (PAGE_INCHES - 0.6) / len(layout.middles)
    titles = [_title(group, room) for group in layout.middles]
    groups = axes.secondary_xaxis(location=0)
    groups.set_xticks(list(layout.middles.values()), titles, fontsize=SMALL + 0.5)
    groups.tick_params(length=0, pad=below + 5)
    groups.spines["bottom"].set_visible(False)
    if said := _caption(found):
        figure.supxlabel(said, fontsize=SMALL, color="#555555")
    return figure, axes


def _title(group: str, room: float) -> str:
    """A workload's name without what all have in common, on lines that fit."""
    return broken(group.replace(" ", "\n"), int(room * 72 / (0.62 * (SMALL + 0.5))))


def _caption(found: Comparison) -> str:
    """What must be said of the workloads' numbers."""
    said = []
    for what, test in (("drawn from profiles", is_drawn), ("weights synthetic", is_synthetic)):
        names = dict.fromkeys(group for (group, _), row in found.rows.items() if test(row.result))
        if names:
            every = len(names) == len(found.groups)
            said.append(what if every else f"{what}: {', '.join(names)}")
    return "\n".join(line for one in said for line in wrap(one, CAPTION_LETTERS))


def _height(found: Comparison, metric: str, key: tuple[str, str]) -> float | None:
    group, stem = key
    return found.mean(metric, stem)[0] if group == MEAN else found.value(metric, group, stem)


def _means(axes: Axes, found: Comparison, metric: str, layout: _Layout) -> None:
    """A mean has no parts: a plain bar."""
    keys = [key for key in layout.bars if key[0] == MEAN]
    heights = [_height(found, metric, key) or 0.0 for key in keys]
    if keys:
        axes.bar([layout.bars[key] for key in keys], heights, 0.86, color="#c9c9c9")


def _values(axes: Axes, found: Comparison, metric: str, layout: _Layout) -> None:
    """The value above each bar, n/a where there is none."""
    heights = {key: _height(found, metric, key) for key in layout.bars}
    for key, height in heights.items():
        axes.annotate(
            "n/a" if height is None else _digits(height), (layout.bars[key], height or 0.0),
            (0, 2), textcoords="offset points", ha="center", va="bottom",
            fontsize=layout.points, rotation=90,
        )  # fmt: skip
    axes.set_ylim(0, max(1.0, *(height or 0.0 for height in heights.values())) * 1.2)


def _digits(height: float) -> str:
    return f"{height:.1f}" if height >= 10 else f"{height:.2f}"
