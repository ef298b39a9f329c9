"""What a page over the folder of a sweep or a search shows, as plain values: its points, and the
figures that it has drawn."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archsim.analysis.figures.palette import machine_colours
from archsim.analysis.report.colours import on_dark
from archsim.analysis.sweep.sweep import TABLE
from archsim.analysis.sweep.table import CSV_MARK, FEASIBLE, FRONT
from archsim.formats.errors import InputError
from archsim.formats.own_files import is_own
from archsim.formats.regular import read_regular

TITLES = {
    "sweep_lines": "Objectives over the key",
    "sweep_map": "Objectives over two keys",
    "sweep_parallel": "Every point",
    "sweep_front": "Pareto front",
    "sweep_tornado": "What each key moves",
    "search_progress": "How the front grew",
    "search_importance": "What each key matters",
}
MOST_ROWS = 2000
"""Points of a page, beside those of the front; the CSV file has all."""
NOT_ASKED = ("workload", "scenario", "arch", "name", "batch", "layers")
NOT_SHOWN = ("scenario", "layers", "batch", "mode", "notes", "inputs_hash")
NEEDED = frozenset({"workload", "name", FRONT, FEASIBLE, "notes", "not_available"})
AXES = ("cycles", "energy_pj")
"""What is drawn at first, if it was looked for."""
Rows = Sequence[Mapping[str, str]]


def is_sweep(folder: Path) -> bool:
    """Whether a folder has the table of a sweep."""
    return is_own(folder / TABLE, CSV_MARK)


def sweep_contents(folder: Path) -> dict[str, Any]:
    """The points of a folder; the same for the same folder.

    Raises:
        InputError: the table is damaged.
    """
    content = read_regular(folder / TABLE)
    rows = _rows(content, folder / TABLE)
    columns = [*rows[0]]
    asked = [key for key in columns[: columns.index(FEASIBLE)] if key not in NOT_ASKED]
    words = [key for key in columns if not _numeric(rows, key)]
    numbers = [key for key in columns if key not in words]
    return {
        "machines": _machines(rows),
        "colours": {},
        "columns": columns,
        "words": words,
        "asked": asked,
        "axes": _axes([key for key in asked if key in numbers], numbers),
        "shown": _shown(columns, rows),
        "rows": [_values(row, words) for row in _kept(rows)],
        "count": len(rows),
        "most": MOST_ROWS,
        "csv": f"data:text/csv;base64,{b64encode(content).decode()}",
        "pictures": [*_pictures(folder)],
        "notes": [*dict.fromkeys(row["notes"] for row in rows if row["notes"])],
    }


def _rows(content: bytes, path: Path) -> Rows:
    try:
        rows = [*csv.DictReader(io.StringIO(content.decode()), strict=True)]
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"is damaged ({error}); archsim sweep writes it anew"
        raise InputError.at(path, message) from error
    if not rows or any(None in row or None in row.values() or not {*row} >= NEEDED for row in rows):
        message = "is damaged: a row has other columns; archsim sweep writes it anew"
        raise InputError.at(path, message)
    return rows


def _machines(rows: Rows) -> list[dict[str, Any]]:
    colours = machine_colours(dict.fromkeys(row["name"] for row in rows))
    return [
        {"stem": name, "title": name, "colour": [colour, on_dark(colour)]}
        for name, colour in colours.items()
    ]


def _numeric(rows: Rows, key: str) -> bool:
    """Whether a column has a number, and nothing that is none."""
    values = [row[key] for row in rows if row[key]]
    return bool(values) and all(_number(value) is not None for value in values)


def _number(text: str) -> int | float | None:
    for read in (int, float):
        try:
            value = read(text)
        except ValueError:
            continue
        # What JSON and a drawing have no form for is shown as it is written.
        return value if abs(value) < float("inf") else None
    return None


def _axes(asked: Sequence[str], numbers: Sequence[str]) -> list[str]:
    """Two columns to begin with: the usual objectives, else the last two that were asked for."""
    if {*AXES} <= {*asked}:
        return [*AXES]
    return [*(asked if len(asked) > 1 else numbers)[-2:]]


def _shown(columns: Sequence[str], rows: Rows) -> list[str]:
    """What says which point it is, what was looked for, and why one has nothing."""
    before = columns[: columns.index(FEASIBLE)]
    shown = [key for key in before if key not in NOT_SHOWN]
    reasons = ["not_available"] if any(row["not_available"] for row in rows) else []
    return [*shown, FEASIBLE, FRONT, *reasons]


def _kept(rows: Rows) -> Rows:
    """The first rows, and all of the front."""
    return [row for at, row in enumerate(rows) if at < MOST_ROWS or row[FRONT] == "true"]


def _values(row: Mapping[str, str], words: Sequence[str]) -> dict[str, Any]:
    return {
        key: value if key in words else _number(value) for key, value in row.items() if value != ""
    }


def _pictures(folder: Path) -> Sequence[dict[str, str]]:
    """The figures that the sweep has drawn."""
    found = [(folder / f"{name}.svg", title) for name, title in TITLES.items()]
    return [
        {"title": title, "source": f"data:image/svg+xml;base64,{_base64(path)}"}
        for path, title in found
        if path.is_file()
    ]


def _base64(path: Path) -> str:
    return b64encode(read_regular(path)).decode()
