"""What people see: tables in colour on a terminal, plain aligned text in a pipe.

Results go to standard output, everything about the run itself (progress, notes, errors) to standard
error. A reader who leaves early (`| head`) ends the printing, not the work.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TextIO

GAP = "  "
_program = ContextVar("program", default="archsim")


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


def show(table: Table) -> None:
    """Print a table, and a blank line after it."""
    if sys.stdout.isatty():
        _show_rich(table)
    else:
        say("\n".join([*table.lines(), ""]))


def say(text: str = "") -> None:
    """Print a line of results."""
    _write(sys.stdout, f"{text}\n")


def note(text: str) -> None:
    """Print a line about the run itself."""
    _write(sys.stderr, f"{text}\n")


def say_json(value: Any) -> None:
    """Print one JSON document."""
    say(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False))


def speak_as(program: str) -> None:
    """Say once which program complains."""
    _program.set(program)


def complain(lines: Sequence[object]) -> None:
    """Print what is wrong, a line per problem, after the program's name."""
    for line in lines:
        note(f"{_program.get()}: {line}")


def flush() -> None:
    """Hand over what is still buffered, while a reader who has left can be forgiven."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            _leave(stream)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except BrokenPipeError:
        _leave(stream)


def _leave(stream: TextIO) -> None:
    """Send the rest to nowhere: the reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _show_rich(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(table.title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        title_style="bold",
        pad_edge=False,
    )
    for column, head in enumerate(table.heads):
        drawn.add_column(
            Text(head),
            justify="left" if column < table.left else "right",
            overflow="fold",
            style="cyan" if column == 0 else None,
        )
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(drawn)
