"""The standard streams of a command, on which printing never fails.

A reader who leaves early (`| head`) ends the printing, not the work; so does a full disk, or a
stream that was closed before the command began. What standard output lost is told at the end.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

CLOSED = "it is closed"


class Lenient:
    """A text stream that takes everything; `lost` says why it could not hand on all of it, and is
    empty as well where the reader has left."""

    def __init__(self, inner: TextIO) -> None:
        self._inner = inner
        self.lost = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, text: str) -> int:
        """Print, or lose it."""
        self._tried(lambda: self._inner.write(text))
        return len(text)

    def flush(self) -> None:
        """Hand over what is still buffered, or lose it."""
        self._tried(self._inner.flush)

    def _tried(self, call: Callable[[], object]) -> None:
        try:
            call()
        except OSError as error:
            if not isinstance(error, BrokenPipeError) and not self.lost:
                self.lost = CLOSED if error.errno == errno.EBADF else error.strerror or str(error)
            self._leave()

    def _leave(self) -> None:
        """Send the rest to nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, self._inner.fileno())
        finally:
            os.close(nowhere)


@contextmanager
def lenient() -> Iterator[Lenient]:
    """Make the standard streams fit to print on, whatever the program was started with; the block
    gets standard output."""
    _open_all()
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    out, err = map(Lenient, before)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def _open_all() -> None:
    """Open those that are closed: their numbers would go to the next files that are opened, which
    a library would then print into."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # Nothing can be written to what stands for standard output, so that what is lost shows.
            nowhere = os.open(os.devnull, os.O_RDONLY if name == "stdout" else os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


@contextmanager
def warnings_as_lines(say: Callable[[str], None]) -> Iterator[None]:
    """Have a warning of Python, where it is shown at all, be one line without source code."""

    def show(message: Warning | str, category: type[Warning], *place: object, **_: object) -> None:
        with suppress(Exception):  # a warning may come at any time, the very end included
            text = " ".join(str(message).split())
            say(f"warning: {text} ({category.__name__}, {place[0]}:{place[1]})")

    before = warnings.showwarning
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before
