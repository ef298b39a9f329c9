"""Bytes of files that somebody else wrote."""

import zlib
from pathlib import Path

from archsim.formats import unpacked
from archsim.formats.errors import InputError
from archsim.formats.regular import read_input


def content(path: Path) -> bytes:
    """Return what a file holds, unpacked where its name ends in .gz.

    Raises:
        InputError: it cannot be read, or would become too large (archsim.formats.unpacked).
    """
    try:
        found = read_input(path)
        return unpacked.gunzipped(found, path) if path.suffix == ".gz" else found
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "damaged gzip"
        raise InputError.at(path, f"cannot be read: {reason}") from error
