"""Changing single keys of an arch: `--set pe_slices.lines=8`, and scenario files that hold many.

A key is ``component.key``, ``flow.key`` or a key of the file itself (``interlayer``); the full
paths ``components.pe_slices.lines`` and ``flows.input.path`` mean the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from archsim.formats.errors import InputError, Problem
from archsim.formats.search import find
from archsim.formats.source import Part, in_file_order, read, unknown
from archsim.formats.workload_records import FileName, Record
from archsim.formats.yaml12 import Document


@dataclass(frozen=True)
class Override:
    """One key, the value it gets, and where that was said."""

    key: str
    value: Any
    place: str

    @property
    def owner(self) -> str:
        """The component, flow or key of the file that is changed."""
        parts = self.key.split(".")
        return parts[1] if parts[0] in {"components", "flows"} and len(parts) > 1 else parts[0]


Overrides = Mapping[str, object] | Sequence[str | Override]


def parsed(overrides: Overrides) -> list[Override]:
    """Overrides from a mapping of keys to values, or from lines ``key=value`` in YAML 1.2.

    Raises:
        InputError: lines that are no ``key=value``.
    """
    if isinstance(overrides, Mapping):
        return [Override(key, value, f"--set {key}={value}") for key, value in overrides.items()]
    return [_line(each) if isinstance(each, str) else each for each in overrides]


def _line(line: str) -> Override:
    key, equals, text = line.partition("=")
    place = f"--set {line}"
    if not equals or not key.strip() or not text.strip():
        raise InputError.at(place, "write key=value, as in pe_slices.lines=8")
    try:
        value = Document("", text).value
    except InputError as error:
        problems = [Problem(place, problem.message) for problem in error.problems]
        raise InputError(problems) from None
    return Override(key.strip(), value, place)


def apply(document: Document, overrides: Iterable[Override], legal: Iterable[str]) -> list[Problem]:
    """Put the values into the arch file's document; `legal` are the keys of the file itself.

    What a component's class does not know is found when the components are read; here a key only
    has to lead somewhere.
    """
    problems = []
    top = [key for key in legal if key not in {"components", "flows"}]
    for each in overrides:
        path = _path(document.value, each.key.split("."), top)
        if isinstance(path, str):
            problems.append(Problem(each.place, path))
        else:
            document.override(path, each.value, each.place)
    return problems


def _path(root: Mapping[str, Any], parts: list[str], top: list[str]) -> tuple[str, ...] | str:
    """Path of the key in the document, or what is wrong with it."""
    if parts[0] in top:
        return tuple(parts) if len(parts) == 1 else f"{parts[0]!r} has no keys below it"
    sections = {key: root.get(key) for key in ("components", "flows")}
    known = {key: list(value) if isinstance(value, dict) else [] for key, value in sections.items()}
    if parts[0] in known:
        section, *parts = parts
        if not parts or parts[0] not in known[section]:
            return unknown(section.removesuffix("s"), ".".join(parts[:1]), known[section])
    else:
        section = next((key for key, names in known.items() if parts[0] in names), "")
        if not section:
            names = [*known["components"], *top]
            return unknown("component or key", parts[0], names)
    if len(parts) != 2:
        return f"write {section.removesuffix('s')}.key, as in {parts[0]}.<key>"
    if not isinstance(root[section][parts[0]], dict):
        return f"{section}.{parts[0]} is not a mapping"
    return (section, *parts)


class _File(Record):
    name: FileName
    description: str
    set: Annotated[dict[str, Any], Field(default_factory=dict)]
    machines: Annotated[dict[str, dict[str, Any]], Field(default_factory=dict)]


@dataclass(frozen=True)
class Scenario:
    """A named set of overrides: some for every machine that has the component, some for one.

    `common` are the lines under ``set``; `by_machine` those under ``machines``, by the arch's
    ``machine`` key.
    """

    name: str
    description: str
    common: tuple[Override, ...]
    by_machine: Mapping[str, tuple[Override, ...]]
    path: Path
    places: Mapping[str, str]
    """Where each machine stands in the file."""

    def lines(self, machine: str, names: Iterable[str]) -> tuple[Override, ...]:
        """The overrides that concern an arch of that machine with components and flows `names`."""
        return concerning(names, self.common, self.by_machine.get(machine, ()))


def concerning(
    names: Iterable[str], common: Iterable[Override], own: Iterable[Override]
) -> tuple[Override, ...]:
    """Of the lines in `common` those that an arch with components and flows `names` can take, and
    its own."""
    there = {*names}
    return (*(each for each in common if each.owner in there or "." not in each.key), *own)


def load_scenario(name_or_path: str | Path) -> Scenario:
    """The scenario of that name in ``archs/scenarios``, or at that path.

    Raises:
        InputError: everything that is wrong with the file.
    """
    path = find("archs/scenarios", name_or_path)
    document = read(path)
    problems: list[Problem] = []
    record = Part(document).checked(_File, document.value, problems)
    if record is None:
        raise InputError(in_file_order(problems))
    return Scenario(
        name=record.name,
        description=record.description,
        common=_overrides(document, ("set",), record.set),
        by_machine={
            machine: _overrides(document, ("machines", machine), keys)
            for machine, keys in record.machines.items()
        },
        path=path,
        places={name: document.key_place("machines", name) for name in record.machines},
    )


def scenario_schema() -> dict[str, Any]:
    """JSON Schema of a scenario."""
    return _File.model_json_schema()


def _overrides(
    document: Document, at: tuple[str, ...], keys: Mapping[str, Any]
) -> tuple[Override, ...]:
    return tuple(Override(key, value, document.key_place(*at, key)) for key, value in keys.items())
