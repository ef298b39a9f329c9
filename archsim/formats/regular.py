"""Files that are read: regular ones, and none that the same command then writes over.

A pipe without a writer is waited for without end, and a device may hold bytes without end. What is
opened as an input is remembered while a command runs, so that no output takes its place.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import BufferedReader
from pathlib import Path

from archsim.formats.errors import InputError

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_Inputs = dict[tuple[int, int], Path]
"""Device and inode of each input, and where it lies."""
_inputs: ContextVar[_Inputs | None] = ContextVar("inputs", default=None)


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading bytes; never waits.

    Raises:
        OSError: it cannot be opened, or it is a pipe, a device or a socket.
    """
    _check(path.stat().st_mode, path)  # before it is opened: opening a device may do something
    return open(path, "rb", opener=_opened)


def read_regular(path: Path) -> bytes:
    """Return the bytes of a file; OSError as of `open_regular`."""
    with open_regular(path) as file:
        return file.read()


def open_input(path: Path) -> BufferedReader:
    """Open what a user named, or what such a file names; it is then an input of the command.

    Raises:
        OSError: as of `open_regular`.
    """
    file = open_regular(path)
    known = _inputs.get()
    if known is not None:
        found = os.fstat(file.fileno())
        known[found.st_dev, found.st_ino] = path.absolute()
    return file


def read_input(path: Path) -> bytes:
    """Return the bytes of an input; OSError as of `open_regular`."""
    with open_input(path) as file:
        return file.read()


@contextmanager
def inputs_kept() -> Iterator[None]:
    """Keep every file that is opened as an input from being written over, until the end."""
    token = _inputs.set({})
    try:
        yield
    finally:
        _inputs.reset(token)


def check_output(path: Path) -> None:
    """Refuse to write over an input, by whatever name or link.

    Raises:
        InputError: `path` is a file that the command has read as an input.
    """
    known = _inputs.get()
    if not known:
        return
    try:
        found = path.stat()
        kept = known.get((found.st_dev, found.st_ino))
        same = kept is not None and kept.samefile(path)  # else a number given out a second time
    except OSError:
        return  # one of the two is not there
    if same:
        message = "is read by this command and would be written over; name another file"
        raise InputError.at(path, message)


def _opened(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        _check(os.fstat(descriptor).st_mode, Path(path))  # it may have changed meanwhile
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check(mode: int, path: Path) -> None:
    for is_kind, kind in _KINDS:
        if is_kind(mode):
            reason = f"it is {kind}, and only files are read; store it in a file first"
            raise OSError(errno.EINVAL, reason, str(path))
