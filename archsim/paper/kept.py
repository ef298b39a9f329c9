"""Files under `<out>/paper`: what `sdalgo paper` and `archsim paper sensitivity` leave there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.json_file import read_json
from archsim.formats.own_files import keep
from archsim.formats.record import Record
from archsim.formats.sealed import CHECKSUM, check_seal
from archsim.paper.lines import Finding, Line
from archsim.paper.sensitivity import Sensitivity

SENSITIVITY = "sensitivity"
MARK = b'"made_by": "archsim'
SDALGO_FORMAT = "sdalgo-paper/1"
SDALGO_LABEL = "sdalgo: "  # how lines begin that `sdalgo paper` computed
MEETS: Mapping[bool | None, Finding] = {True: "meets", False: "differs", None: "open"}


class _Row(Record):
    """A number of the paper beside ours, as `sdalgo paper` writes it."""

    row: str
    quantity: str
    unit: str
    paper: float | None
    ours: float | None
    how: str
    meets: bool | None
    ratio: float | None


def write(out: Path, name: str, value: Mapping[str, Any]) -> Path:
    """Write `<out>/paper/<name>.json`, with a checksum of its content; the path.

    A file of that name that is damaged, or of something else, is set aside.
    """
    path = _path(out, name)
    keep(path, {"made_by": f"archsim paper {name}", **value}, MARK)
    return path


def sensitivity(out: Path) -> Sensitivity | None:
    """The sensitivity that was kept last; None if there is none, and after a note if it is damaged,
    was changed, or was made by an earlier archsim."""
    path = _path(out, SENSITIVITY)
    if not os.path.lexists(path):
        return None
    try:
        found = _object(path)
        check_seal(path, found)
        return Sensitivity.from_dict(found)
    except InputError as error:
        _note_once(f"{error}; archsim paper sensitivity makes it again")
    except (KeyError, TypeError, ValueError) as error:
        said = f"is not of archsim paper sensitivity ({type(error).__name__}: {error})"
        _note_once(f"{path}: {said}, which makes it again")
    return None


def sdalgo_rows(out: Path, name: str) -> list[Mapping[str, Any]] | None:
    """The rows of `sdalgo paper NAME`, None if it has not been run.

    Raises:
        InputError: the file is damaged, was changed, or is something else.
    """
    path = _path(out, name)
    if not os.path.lexists(path):
        return None
    again = f"sdalgo paper {name} makes it again"
    found = _object(path)
    if CHECKSUM in found:  # one that was written by hand has none
        check_seal(path, found)
    rows = found.get("rows")
    if found.get("format") != SDALGO_FORMAT or not isinstance(rows, list):
        raise InputError.at(path, f"is not of sdalgo paper ({SDALGO_FORMAT}); {again}")
    try:
        return [_Row.model_validate(row).model_dump() for row in rows]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError.at(path, f"a row is none: {place}: {first['msg']}; {again}") from error


def sdalgo_lines(out: Path, name: str, label: str = "") -> list[Line]:
    """The lines that `sdalgo paper NAME` left; none if it has not been run. A label says whose they
    are beside lines of our own."""
    rows = [row for row in sdalgo_rows(out, name) or [] if row.get("paper") is not None]
    return [_line(row, label) for row in rows]


def not_run(out: Path, name: str) -> list[str]:
    """The command of `sdalgo paper`, if it has left nothing."""
    return [f"sdalgo paper {name}"] if sdalgo_rows(out, name) is None else []


def _path(out: Path, name: str) -> Path:
    return out / "paper" / f"{name}.json"


def _object(path: Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise InputError.at(path, "is no JSON object")
    return found


@cache
def _note_once(text: str) -> None:
    console.note(text)


def _line(row: Mapping[str, Any], label: str) -> Line:
    return Line(
        what=f"{label}{row['row']}, {row['quantity']}, {row['unit']}",
        paper=f"{row['paper']:g}",
        ours=row["ours"],
        finding=MEETS[row["meets"]],
        how=row["how"],
        ratio=row["ratio"],
    )
