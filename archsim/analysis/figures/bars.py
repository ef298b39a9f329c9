"""How the bars of a figure stand: places, widths in inches, and which text has to stand upright."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from archsim.analysis.normalise import Row
from archsim.results.result import Result

COLUMN_INCHES, PAGE_INCHES = 3.5, 7.2  # one column of a two-column page, and the whole of it
FRAME_INCHES = 1.75  # what the axis and the legend take
FONT_POINTS = 7.5
CHARACTER_INCHES = 0.6 * FONT_POINTS / 72  # mean width of a letter of the font
SLOT_INCHES = 0.3  # of a bar whose name stands upright


@dataclass(frozen=True)
class Bars:
    """The normalised rows of one figure with the place of each on the axis, one apart, and a gap
    of one between workloads."""

    rows: Sequence[Row]
    places: Sequence[float]

    @cached_property
    def groups(self) -> Mapping[str, float]:
        """The middle of each workload's bars."""
        spans: dict[str, list[float]] = {}
        for row, place in zip(self.rows, self.places, strict=True):
            spans.setdefault(row.stored.group, []).append(place)
        return {name: (xs[0] + xs[-1]) / 2 for name, xs in spans.items()}

    @property
    def upright(self) -> bool:
        """Whether the machines' names are too long to stand level beside each other."""
        return FRAME_INCHES + self._slots * self._label_inches > PAGE_INCHES

    @property
    def width_inches(self) -> float:
        """Of the whole figure: between a column and a page."""
        slot = SLOT_INCHES if self.upright else self._label_inches
        return min(PAGE_INCHES, max(COLUMN_INCHES, FRAME_INCHES + self._slots * slot))

    @property
    def label_points(self) -> float:
        """The height that the machines' names take under the axis."""
        return self._longest * CHARACTER_INCHES * 72 if self.upright else 1.2 * FONT_POINTS

    def group_labels(self) -> list[str]:
        """The workloads' names, broken where they would run into each other."""
        room = (self.width_inches - FRAME_INCHES) / len(self.groups)
        return [broken(name, int(room / CHARACTER_INCHES)) for name in self.groups]

    def caption(self) -> str:
        """What has to be said about the workloads' numbers: which are not measured, which weights
        are not trained."""
        said = {"arrays drawn from profiles": is_drawn, "weights synthetic": is_synthetic}
        return "; ".join(filter(None, (self._about(what, test) for what, test in said.items())))

    def _about(self, what: str, test: Callable[[Result], bool]) -> str:
        """`what` with the workloads that it is true of; nothing if there is none."""
        names = dict.fromkeys(row.stored.group for row in self.rows if test(row.result))
        if len(names) == len(self.groups):
            return what
        return f"{what}: {', '.join(names)}" if names else ""

    @property
    def _slots(self) -> float:
        return self.places[-1] + 1

    @property
    def _longest(self) -> int:
        return max(len(row.label) for row in self.rows)

    @property
    def _label_inches(self) -> float:
        return self._longest * CHARACTER_INCHES + 0.1


def arrange(rows: Sequence[Row]) -> Bars:
    """Bars side by side, a gap of one bar between workloads."""
    places: list[float] = []
    for before, row in zip([None, *rows], rows, strict=False):
        same = before is None or before.stored.group == row.stored.group
        places.append((places[-1] if places else -1.0) + (1.0 if same else 2.0))
    return Bars(rows, places)


def broken(name: str, room: int) -> str:
    """`name` on as many lines as it takes to have at most `room` letters on each, broken after an
    underscore or before an @ alone."""
    lines = [""]
    for part in name.replace("_", "_\0").replace("@", "\0@").split("\0"):
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def is_drawn(result: Result) -> bool:
    """Whether the arrays were drawn from a profile."""
    return result.mode == "profile"


def is_synthetic(result: Result) -> bool:
    """Whether the workload says that its weights are not trained."""
    return any("synthetic" in note.casefold() for note in result.notes if "weights:" in note)
