"""Options of a decomposition as people write them, on a command line or in a recipe."""

import re
from collections.abc import Mapping
from typing import Any

from archsim.formats.errors import InputError

ANY = "any"
"""As `largest_kernel`: none stays as it is."""


def read_words(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as `sdalgo.preset` takes them, `exponents` and `largest_kernel` being words.

    Raises:
        InputError: one of these two cannot be read.
    """
    return {key: _READ[key](value) if key in _READ else value for key, value in given.items()}


def _exponents(word: Any) -> tuple[int | None, int | None]:
    found = re.fullmatch(r"(-?\d{1,3})?:(-?\d{1,3})?", str(word))
    if found is None:
        message = f"{word!r:.40} is not LOW:HIGH, such as -7:0, :5 or : (open ends)"
        raise InputError.at("option exponents", message)
    low, high = (None if end is None else int(end) for end in found.groups())
    return low, high


def _largest_kernel(word: Any) -> int | None:
    if word == ANY:
        return None
    if not re.fullmatch(r"[1-9]\d{0,8}", str(word)):
        message = f"{word!r:.40} is neither a whole number above 0 nor `{ANY}`"
        raise InputError.at("option largest_kernel", message)
    return int(word)


_READ = {"exponents": _exponents, "largest_kernel": _largest_kernel}
