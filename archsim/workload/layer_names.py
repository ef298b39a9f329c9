"""Layers by patterns of their names, as a shell reads them."""

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from archsim.formats.errors import InputError

NEAREST = 3  # names that are shown where a pattern matches none


def matching(names: Sequence[str], pattern: str, place: str) -> list[str]:
    """The names that a pattern matches.

    Raises:
        InputError: at `place`, with the nearest names, where it matches none.
    """
    found = [name for name in names if fnmatchcase(name, pattern.strip())]
    if not found:
        plain = pattern.translate(dict.fromkeys(map(ord, "*?[] ")))
        near = get_close_matches(plain, names, n=NEAREST, cutoff=0) or names[:NEAREST]
        message = f"no layer matches {pattern!r}; the nearest are {', '.join(near)}"
        raise InputError.at(place, f"{message}; all and conv are legal too")
    return found
