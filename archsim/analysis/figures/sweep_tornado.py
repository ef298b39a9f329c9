"""What each key alone moves: bars from the least to the largest mean of an objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from archsim.analysis.compare import geometric_mean
from archsim.analysis.figures.palette import BETTER, WORSE
from archsim.analysis.figures.plots import SMALL_POINTS
from archsim.analysis.figures.sweep_panels import Panels, grid
from archsim.results.settings import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archsim.analysis.sweep.table import Row

BAR_INCHES, LEAST_INCHES = 0.24, 3.2
DIGITS = 9  # of a percentage: beyond are the roundings of sums, which are no effects


@dataclass(frozen=True)
class Swing:
    """A key and the two of its values between whose means an objective moves most: each with the
    change in percent of the mean over all points."""

    key: str
    low: tuple[str, float]
    high: tuple[str, float]

    @property
    def size(self) -> float:
        return self.high[1] - self.low[1]


def tornado(panels: Panels) -> Figure:
    """A panel per machine and workload and objective; the key that moves most stands on top."""
    pairs = [(w, a) for w in panels.workloads for a in panels.machines if panels.of(w, a)]
    pairs = [pair for pair in pairs if swings(panels.of(*pair), panels.keys, 0)]
    heights = [BAR_INCHES * len(swings(panels.of(*pair), panels.keys, 0)) + 0.6 for pair in pairs]
    figure, axes = grid(panels.width_inches, heights, len(panels.names), LEAST_INCHES)
    for row, (workload, arch) in zip(axes, pairs, strict=True):
        rows = panels.of(workload, arch)
        for at, own in enumerate(row):
            _draw(own, swings(rows, panels.keys, at), panels.found.plan.objectives[at].largest)
            name = panels.names[at].partition("_")[0]
            own.set_xlabel(f"{name}, % of the mean", fontsize=SMALL_POINTS)
        title = f"{panels.titles[workload]}, {panels.machines[arch]}"
        row[0].set_title(title, loc="left", fontsize="medium")
    return figure


def swings(rows: Sequence[Row], keys: Sequence[str], at: int) -> list[Swing]:
    """How far each key moves an objective, the furthest first: its mean over all points that have
    a value of the key, against the mean over all. The mean is geometric where all are above zero.
    """
    found = []
    for key in keys:
        own = [row for row in rows if key in row.case.values]
        groups: dict[str, list[float]] = {}
        for row in own:
            text = value_text(row.case.values[key])
            groups.setdefault(text, []).append(float(row.wanted[at] or 0))
        whole = _mean([value for group in groups.values() for value in group])
        if len(groups) > 1 and whole:
            means = {
                text: round(100 * (_mean(group) / whole - 1), DIGITS)
                for text, group in groups.items()
            }
            low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
            found.append(Swing(key, (low, means[low]), (high, means[high])))
    return sorted(found, key=lambda swing: (-swing.size, swing.key))


def _percent(value: float, whole: float) -> float:
    return round(100 * (value / whole - 1), DIGITS)


def _mean(values: Sequence[float]) -> float:
    if not values:
        return 0.0
    return (geometric_mean(values) or 0.0) if min(values) > 0 else fmean(values)


def _draw(axes: Axes, found: Sequence[Swing], larger_is_better: bool) -> None:
    colours = (WORSE, BETTER) if larger_is_better else (BETTER, WORSE)
    for y, swing in enumerate(reversed(found)):
        for (text, percent), colour, side in zip(
            (swing.low, swing.high), colours, ("right", "left"), strict=True
        ):
            axes.barh(y, percent, color=colour, height=0.6)
            label = f" {text} " if swing.size else ""
            axes.text(percent, y, label, ha=side, va="center", fontsize=SMALL_POINTS)
    axes.axvline(0, color="#333333", linewidth=0.6)
    axes.set_yticks(range(len(found)), [swing.key for swing in reversed(found)])
    axes.margins(x=0.2)
    if not any(swing.size for swing in found):
        axes.set_xlim(-1, 1)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(visible=False)
