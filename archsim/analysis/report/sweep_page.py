"""The page over a folder of a sweep: table and figures in one file of HTML, without a script."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from archsim.analysis.report.page import MARK
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
"""Points in the table of a page; the CSV file has all."""
NOT_SHOWN = ("scenario", "layers", "batch", "mode", "notes", "inputs_hash")
NEEDED = frozenset({FRONT, FEASIBLE, "notes", "not_available"})
Rows = Sequence[Mapping[str, str]]


def is_sweep(folder: Path) -> bool:
    """Whether a folder has the table of a sweep."""
    return is_own(folder / TABLE, CSV_MARK)


def sweep_page(folder: Path, title: str) -> bytes:
    """The page; the same bytes for the same folder.

    Raises:
        InputError: the table is damaged.
    """
    content = read_regular(folder / TABLE)
    try:
        rows = [*csv.DictReader(io.StringIO(content.decode()), strict=True)]
    except (UnicodeDecodeError, csv.Error) as error:
        message = f"is damaged ({error}); archsim sweep writes it anew"
        raise InputError.at(folder / TABLE, message) from error
    if not rows or any(None in row or None in row.values() or not {*row} >= NEEDED for row in rows):
        message = "is damaged: a row has other columns; archsim sweep writes it anew"
        raise InputError.at(folder / TABLE, message)
    best = [row for row in rows if row[FRONT] == "true"]
    columns = _columns(rows)
    sections = [
        _section("Best points", _table(columns, best)),
        *(_figure(folder / f"{name}.svg", text) for name, text in TITLES.items()),
        _section(f"All points ({len(rows)})", _table(columns, rows[:MOST_ROWS]) + _link(content)),
        _section("Notes", _list(dict.fromkeys(row["notes"] for row in rows if row["notes"]))),
    ]
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return _whole(escape(title), style, "".join(sections)).encode()


def _columns(rows: Rows) -> list[str]:
    """What says which point it is, what was looked for, and why one has nothing."""
    names = [*rows[0]]
    shown = [name for name in names[: names.index(FRONT)] if name not in {*NOT_SHOWN, FEASIBLE}]
    reasons = ["not_available"] if any(row["not_available"] for row in rows) else []
    return [*shown, FEASIBLE, *reasons]


def _table(columns: Sequence[str], rows: Rows) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(row[name])}</td>' for name in columns)}</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _link(content: bytes) -> str:
    data = b64encode(content).decode()
    return f'<p><a download="{TABLE}" href="data:text/csv;base64,{data}">CSV, all columns</a></p>'


def _figure(path: Path, title: str) -> str:
    """The figure if the sweep has drawn it."""
    if not path.is_file():
        return ""
    data = b64encode(read_regular(path)).decode()
    # On white in the dark as well: its axes are black.
    image = (
        f'<img alt="{escape(title)}" style="background:white;max-width:100%" '
        f'src="data:image/svg+xml;base64,{data}">'
    )
    return _section(title, image)


def _list(notes: Sequence[str] | Mapping[str, None]) -> str:
    return f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>"


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{inside}</section>\n"


def _whole(title: str, style: str, body: str) -> str:
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{MARK.decode()}
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1></header>
<main>
{body}</main>
</body>
</html>
"""
