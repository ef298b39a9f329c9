"""Where energy tables lie: beside the file that names one, or in a folder where archs are searched.

An arch names one table or a list of them, and a table may extend others; both find them here.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from archsim.formats.errors import Problem
from archsim.formats.search import roots
from archsim.formats.source import unknown
from archsim.formats.yaml12 import Document


def tables_named(
    document: Document, key: str, folder: Path, problems: list[Problem]
) -> tuple[Path, ...]:
    """The files of the tables that `key` names, in its order; none where the key is missing.

    Whatever is not found is added to `problems`, with its place; what is not text is left to the
    file's own check.
    """
    value = document.value.get(key)
    found = []
    for name, place in _places(document, key, value):
        path = _file(name, folder)
        if path is None:
            message = unknown("energy table", name, _names(folder))
            problems.append(Problem(place, message))
        else:
            found.append(path)
    return tuple(found)


def _places(document: Document, key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every name with the place where it stands."""
    if isinstance(value, str):
        yield value, document.place(key)
    elif isinstance(value, Sequence):
        for index, name in enumerate(value):
            if isinstance(name, str):
                yield name, document.place(key, index)


def _file(name: str, folder: Path) -> Path | None:
    file = name if name.endswith(".yaml") else f"{name}.yaml"
    for place in (folder, *roots("archs")):
        if os.path.isfile(place / file):  # pathlib's raises on an overlong name
            return place / file
    return None


def _names(folder: Path) -> list[str]:
    """The tables in the subfolder `units` of the folders that are searched."""
    return sorted(
        {
            str(table.relative_to(place).with_suffix(""))
            for place in (folder, *roots("archs"))
            for table in (place / "units").glob("*.yaml")
        }
    )
