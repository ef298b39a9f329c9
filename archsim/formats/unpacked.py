"""How much a file may become in memory: what it can honestly hold, or what was asked for.

A few bytes may claim gigabytes: a gzip of zeros, an array of which one number is stored, layers of
which only the size is. A file may become 200 times its own size, or 64 MiB if that is more:
MNIST's images become 5 times theirs, a `.sd` layer of 3x3 kernels that is all zero 96 times (12
bytes per bit of the index). What a network makes while it runs has no file to be measured by and
may take 8 GiB.
"""

from __future__ import annotations

import gzip
import io
from contextvars import ContextVar
from typing import Annotated

import typer

from archsim.formats.errors import InputError

RATIO = 200
FREE_BYTES = 64 * 2**20
RUN_BYTES = 8 * 2**30
OPTION = "--max-gb"
_allowed: ContextVar[int | None] = ContextVar("allowed", default=None)

MaxGb = Annotated[
    float | None,
    typer.Option(
        OPTION, metavar="N", min=1e-3, max=1e6, show_default=False,
        help=f"GB that a file may become in memory, instead of {RATIO} times its size.",
    ),
]  # fmt: skip
"""The option of a command that reads files of others; it hands the value to `allow`."""


def allow(max_gb: float | None) -> None:
    """Set what every file may become while the command runs; None leaves it to its size."""
    _allowed.set(None if max_gb is None else int(max_gb * 1e9))


def most_bytes(stored: int) -> int:
    """Return how many bytes a file of `stored` bytes may become."""
    given = _allowed.get()
    return max(FREE_BYTES, RATIO * stored) if given is None else given


def check(nbytes: int, stored: int, place: object) -> None:
    """Refuse `nbytes` that a file of `stored` bytes would become.

    Raises:
        InputError: they are too many; it names `place` and the option that allows them.
    """
    most = most_bytes(stored)
    if nbytes > most:
        raise InputError.at(
            place,
            f"would become {_megabytes(nbytes)} MB, and {stored:,} bytes may become "
            f"{_megabytes(most)} MB; {OPTION} N allows N GB",
        )


def check_run(nbytes: int, place: object) -> None:
    """Refuse `nbytes` that the values of a network would take together while it runs.

    Raises:
        InputError: they are too many; it names `place` and the option that allows them.
    """
    given = _allowed.get()
    most = RUN_BYTES if given is None else given
    if nbytes > most:
        raise InputError.at(
            place,
            f"takes the run to {_megabytes(nbytes)} MB, more than {_megabytes(most)} MB; "
            f"{OPTION} N allows N GB",
        )


def gunzipped(packed: bytes, place: object) -> bytes:
    """Return what a gzip file holds.

    Raises:
        InputError: that is too much.
        OSError, EOFError, zlib.error: it is damaged.
    """
    most = most_bytes(len(packed))
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise InputError.at(
            place,
            f"would become more than {_megabytes(most)} MB, which is what {len(packed):,} bytes "
            f"may become; {OPTION} N allows N GB",
        )
    return found


def _megabytes(nbytes: int) -> str:
    return f"{-(-nbytes // 10**6):,}"
