"""Outputs that a user names: they take the place of nothing but an earlier output of the same kind.

Each kind of file has a mark near its beginning: a line of metadata in a figure, a key in JSON, the
first columns of a CSV file, a magic number. A file without it is somebody's own, and only --force
writes over it. Folders are told by the files in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any

import typer

from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from archsim.formats.regular import check_output, open_regular
from archsim.formats.sealed import make_way, sealed, set_aside

NEAR = 8192  # bytes from its beginning in which a file has its mark
_forced: ContextVar[bool] = ContextVar("forced", default=False)

Force = Annotated[
    bool, typer.Option("--force", help="Write over files that this program did not write.")
]
"""The option of a command with outputs; it hands the value to `force`."""


def force(forced: bool) -> None:
    """Say whether files of others may be written over while the command runs."""
    _forced.set(forced)


def is_own(path: Path, mark: bytes) -> bool:
    """Return whether a file has a mark; not where it cannot be read."""
    try:
        with open_regular(path) as file:
            return mark in file.read(NEAR)
    except OSError:
        return False


def claim(path: Path, mark: bytes) -> None:
    """Refuse to write over a file of somebody else; what is empty is nobody's.

    Raises:
        InputError: `path` is a file without the mark, and nothing is forced, or it is an input of
            the command that runs.
    """
    check_output(path)
    if _forced.get() or not path.is_file() or path.stat().st_size == 0 or is_own(path, mark):
        return
    raise InputError.at(path, "is there, and this program did not write it; --force writes over it")


def write_own(path: Path, content: bytes, mark: bytes) -> None:
    """Write a file whole or not at all, over nothing but an earlier one of its kind.

    Raises:
        InputError: as of `claim`, or it cannot be written.
    """
    assert mark in content[:NEAR], f"{path}: the next run would not know it"
    claim(path, mark)
    write_atomically(path, content)


def keep(path: Path, value: Mapping[str, Any], mark: bytes) -> None:
    """Write a sealed JSON file whose name the program chose, and not the user: what stands there
    and is damaged, or of something else, is set aside.

    Raises:
        InputError: it cannot be written, or `path` is an input of the command that runs.
    """
    make_way(path)
    if path.is_file() and not is_own(path, mark):
        set_aside(path)
    write_own(path, sealed(value), mark)
