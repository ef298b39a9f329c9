"""CSV that a spreadsheet shows and never computes.

A cell that begins with = + - or @ is a formula to it, also behind blanks, and may start a program
(https://owasp.org/www-community/attacks/CSV_Injection). An apostrophe in front makes it text.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_FORMULA = re.compile("\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]")  # the wide forms count too
_NUMBER = re.compile(r"[+-]?(\d[\d,]*)?\.?\d+([eE][+-]?\d+)?( ?[%x])?")
_NOTHING = "-"
_SEPARATOR = re.compile(r"([,;\t]\s*)")


def cell(value: Any) -> Any:
    """Return what stands in a cell: text that would be a formula behind an apostrophe.

    Numbers stay numbers, with their sign, their commas and a % or x behind them, and so does a dash
    on its own, which stands for no number.
    """
    if not isinstance(value, str) or value == _NOTHING or _NUMBER.fullmatch(value):
        return value
    return f"'{value}" if _FORMULA.match(value) or value[:1] in {"\t", "\r", "\n"} else value


def comment(line: str) -> str:
    """Return a line that is no table, its parts between commas guarded as cells are: a spreadsheet
    splits it as well."""
    first, *rest = _SEPARATOR.split(line)
    parts = (f"{joint}{cell(part)}" for joint, part in zip(rest[::2], rest[1::2], strict=True))
    return "".join([first, *parts])


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Return rows as CSV, lines ending with a line feed."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(cell, row) for row in rows)
    return text.getvalue()


def records_text(columns: Sequence[str], records: Iterable[Mapping[str, Any]]) -> str:
    """Return records as CSV under a head of `columns`; what a record lacks is left empty."""
    rows = ([record.get(column, "") for column in columns] for record in records)
    return csv_text([columns, *rows])
