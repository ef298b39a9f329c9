"""Files under `<out>/paper`: what `sdalgo paper` and `archsim paper sensitivity` leave there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError
from archsim.formats.own_files import write_own
from archsim.formats.regular import read_regular
from archsim.paper.lines import Finding, Line
from archsim.paper.sensitivity import Sensitivity

SENSITIVITY = "sensitivity"
SDALGO_FORMAT = "sdalgo-paper/1"
SDALGO_LABEL = "sdalgo: "  # how lines begin that `sdalgo paper` computed
MEETS: Mapping[bool | None, Finding] = {True: "meets", False: "differs", None: "open"}


def read(out: Path, name: str) -> Mapping[str, Any] | None:
    """The JSON object of `<out>/paper/<name>.json`, None if there is no such file.

    Raises:
        InputError: it cannot be read, or is no JSON object.
    """
    path = out / "paper" / f"{name}.json"
    try:
        found = json.loads(read_regular(path).decode("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError.at(str(path), f"cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InputError.at(str(path), "is no JSON object")
    return found


def write(out: Path, name: str, value: Mapping[str, Any]) -> Path:
    """Write `<out>/paper/<name>.json`; the path."""
    path = out / "paper" / f"{name}.json"
    marked = {"made_by": f"archsim paper {name}", **value}
    text = json.dumps(marked, indent=1, allow_nan=False, ensure_ascii=False)
    write_own(path, f"{text}\n".encode(), b'"made_by": "archsim')
    return path


def sensitivity(out: Path) -> Sensitivity | None:
    """The sensitivity that was kept last, None if there is none."""
    found = read(out, SENSITIVITY)
    if found is None:
        return None
    try:
        return Sensitivity.from_dict(found)
    except (KeyError, TypeError) as error:
        path = out / "paper" / f"{SENSITIVITY}.json"
        message = f"is not of archsim paper sensitivity ({type(error).__name__}: {error})"
        raise InputError.at(str(path), message) from error


def sdalgo_rows(out: Path, name: str) -> list[Mapping[str, Any]] | None:
    """The rows of `sdalgo paper NAME`, None if it has not been run."""
    found = read(out, name)
    if found is None:
        return None
    if found.get("format") != SDALGO_FORMAT or not isinstance(found.get("rows"), list):
        path = out / "paper" / f"{name}.json"
        raise InputError.at(str(path), f"is not of sdalgo paper ({SDALGO_FORMAT})")
    rows: list[Mapping[str, Any]] = found["rows"]
    return rows


def sdalgo_lines(out: Path, name: str, label: str = "") -> list[Line]:
    """The lines that `sdalgo paper NAME` left; none if it has not been run. A label says whose they
    are beside lines of our own."""
    rows = [row for row in sdalgo_rows(out, name) or [] if row.get("paper") is not None]
    return [_line(row, label) for row in rows]


def not_run(out: Path, name: str) -> list[str]:
    """The command of `sdalgo paper`, if it has left nothing."""
    return [f"sdalgo paper {name}"] if sdalgo_rows(out, name) is None else []


def _line(row: Mapping[str, Any], label: str) -> Line:
    return Line(
        what=f"{label}{row['row']}, {row['quantity']}, {row['unit']}",
        paper=f"{row['paper']:g}",
        ours=row["ours"],
        finding=MEETS[row["meets"]],
        how=row["how"],
        ratio=row["ratio"],
    )
