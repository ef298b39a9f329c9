"""What a figure or table of the paper looks like beside ours: lines to compare, a table of all our
values, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Line:
    """One number of the paper beside ours. `paper` is as printed; `meets` is None where nothing
    can be said. `moved_by` names the assumption or rule that moves ours most."""

    what: str
    paper: str
    ours: float | None
    ratio: float | None = None
    meets: bool | None = None
    moved_by: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "paper": self.paper,
            "ours": self.ours,
            "ratio": self.ratio,
            "meets": self.meets,
            "moved_by": self.moved_by,
        }


@dataclass(frozen=True)
class Grids:
    """A table of our own values: heads, and rows of a name and values (None: not run, text as it
    is)."""

    title: str
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[float | str | None]]]


@dataclass(frozen=True)
class Report:
    """A figure or table. `missing` are commands that would make what is not there."""

    name: str
    title: str
    where: str
    lines: Sequence[Line] = ()
    tables: Sequence[Grids] = ()
    notes: Sequence[str] = ()
    missing: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "name": self.name,
            "title": self.title,
            "where": self.where,
            "lines": [line.to_dict() for line in self.lines],
            "values": dict(self.values),
            "notes": list(self.notes),
            "missing": list(self.missing),
        }


def against(what: str, paper: str, ours: float, *, share: float = 0.1, moved_by: str = "") -> Line:
    """A simulated number beside a printed one: it meets within `share` of it."""
    printed = float(paper)
    meets = abs(ours - printed) <= share * abs(printed)
    return Line(what, paper, ours, ours / printed, meets, moved_by)


def shown(value: float | str | None, digits: int = 3) -> str:
    """A value as text, `-` for none: `digits` significant ones, no exponent."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) >= 10 ** (digits - 1):
        return f"{int(value):,}"
    text = f"{value:.{digits}g}"
    return f"{value:,.0f}" if "e" in text else text
