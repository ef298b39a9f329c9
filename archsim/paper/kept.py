"""Files under `<out>/paper`: what `sdalgo paper` and `archsim paper sensitivity` leave there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from archsim.paper.sensitivity import Sensitivity

SENSITIVITY = "sensitivity"
SDALGO_FORMAT = "sdalgo-paper/1"


def read(out: Path, name: str) -> Mapping[str, Any] | None:
    """The JSON object of `<out>/paper/<name>.json`, None if there is no such file.

    Raises:
        InputError: it cannot be read, or is no JSON object.
    """
    path = out / "paper" / f"{name}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
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
    text = json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False)
    write_atomically(path, f"{text}\n".encode())
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
