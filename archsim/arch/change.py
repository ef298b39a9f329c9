"""A change of one key of a machine, however it is said: `--set`, `ARCH@KEY=VALUE`, or a file.

A key is ``owner.key``, or a key of the arch file itself (``interlayer``). The owner is a component,
a flow, or a component class, which stands for every component of that class. The full paths
``components.pe_slices.lines`` and ``flows.input.path`` are keys too. A change concerns the machine
that it names; one that names none concerns every machine that has the owner, and a key of the arch
file every machine.

An arch is passed to this module as plain data: the value of its file, or `Arch.resolved`.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from archsim.arch.records import ArchFile
from archsim.formats.errors import InputError, Problem
from archsim.formats.source import unknown
from archsim.formats.yaml12 import Document

SECTIONS = ("components", "flows")
ARCH_KEYS = tuple(key for key in ArchFile.model_fields if key not in {*SECTIONS, "description"})
"""Keys beside components and flows that a run depends on; a description is for readers alone."""
BETWEEN = re.compile(r",(?=[\w.]+=)")  # a comma inside a list of values separates no changes
Data = Mapping[str, Any]
MISSING = object()


@dataclass(frozen=True)
class Change:
    """One key, the value it gets, and where that was said; `machine` is the machine that it is for,
    where one is named."""

    key: str
    value: Any
    place: str
    machine: str = ""

    @property
    def _parts(self) -> tuple[str, str, list[str]]:
        """The section if it is told, the owner or key of the arch file, and what follows it."""
        parts = self.key.split(".")
        section = parts.pop(0) if parts[0] in SECTIONS and len(parts) > 1 else ""
        return section, parts[0], parts[1:]

    def paths(self, arch: Data) -> list[tuple[str, ...]]:
        """Where the key leads in an arch; nowhere if the arch does not have its owner."""
        section, owner, rest = self._parts
        if not section and owner in ARCH_KEYS:
            return [(owner, *rest)]
        for each in (section,) if section else SECTIONS:
            if owner in _named(arch, each):
                return [(each, owner, *rest)]
        found = _named(arch, SECTIONS[0]).items() if not section else ()
        return [(SECTIONS[0], name, *rest) for name, keys in found if _class(keys) == owner]

    def concerns(self, arch: Data) -> bool:
        """Whether it is for that machine, or for any that has its owner."""
        return self.machine == arch["machine"] if self.machine else bool(self.paths(arch))

    def problem(self, archs: Sequence[Data], *, resolved: bool = True) -> str | None:
        """What is wrong with a key that leads to nothing in any of the archs. What its owner does
        not know is found only where the archs are `resolved`, with all defaults in them."""
        section, owner, rest = self._parts
        if not section and owner in ARCH_KEYS:
            return f"{owner!r} has no keys below it" if rest else None
        owners = [value_at(arch, path[:2]) for arch in archs for path in self.paths(arch)]
        if not owners:
            return self._no_owner(archs)
        if len(rest) != 1:
            return f"write owner.key, as in {owner}.<key>"
        if not all(isinstance(each, dict) for each in owners):
            return f"{owner} is not a mapping"
        keys = dict.fromkeys(key for each in owners for key in each)
        if resolved and rest[0] not in keys:
            legal = [key for key in keys if key != "class"]
            return f"{owner}: {unknown('key', rest[0], legal)}"
        return None

    def _no_owner(self, archs: Sequence[Data]) -> str:
        section, owner, rest = self._parts
        if owner in SECTIONS:
            return f"write {owner.removesuffix('s')}.key, as in pe_slices.lines"
        if not section and not rest:
            return unknown("key", owner, ARCH_KEYS)
        sections = (section,) if section else SECTIONS
        what = " or ".join(each.removesuffix("s") for each in sections)
        legal = dict.fromkeys(
            name for each in sections for arch in archs for name in _named(arch, each)
        )
        if not section and owner[:1].isupper():
            what = "component class"
            components = (part for arch in archs for part in _named(arch, SECTIONS[0]).values())
            legal = dict.fromkeys(_class(part) for part in components)
        return unknown(what, owner, legal)

    def put(self, document: Document) -> str | None:
        """Put the value into the document of an arch file; what is wrong with the key if it leads
        nowhere. Whether the owner has that key is found when the owner is read."""
        wrong = self.problem([document.value], resolved=False)
        for path in self.paths(document.value) if wrong is None else ():
            document.override(path, self.value, self.place)
        return wrong


@dataclass(frozen=True)
class ChangeSet:
    """A named set of changes; of two on one key the later counts. `group` is the heading under
    which a file has it."""

    name: str
    title: str = ""
    changes: tuple[Change, ...] = ()
    group: str = ""

    def on(self, arch: Data) -> tuple[Change, ...]:
        """What it changes in a resolved arch: the changes that concern it, by their full paths,
        without those whose values the arch has already."""
        last: dict[str, Change] = {}
        for change in self.changes:
            if change.concerns(arch):
                for path in change.paths(arch) or [(change.key,)]:
                    key = ".".join(path)
                    last[key] = replace(change, key=key)
        return tuple(
            change
            for key, change in last.items()
            if not _same(value_at(arch, key.split(".")), change.value)
        )


Changes = Mapping[str, object] | Sequence[str | Change]
"""Values by key, or lines ``key=value`` and changes."""


def parsed(changes: Changes, source: str = "--set ") -> list[Change]:
    """Changes from a mapping of keys to values, or from lines ``key=value`` in YAML 1.2, which
    stand at the place `source` and themselves.

    Raises:
        InputError: lines that are no ``key=value``.
    """
    if isinstance(changes, Mapping):
        return [Change(key, value, f"{source}{key}={value}") for key, value in changes.items()]
    return [_line(each, source) if isinstance(each, str) else each for each in changes]


def split_arch(text: str) -> tuple[str, tuple[Change, ...]]:
    """The machine and the changes of ``ARCH@KEY=VALUE,...``; a file may have an @ in its name.

    Raises:
        InputError: what follows the @ is no ``key=value``.
    """
    if os.path.isfile(text):
        return text, ()
    name, at, lines = text.partition("@")
    return name, tuple(parsed(BETWEEN.split(lines), f"{name}@")) if at else ()


def apply(document: Document, changes: Iterable[Change]) -> list[Problem]:
    """Put the values into the arch file's document; what cannot be put."""
    wrong = [(change.place, change.put(document)) for change in changes]
    return [Problem(place, message) for place, message in wrong if message is not None]


def _line(line: str, source: str) -> Change:
    key, equals, text = line.partition("=")
    place = f"{source}{line}"
    if not equals or not key.strip() or not text.strip():
        raise InputError.at(place, "write key=value, as in pe_slices.lines=8")
    if not _is_text(line):
        raise InputError.at(place, "is not text in UTF-8, as YAML is")
    try:
        value = Document("", text).value
    except InputError as error:
        raise InputError(Problem(place, each.message) for each in error.problems) from None
    return Change(key.strip(), value, place)


def _is_text(line: str) -> bool:
    """Whether a line is text; bytes that are not come from a shell as half characters."""
    return not any("\ud800" <= letter <= "\udfff" for letter in line)


def _same(value: object, other: object) -> bool:
    """Whether two values are the same in YAML, where 1 is not true."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _named(arch: Data, section: str) -> dict[str, Any]:
    """The components or flows of an arch by name."""
    found = arch.get(section)
    return found if isinstance(found, dict) else {}


def _class(component: object) -> Any:
    return component.get("class") if isinstance(component, dict) else None


def value_at(arch: Data, path: Sequence[str]) -> Any:
    """The value at a path, `MISSING` where there is none."""
    here: Any = arch
    for part in path:
        here = here.get(part, MISSING) if isinstance(here, dict) else MISSING
    return here
