"""JSON that anybody may have written: bounded in size and depth, and no key in it taken twice.

Python's own reader takes NaN, lets the last of two equal keys win, and ends with RecursionError in
a deep file. Here all of these are a `JsonError`, and a file that is not whole is an `InputError`
that names it.
"""

import json
import math
import os
import re
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError
from archsim.formats.regular import open_regular

MAX_BYTES = 512 * 2**20
"""A result of 5,000 layers takes some 20 MB, the pictures of MNIST some 70."""
MAX_DEPTH = 64
"""Lists and objects within each other; a result has 5, an arch file in it a few more."""
MAX_DIGITS = 64
"""Of an integer. Counts are far below, and Python takes long over many more."""
_SUSPICIOUS = re.compile(rb"\d{%d}|[eE]\+?\d{3}" % MAX_DIGITS)
"""Numbers that may be too large. Most files have none, and are then read by the fast way."""
_MARKS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"), (b"<<<<<<<", "a merge conflict"))


class JsonError(ValueError):
    """What keeps bytes from being JSON as it is read here."""


class RepeatedKey(JsonError):
    """An object has a key twice, and a reader could take either."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key!r} stands twice in one object")
        self.key = key


class NotFinite(JsonError):
    """A number is NaN, infinite, or too large for a double."""


def parsed(content: bytes) -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises:
        JsonError: it is not JSON, too large or too deep, repeats a key, or holds NaN, infinity, a
            number that becomes infinite or half a character.
    """
    if len(content) > MAX_BYTES:
        raise JsonError(f"{len(content):,} bytes are more than the {MAX_BYTES:,} that are read")
    suspicious = _SUSPICIOUS.search(content) is not None
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_constant=_refused_constant,
            parse_float=_finite if suspicious else None,
            parse_int=_bounded if suspicious else None,
        )
        if "\\ud" in text.lower():  # an escape may stand for half a character
            json.dumps(value, ensure_ascii=False).encode()
    except JsonError:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise JsonError(_reason(content, error)) from error
    _check_depth(value)
    return value


def read_json(
    path: Path, opened: Callable[[Path], BufferedReader] = open_regular, what: str = "valid JSON"
) -> Any:
    """Return the value in a file, which `opened` opens.

    Raises:
        InputError: it cannot be read, or is not what `what` says; it names the file.
    """
    try:
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                message = f"has {size:,} bytes, more than the {MAX_BYTES:,} that are read"
                raise InputError.at(path, message)
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror}") from error
    try:
        return parsed(content)
    except JsonError as error:
        raise InputError.at(path, f"not {what}: {error}") from error


def _reason(content: bytes, error: BaseException) -> str:
    """Why `parsed` failed, in terms of what people do to files."""
    if not content.strip():
        return "it is empty"
    for mark, name in _MARKS:
        if content.startswith(mark) or (name.startswith("a merge") and b"\n" + mark in content):
            return f"it is in {name}; UTF-8 is read" if "UTF" in name else f"it holds {name}"
    if isinstance(error, UnicodeEncodeError):
        return "it holds half a character"
    if isinstance(error, UnicodeError):
        return "it is not in UTF-8"
    if isinstance(error, RecursionError):
        return f"it is more than {MAX_DEPTH} levels deep"
    return str(error) or "it takes too much memory"


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise RepeatedKey(key)
            seen.add(key)
    return found


def _refused_constant(name: str) -> Any:
    raise NotFinite(f"{name} is no number of JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise NotFinite(f"the number {digits[:MAX_DIGITS]} is beyond what a double holds")
    return value


def _bounded(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise JsonError(f"a number has {len(digits):,} digits, more than {MAX_DIGITS}")
    return int(digits)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise JsonError(f"it is more than {MAX_DEPTH} levels deep")
