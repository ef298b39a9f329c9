"""docs/validation.md: every row of `archsim paper validation`, by machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from archsim.formats.files import write_atomically
from archsim.paper.page import table
from archsim.paper.validation import Row, notes

HEADS = ("configuration", "quantity", "published", "ours", "ratio", "verdict", "source")
TEXT = """# Each machine against its own paper

Made by `archsim paper validation --write-docs`; do not edit.

The arch files of `archs/published/` have each machine at the size, width and clock that its own
authors give it, where `archs/` has all of them at equal resources. Here they run, and the numbers
their authors print stand beside ours. A row *agrees* within 10 %. Nothing is tuned; where a row is
off, its cause is measured by switching mechanisms, or what is not modelled is named. Where a
comparison takes data that nobody has published, it says so.

{verdicts}
"""


def write(rows: Sequence[Row], path: Path) -> Path:
    """Write the page."""
    write_atomically(path, page(rows).encode())
    return path


def page(rows: Sequence[Row]) -> str:
    """The whole page."""
    counted = Counter(row.verdict for row in rows)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counted.items())
    sections = [
        _section(machine, [row for row in rows if row.machine == machine])
        for machine in dict.fromkeys(row.machine for row in rows)
    ]
    return "\n".join([TEXT.format(verdicts=f"{len(rows)} rows: {said}."), *sections])


def _section(machine: str, rows: Sequence[Row]) -> str:
    cells = [
        (row.configuration, row.quantity, row.published, row.ours, row.ratio, row.verdict,
         row.source)
        for row in rows
    ]  # fmt: skip
    said = [
        fill(f"- **{whose}**: {text}", 110, subsequent_indent="  ") for whose, text in notes(rows)
    ]
    return "\n".join([f"## {machine}\n", table(HEADS, cells), "", *said, ""])
