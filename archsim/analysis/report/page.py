"""The page over a folder of results: one file of HTML with its style, program and numbers in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

MARK = b'<meta name="generator" content="archsim report">'
"""What every page begins with."""
COMMON = ("data.js", "table.js", "figure.js", "frame.js")
RESULTS = ("page.html", *COMMON, "sections.js", "controls.js")
SWEEP = ("sweep.html", *COMMON, "sweep.js")
"""What a page is made of: its frame, and its program."""
MARKUP = {sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
"""What a string of JSON carries under another name, so that no name in a result ends the script
that the numbers stand in."""


def page(
    contents: Mapping[str, Any], title: str, library: str, made_of: Sequence[str] = RESULTS
) -> bytes:
    """The page. `contents` is of `archsim.analysis.report.contents`, or of `sweep_page` for one
    that is `made_of` SWEEP; `library` is the script that draws. The same are the same bytes."""
    frame, *program = made_of
    parts = {
        "TITLE": escape(title),
        "STYLE": _part("page.css"),
        "DATA": _json(contents),
        "LIBRARY": library,
        "PROGRAM": "\n".join(map(_part, program)),
    }
    # Cut at the places first: what is filled in may have the name of another place in it.
    first, *rest = _part(frame).split("@")
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
