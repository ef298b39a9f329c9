"""The page over a folder of results: one file of HTML with its style, program and numbers in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

MARK = b'<meta name="generator" content="archsim report">'
"""What every page begins with."""
PROGRAM = ("data.js", "table.js", "figure.js", "sections.js", "controls.js")
MARKUP = {sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""What a string of JSON carries under another name, so that no name in a result ends the script
that the numbers stand in."""


def page(contents: Mapping[str, Any], title: str, library: str) -> bytes:
    """The page. `contents` is of `archsim.analysis.report.contents`, `library` the script that
    draws; the same of both are the same bytes."""
    parts = {
        "TITLE": escape(title),
        "STYLE": _part("page.css"),
        "DATA": _json(contents),
        "LIBRARY": library,
        "PROGRAM": "\n".join(map(_part, PROGRAM)),
    }
    # Cut at the places first: what is filled in may have the name of another place in it.
    first, *rest = _part("page.html").split("@")
    text = [first, *(parts.get(piece, piece) for piece in rest)]
    return "".join(text).encode()


def _json(contents: Mapping[str, Any]) -> str:
    text = json.dumps(contents, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign, name in MARKUP.items():
        text = text.replace(sign, name)
    return text


@cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
