"""JSON as `json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)` writes it.

The standard library encodes with indents in Python, item by item: most of the time that the result
of a network of thousands of layers took to be written.
"""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def indented(value: Any, before: str = "\n") -> str:
    """The text of a value of JSON; `before` is what a line of it begins with, its end included.

    Raises:
        ValueError: a number that is not finite.
        TypeError: a value that JSON does not have.
    """
    kind = type(value)
    if kind is int or (kind is float and isfinite(value)):
        return repr(value)
    inner = f"{before} "
    if kind is dict or isinstance(value, Mapping):  # the first is the faster test
        items = [f"{_key(key)}: {indented(each, inner)}" for key, each in value.items()]
        return f"{{{inner}{f',{inner}'.join(items)}{before}}}" if items else "{}"
    if isinstance(value, list | tuple):
        each = [indented(one, inner) for one in value]
        return f"[{inner}{f',{inner}'.join(each)}{before}]" if each else "[]"
    return ENCODE(value)


def _key(key: object) -> str:
    """A name in quotes."""
    if not isinstance(key, str):
        raise TypeError(f"keys must be str, not {type(key).__name__}")
    return ENCODE(key)
