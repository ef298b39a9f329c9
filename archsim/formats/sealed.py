"""JSON files that carry a checksum of their content, so that a changed digit is noticed.

The checksum is of the values in their order, not of the bytes: another indentation or other ends of
lines are no other content. It guards against accidents and edits by hand; who wants to write
another checksum can.
"""

import json
import os
from collections.abc import Collection, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.json_file import JsonError, parsed
from archsim.formats.json_text import indented

CHECKSUM = "checksum"
_DIGEST_BYTES = 16


def checksum(value: Mapping[str, Any], apart: Collection[str] = ()) -> str:
    """Of all entries but those `apart` and the checksum itself; ValueError for what is no JSON."""
    content = {key: each for key, each in value.items() if key not in {CHECKSUM, *apart}}
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def sealed(value: Mapping[str, Any], apart: Collection[str] = ()) -> bytes:
    """The file of `value`: its entries, and last the checksum of all but those `apart`."""
    whole = {**value, CHECKSUM: checksum(value, apart)}
    return f"{indented(whole)}\n".encode()


def unsealed(content: bytes) -> dict[str, Any]:
    """The entries that `sealed` wrote; JsonError (a ValueError) where the bytes are others."""
    value = parsed(content)
    if not isinstance(value, dict) or value.get(CHECKSUM) != checksum(value):
        raise JsonError("its content has another checksum")
    return value


def check_seal(path: Path, value: Mapping[str, Any], apart: Collection[str] = ()) -> None:
    """Compare the content of a file with its checksum.

    Raises:
        InputError: it has none, or another; it names the file.
    """
    if CHECKSUM not in value:
        raise InputError.at(path, "has no checksum: an earlier version wrote it; make it again")
    if value[CHECKSUM] != checksum(value, apart):
        message = "was changed after it was written: its content has another checksum"
        raise InputError.at(path, f"{message}; make it again")


def set_aside(path: Path) -> Path:
    """Give what stands in the way of a file another name beside it, with a note; the new name.

    Raises:
        InputError: it cannot be renamed.
    """
    names = (path.with_name(f"{path.name}.damaged{more}") for more in ("", *map(str, range(2, 99))))
    aside = next((name for name in names if not name.exists()), path)
    try:
        path.rename(aside)
    except OSError as error:
        message = f"is in the way and cannot be renamed: {error.strerror}"
        raise InputError.at(path, message) from error
    console.note(f"{path}: set aside as {aside.name}")
    return aside


def make_way(path: Path) -> None:
    """Set aside what has the name of a file to be written and is none: a folder, a link to nowhere,
    a pipe that would wait for a reader without end."""
    if os.path.lexists(path) and not path.is_file():
        set_aside(path)
