"""Presets of memories with rows: files that say for a component what its own file leaves out.

A preset gives bandwidth and latency in bytes per second and ns; with the arch's clock they become
bytes and cycles here, so that all that moves data goes by cycles alone. Keys beside a preset win
over it. A change of `preset` begins anew: it takes away what the arch file itself says of the
memory, for a bandwidth in bytes per cycle and the rows of another standard do not go with it.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from math import ceil, isclose
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from archsim.arch.memory_rows import ROW_KEYS, RowKeys, Rows
from archsim.formats.errors import InputError, Problem
from archsim.formats.record import Record, load
from archsim.formats.search import SUFFIXES, roots
from archsim.formats.source import Section, in_file_order, unknown
from archsim.formats.yaml12 import Document

FOLDER = Path("units", "dram")
"""Where presets lie in a folder of archs."""
DERIVED = ("bytes_per_cycle", "latency_cycles")
"""Keys that follow from a preset and the clock."""
DIGITS = 12
"""Of a derived bandwidth: what is beyond comes from rounding alone."""


class PresetFile(Record):
    """A memory of a standard; `memory` has every key of rows."""

    format: Literal["archsim-dram/1"]
    name: str
    source: str = Field(min_length=10)
    memory: dict[str, Any]


def load_preset(path: Path) -> Mapping[str, Any]:
    """The keys that a preset's file gives.

    Raises:
        InputError: all that is wrong with it.
    """
    document, found = load(path, PresetFile)
    problems: list[Problem] = []
    keys = Section(document, ("memory",), "memory.").checked(RowKeys, found.memory, problems)
    missing = [key for key in ROW_KEYS if found.memory.get(key) is None]
    if keys is not None and missing:
        message = f"memory: a preset gives every key; missing: {', '.join(missing)}"
        problems.append(Problem(document.place("memory"), message))
    if problems:
        raise InputError(in_file_order(problems))
    return found.memory


class Asked(NamedTuple):
    """A memory of an arch file: its path `at` in the document, the paths of all keys that were
    `changed` and are not the file's own, and the file's folder."""

    document: Document
    at: tuple[str, str]
    changed: Collection[tuple[str, ...]]
    folder: Path


def completed(
    asked: Asked, keys: Mapping[str, Any], problems: list[Problem]
) -> dict[str, Any] | None:
    """The keys of a memory with those of its preset and what follows from them.

    What is wrong is added to `problems`; None is returned where that leaves no memory.
    """
    own = _own(asked, keys)
    name = own.get("preset")
    if not isinstance(name, str):
        return own
    given = {key: value for key, value in own.items() if value is not None}
    if missing := [key for key in ROW_KEYS if key not in given]:
        preset = _found(asked, name, problems)
        if preset is None:
            return None
        given |= {key: preset[key] for key in missing}
    section = Section(asked.document, asked.at, f"{asked.at[-1]}.")
    rows = section.checked(RowKeys, {key: given[key] for key in ROW_KEYS}, problems)
    clock = asked.document.value.get("clock_mhz")
    if rows is None or isinstance(clock, bool) or not isinstance(clock, int | float) or clock <= 0:
        return None  # of a clock it is told where the arch's own keys are checked
    derived = _derived(Rows(**rows.model_dump()), clock)
    wrong = [*_contradictions(asked, given, derived, clock)]
    problems.extend(wrong)
    return None if wrong else {**given, **derived}


def _own(asked: Asked, keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys without those that a change of the preset takes away."""
    preset = (*asked.at, "preset")
    if preset not in asked.changed or not isinstance(keys["preset"], str | None):
        return dict(keys)
    gone = ROW_KEYS if keys["preset"] is None else (*ROW_KEYS, *DERIVED)
    kept = {path[-1] for path in asked.changed if path[:-1] == asked.at}
    return {key: value for key, value in keys.items() if key not in gone or key in kept}


def _found(asked: Asked, name: str, problems: list[Problem]) -> Mapping[str, Any] | None:
    """What the preset of that name or path gives."""
    path = _file(name, asked.folder)
    if path is None:
        message = f"{asked.at[-1]}: {unknown('DRAM preset', name, _names(asked.folder))}"
        problems.append(Problem(asked.document.place(*asked.at, "preset"), message))
        return None
    try:
        return load_preset(path)
    except InputError as error:
        problems.extend(error.problems)
        return None


def _derived(rows: Rows, clock_mhz: float) -> dict[str, Any]:
    """Bytes and cycles of a clock; a latency is whole cycles, rounded up."""
    bandwidth = round(rows.peak_gbytes_per_s * 1e3 / clock_mhz, DIGITS)
    # A latency that is whole stays so where it comes out of binary fractions a little larger.
    return {
        "bytes_per_cycle": int(bandwidth) if bandwidth == int(bandwidth) else bandwidth,
        "latency_cycles": ceil(round(rows.latency_ns * clock_mhz / 1e3, DIGITS)),
    }


def _contradictions(
    asked: Asked, given: Mapping[str, Any], derived: Mapping[str, Any], clock_mhz: float
) -> Iterator[Problem]:
    """Keys that follow from the preset and are said otherwise."""
    for key, value in derived.items():
        said = given.get(key, value)
        number = isinstance(said, int | float) and not isinstance(said, bool)
        if number and isclose(said, value, rel_tol=1e-9):
            continue
        yield Problem(
            asked.document.place(*asked.at, key),
            f"{asked.at[-1]}.{key}: {said!r} contradicts the preset {given['preset']!r}, which "
            f"gives {value:g} at {clock_mhz:g} MHz; leave it out, or set {_CURES[key]}",
        )


_CURES = {
    "bytes_per_cycle": "channels or channel_gbytes_per_s",
    "latency_cycles": "trcd_ns or tcl_ns",
}


def _file(name: str, folder: Path) -> Path | None:
    """The file of a name in a folder of presets, or of a path from the arch file's folder, the
    working directory or a folder of archs."""
    bare = len(Path(name).parts) == 1 and Path(name).suffix not in SUFFIXES
    file = name if Path(name).suffix in SUFFIXES else f"{name}.yaml"
    if bare:
        places = [place / FOLDER for place in (folder, *roots("archs"))]
    else:
        places = [folder, Path.cwd(), *roots("archs")]
    # os.path answers False for an overlong name, where pathlib raises.
    return next((place / file for place in places if os.path.isfile(place / file)), None)


def _names(folder: Path) -> list[str]:
    """The presets that a name finds."""
    places = [place / FOLDER for place in (folder, *roots("archs"))]
    return sorted({file.stem for place in places for file in place.glob("*.yaml")})


def preset_schema() -> dict[str, Any]:
    """JSON Schema of a preset."""
    schema = PresetFile.model_json_schema()
    memory = RowKeys.model_json_schema()
    given = {
        key: {**_given(each), "title": each["title"]} for key, each in memory["properties"].items()
    }
    schema["properties"]["memory"] = {**memory, "properties": given, "required": list(given)}
    return schema


def _given(field: Mapping[str, Any]) -> dict[str, Any]:
    """A field that may not be null."""
    return next(dict(each) for each in field["anyOf"] if each.get("type") != "null")
