"""What people see: tables in colour on a terminal, plain aligned text in a pipe.

Results go to standard output, everything about the run itself (progress, notes, errors) to standard
error. A character that the terminal's encoding lacks is printed as its escape; what becomes of text
that cannot be printed at all: archsim.formats.streams.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from archsim.formats.spreadsheet import comment as guarded
from archsim.formats.spreadsheet import csv_text

GAP = "  "
BETWEEN = 3  # letters that a terminal's table takes beside those of each column
_program = ContextVar("program", default="archsim")


class Format(StrEnum):
    """What tables are written as."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"
    CSV = "csv"


COMMENT = {Format.TEXT: "", Format.MARKDOWN: "", Format.LATEX: "% ", Format.CSV: "# "}
"""What stands before a line that is no table, so that a reader of the format passes over it."""
LATEX_ESCAPES = str.maketrans(
    {char: f"\\{char}" for char in "%&_#${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)
NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d*)?(e[+-]?\d+)?")
UNITS = (" %", "x")
_chosen = [Format.TEXT]


def use(chosen: Format) -> None:
    """Write tables as `chosen` from now on; each command line begins with text."""
    _chosen[0] = chosen


@dataclass(frozen=True)
class Table:
    """A title, column heads and rows of text. The first `left` columns are text and stand left,
    the others are numbers and stand right."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1

    def lines(self) -> list[str]:
        """Plain text: two spaces between columns, none at the end of a line."""
        grid = [list(self.heads), *(list(row) for row in self.rows)]
        widths = [max(len(row[column]) for row in grid) for column in range(len(self.heads))]
        lines = [self.title] if self.title else []
        for row in grid:
            cells = [
                cell.ljust(width) if column < self.left else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append(GAP.join(cells).rstrip())
        return lines

    def blocks(self, width: int) -> list[Table]:
        """The table as tables of at most `width` letters, in which nothing is broken: each has the
        first column and as many of the others as there is room for, one at least."""
        columns = [*zip(self.heads, *self.rows, strict=True)]
        lengths = [BETWEEN + max(map(len, cells)) for cells in columns]
        taken: list[list[int]] = [[]]
        for at in range(1, len(columns)):
            if taken[-1] and lengths[0] + sum(lengths[k] for k in (*taken[-1], at)) > width:
                taken.append([])
            taken[-1].append(at)
        return [
            Table(
                self.title,
                [self.heads[k] for k in (0, *own)],
                [[row[k] for k in (0, *own)] for row in self.rows],
                1 + sum(k < self.left for k in own),
            )
            for own in taken
        ]

    def written(self, form: Format) -> list[str]:
        """The lines of the table in a format; LaTeX needs the package booktabs."""
        if form is Format.TEXT:
            return self.lines()
        title = [_comment(self.title, form)] if self.title else []
        if form is Format.MARKDOWN:
            return [*(f"**{line}**\n" for line in title), *self._markdown()]
        return [*title, *(self._latex() if form is Format.LATEX else self._csv())]

    def _markdown(self) -> list[str]:
        rule = [":--" if column < self.left else "--:" for column in range(len(self.heads))]
        grid = [
            [cell.replace("|", r"\|").strip() for cell in row] for row in (self.heads, *self.rows)
        ]
        return [f"| {' | '.join(row)} |" for row in (grid[0], rule, *grid[1:])]

    def _latex(self) -> list[str]:
        columns = "l" * self.left + "r" * (len(self.heads) - self.left)
        grid = [
            " & ".join(cell.translate(LATEX_ESCAPES) for cell in row) + r" \\"
            for row in (self.heads, *self.rows)
        ]
        return [
            rf"\begin{{tabular}}{{{columns}}}", r"\toprule", grid[0], r"\midrule", *grid[1:],
            r"\bottomrule", r"\end{tabular}",
        ]  # fmt: skip

    def _csv(self) -> list[str]:
        """Numbers are bare: without commas, and without a unit that all of a column share."""
        columns = [_bare(*column) for column in zip(self.heads, *self.rows, strict=True)]
        return csv_text(zip(*columns, strict=True)).splitlines()


def _comment(line: str, form: Format) -> str:
    """A line that is no table, as a format has it."""
    return f"{COMMENT[form]}{guarded(line) if form is Format.CSV else line}"


def _bare(head: str, *cells: str) -> list[str]:
    """A column whose numbers a program can read; its head takes the unit, as in ``share %``."""
    unit = next((unit for unit in UNITS if any(cell.endswith(unit) for cell in cells)), "")
    plain = [cell.removesuffix(unit).replace(",", "") for cell in cells]
    known = [NUMBER.fullmatch(text) is not None for text in plain]
    bare = [
        text if is_number else cell
        for text, is_number, cell in zip(plain, known, cells, strict=True)
    ]
    return [f"{head} {unit.strip()}" if unit and any(known) else head, *bare]


def show(table: Table) -> None:
    """Print a table, and a blank line after it."""
    form = _chosen[0]
    if form is Format.TEXT and sys.stdout.isatty():
        _show_rich(table)
    else:
        sys.stdout.write("\n".join([*table.written(form), "", ""]))


def say(text: str = "") -> None:
    """Print a line of results beside the tables."""
    for line in text.split("\n"):
        sys.stdout.write(f"{_comment(line, _chosen[0])}\n" if line else "\n")


def note(text: str) -> None:
    """Print a line about the run itself."""
    sys.stderr.write(f"{text}\n")


def say_json(value: Any) -> None:
    """Print one JSON document."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=plain)
    sys.stdout.write(f"{text}\n")


def speak_as(program: str) -> None:
    """Say once which program complains."""
    _program.set(program)


def complain(lines: Sequence[object]) -> None:
    """Print what is wrong, a line per problem, after the program's name."""
    for line in lines:
        note(f"{_program.get()}: {line}")


def _show_rich(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    printer = Console(highlight=False)
    for block in table.blocks(printer.width):
        drawn = RichTable(
            title=Text(block.title),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            title_style="bold",
            pad_edge=False,
        )
        for column, (head, *cells) in enumerate(zip(block.heads, *block.rows, strict=True)):
            drawn.add_column(
                Text(head),
                min_width=max(map(len, (head, *cells))),
                justify="left" if column < block.left else "right",
                no_wrap=True,
                overflow="ignore",
                style="cyan" if column == 0 else None,
            )
        for row in block.rows:
            drawn.add_row(*(Text(cell) for cell in row))
        printer.print(drawn, crop=False)
