"""What people see: tables and progress bars on a terminal, plain text in a pipe.

Results go to standard output, everything about the run itself to standard error. rich honours
NO_COLOR by itself.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Progress = Callable[[int, int, str], None]


def say(text: str) -> None:
    """Print a line of results; a reader who has left (`| head`) ends the printing."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def note(text: str) -> None:
    """Print a line about the run."""
    sys.stderr.write(f"{text}\n")


def say_json(value: Any) -> None:
    """Print one JSON document."""
    say(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False))


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first column is text and stands left, the others are numbers."""
    if sys.stdout.isatty():
        _rich_table(title, heads, rows)
        return
    grid = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in grid) for i in range(len(heads))]
    lines = [title] if title else []
    for row in grid:
        first, *rest = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
        lines.append("  ".join(cells).rstrip())
    say("\n".join([*lines, ""]))


def _rich_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, head in enumerate(heads):
        drawn.add_column(Text(head), justify="right" if index else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Progress | None]:
    """Show a bar on standard error while the block runs; nothing when quiet or in a pipe."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def show(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{what} {name}")

        yield show
