"""The figures and tables of data/reports.yaml, made from what was asked for, and their drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.formats.errors import InputError
from archsim.formats.source import unknown
from archsim.paper import claims as judged
from archsim.paper import sensitivity as sense
from archsim.paper.claims import Claim
from archsim.paper.context import Context
from archsim.paper.formula import Names, filled, value
from archsim.paper.lines import Line, Spec, lines, scopes
from archsim.paper.printed import data, table
from archsim.paper.quantities import names
from archsim.paper.ratios import RANGES, VALUES, Values
from archsim.paper.runs import check_some
from archsim.paper.sensitivity import Sensitivity

if TYPE_CHECKING:
    from archsim.paper.plots import Chart

Cell = float | str | None


@dataclass(frozen=True)
class Sheet:
    """A table of our own values: heads, and rows of a name and values (None: not run, text as it
    is)."""

    title: str
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


@dataclass(frozen=True)
class Report:
    """A figure or table. `missing` are commands that would make what is not there."""

    name: str
    title: str
    where: str
    lines: Sequence[Line] = ()
    tables: Sequence[Sheet] = ()
    notes: Sequence[str] = ()
    missing: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "name": self.name,
            "title": self.title,
            "where": self.where,
            "lines": [
                {"what": line.what, "paper": line.paper, "ours": line.ours,
                 "ratio": line.ratio, "meets": line.meets, "moved_by": line.how}
                for line in self.lines
            ],
            "values": dict(self.values),
            "notes": list(self.notes),
            "missing": list(self.missing),
        }  # fmt: skip


def shown(value: Cell, digits: int = 3) -> str:
    """A value as text, `-` for none: `digits` significant ones, no exponent."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) >= 10 ** (digits - 1):
        return f"{int(value):,}"
    text = f"{value:.{digits}g}"
    return f"{value:,.0f}" if "e" in text else text


def report(name: str, context: Context) -> Report:
    """One figure or table.

    Raises:
        InputError: there is none of that name.
    """
    here = [one for one in data("reports") if one != "sensitivity"]
    legal = [*here, "claims", "sensitivity", "validation"]
    if name not in here:
        raise InputError.at(name, unknown("figure or table", name, legal))
    return _made(name, names(context=context))


def sensitivity_report(found: Sensitivity) -> Report:
    """The moves as a table: factors of every ratio, and whether the rankings stand."""
    return _made("sensitivity", names(known=found))


def _made(name: str, known: Names) -> Report:
    entry = data("reports")[name]
    entry = data("reports").get(entry.get("like"), {}) | entry
    (known,) = scopes(entry, known)
    title = filled(entry["title"], known)
    values = entry.get("values", {})
    return Report(
        name,
        title,
        filled(entry["where"], known),
        lines(entry.get("lines", ()), known),
        [_sheet(one, {**known, "title": title}) for one in entry.get("tables", ())],
        _texts(entry.get("notes", ()), known),
        list(dict.fromkeys(_texts(entry.get("missing", ()), known))),
        value(values, known) if isinstance(values, str)
        else {key: value(formula, known) for key, formula in values.items()},
    )  # fmt: skip


def _sheet(entry: Spec, known: Names) -> Sheet:
    (known,) = scopes(entry, known)
    rows = [(name, cells) for name, cells in value(entry["rows"], known)]
    return Sheet(filled(entry["title"], known), value(entry["heads"], known), rows)


def _texts(entries: Sequence[str], known: Names) -> list[str]:
    """Templates, and formulas for several texts, which begin with `=`."""
    found: list[str] = []
    for entry in entries:
        found += value(entry[1:], known) if entry.startswith("=") else [filled(entry, known)]
    return found


def claims(context: Context, only: Sequence[int] = ()) -> list[Claim]:
    """Every claim of the paper (or `only` those), checked now; a claim may take the lines of a
    report."""

    def lines_of(name: str) -> Sequence[Line]:
        return report(name, context).lines

    return judged.claims(names(context=context, lines_of=lines_of), only)


def sensitivity(context: Context) -> Sensitivity:
    """Every assumption, one at a time."""
    check_some(context.networks)
    return sense.measure(context.runner, context.networks, context.assumptions)


def figure_path(name: str, context: Context) -> Path:
    """Where the figure of a report stands, without its suffix."""
    suffix = f"@{context.assumptions.name}" if context.wanted.scenario else ""
    return context.wanted.out / "paper" / f"{name}{suffix}"


def figure_data(name: str, context: Context) -> Any:
    """All that the figure of a report shows; None for what has no figure."""
    if name == "sensitivity":
        return context.known.to_dict() if context.known else None
    return [_labelled(name, context), vars(_chart(name, context))] if name in VALUES else None


def draw(name: str, context: Context, width_inches: float) -> list[Path]:
    """Draw what has a figure into `<out>/paper`, that wide; the paths, none for tables.

    Raises:
        MissingMatplotlib: it is not installed.
    """
    from archsim.paper.plots import bars, tornado

    path = figure_path(name, context)
    if name == "sensitivity":
        return tornado(context.known, path, width_inches) if context.known else []
    if name not in VALUES:
        return []
    return bars(_labelled(name, context), _chart(name, context), path, width_inches)


def _labelled(name: str, context: Context) -> Values:
    """The values of a figure, each network with what its weights are."""
    return {
        f"{network} ({said})" if (said := context.weights[network]) else network: row
        for network, row in VALUES[name](context.grid).items()
    }


def _chart(name: str, context: Context) -> Chart:
    from archsim.paper.plots import Chart

    printed = table("figures")[name][RANGES[name]]
    whose = "the other machines" if name == "fig9" else "SmartDeal"
    setting = f"{context.runner.setting}; scenario {context.assumptions.name}"
    return Chart(
        data("reports")[name]["title"],
        (float(printed["low"]), float(printed["high"])),
        f"shaded: the paper's range of {whose}; {setting}",
    )
