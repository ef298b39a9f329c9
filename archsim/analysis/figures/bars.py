"""Bars of a comparison: workloads side by side, machines in each, on as many rows as it takes.

Every bar is wide enough for the text above and below it. Machines are told apart by colour where a
bar has one, and by their names where it is a stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from archsim.analysis.figures import plots
from archsim.analysis.figures.palette import BLACK, machine_colours
from archsim.analysis.figures.titles import titles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAP = 1.2  # between workloads, in bars
BAR_WIDTH = 0.86
AXIS_INCHES = 0.6  # beside the bars
BAR_POINTS = 8.0  # a bar needs so much for upright text in the small font
FEWEST_BARS = 8  # a row with fewer leaves the rest empty, so that bars stay narrow
ROW_INCHES = 1.75
AXES_POINTS = 90.0  # at least of a row are its axes
VALUE_POINTS = 18.0  # of an upright value of four digits, and of the gap below it
LINE = 1.0  # where the reference is
CLEAR = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
"""Behind a value, so that no line of the grid runs through it."""
Key = tuple[str, str]


@dataclass(frozen=True)
class Panel:
    """One row of bars: (group, stem) with its place, and the middle of each workload's bars."""

    bars: Mapping[Key, float]
    middles: Mapping[str, float]

    @property
    def right(self) -> float:
        return max(self.bars.values())


def panels(wanted: Mapping[str, Sequence[str]], width_inches: float) -> list[Panel]:
    """The machines of each workload, cut into rows of about equal length."""
    room = (width_inches - AXIS_INCHES) * plots.POINTS_PER_INCH / BAR_POINTS
    longest = max((len(stems) + GAP for stems in wanted.values()), default=1.0)
    most = max(1, int(room / longest))
    rows = max(1, -(-len(wanted) // most))
    size = max(1, -(-len(wanted) // rows))
    groups = list(wanted)
    return [
        _panel({group: wanted[group] for group in groups[at : at + size]})
        for at in range(0, len(groups), size)
    ]


def _panel(wanted: Mapping[str, Sequence[str]]) -> Panel:
    bars: dict[Key, float] = {}
    middles = {}
    place = 0.0
    for group, stems in wanted.items():
        middles[group] = place + (len(stems) - 1) / 2
        for stem in stems:
            bars[group, stem] = place
            place += 1
        place += GAP
    return Panel(bars, middles)


def canvas(
    rows: Sequence[Panel], width_inches: float, names: Mapping[str, str], caption: Sequence[str]
) -> tuple[Figure, list[Axes]]:
    """An empty figure with the axes of each row, the `names` of stems below their bars where there
    are any, and the lines of the caption at the bottom."""
    from matplotlib.figure import Figure

    below = max(map(len, names.values()), default=0) * plots.LETTER_POINTS * plots.SMALL_POINTS
    room = (width_inches - AXIS_INCHES) / max(len(row.middles) for row in rows)
    called = titles([group for row in rows for group in row.middles])
    lines = max(_title(title, room).count("\n") for title in called.values()) + 1
    height = ROW_INCHES + (below + lines * 1.2 * plots.FONT_POINTS) / plots.POINTS_PER_INCH
    figure = Figure(figsize=(width_inches, 0.2 + height * len(rows)), layout="constrained")
    axes = list(figure.subplots(len(rows), 1, sharey=True, squeeze=False)[:, 0])
    right = max(FEWEST_BARS - 1.0, *(row.right for row in rows))
    for row, own in zip(rows, axes, strict=True):
        texts = [names.get(stem, "") for _, stem in row.bars]
        own.set_xticks(list(row.bars.values()), texts, rotation=90, fontsize=plots.SMALL_POINTS)
        left = (right - row.right) / 2 if len(rows) == 1 else 0.0
        own.set_xlim(-0.9 - left, right - left + 0.9)
        groups = own.secondary_xaxis(location=0)
        texts = [_title(called[group], room) for group in row.middles]
        groups.set_xticks(list(row.middles.values()), texts, fontsize=plots.FONT_POINTS - 0.5)
        groups.tick_params(length=0, pad=below + 5)
        groups.spines["bottom"].set_visible(False)
    text = "\n".join(line for part in caption for line in wrap(part, plots.letters(width_inches)))
    if text:
        figure.supxlabel(text, fontsize=plots.SMALL_POINTS, color="#555555")
    return figure, axes


def draw_machines(
    axes: Sequence[Axes],
    rows: Sequence[Panel],
    names: Mapping[str, str],
    height: Callable[[Key], float | None],
) -> None:
    """A bar of its machine's colour for each place, and a line where the reference is."""
    colours = machine_colours(names.values())
    for own, row in zip(axes, rows, strict=True):
        for stem in sorted(names, key=lambda stem: list(colours).index(names[stem])):
            known = {place: height(key) for key, place in row.bars.items() if key[1] == stem}
            own.bar(
                list(known), [value or 0.0 for value in known.values()], BAR_WIDTH,
                color=colours[names[stem]], label=names[stem],
            )  # fmt: skip
        own.axhline(LINE, color=BLACK, linewidth=0.7, linestyle=(0, (4, 2)))
    write_values(axes, rows, height, lined=True)


def write_values(
    axes: Sequence[Axes],
    rows: Sequence[Panel],
    height: Callable[[Key], float | None],
    *,
    lined: bool = False,
) -> None:
    """The value above each bar, n/a where there is none, and room for it; above the line of
    the reference, where there is one that it would cross."""
    values = {key: height(key) for row in rows for key in row.bars}
    top = max(1.0, *(value or 0.0 for value in values.values()))
    top *= 1 + 20 / (ROW_INCHES * plots.POINTS_PER_INCH)
    text_height = VALUE_POINTS * top / AXES_POINTS
    for own, row in zip(axes, rows, strict=True):
        for key, place in row.bars.items():
            value = values[key]
            text = "n/a" if value is None else f"{value:.{1 if value >= 10 else 2}f}"
            base = value or 0.0
            if lined and base < LINE < base + text_height:
                base = LINE
            own.annotate(
                text, (place, base), (0, 2), textcoords="offset points", ha="center",
                va="bottom", fontsize=plots.SMALL_POINTS, rotation=90, bbox=CLEAR,
            )  # fmt: skip
    axes[0].set_ylim(0, top)


def broken(name: str, room: int) -> str:
    """`name` on as many lines as it takes to have at most `room` letters on each, broken after an
    underscore or before an @ alone."""
    lines = [""]
    for part in name.replace("_", "_\0").replace("@", "\0@").split("\0"):
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _title(group: str, room_inches: float) -> str:
    return broken(group.replace(" ", "\n"), plots.letters(room_inches, plots.FONT_POINTS - 0.5))
