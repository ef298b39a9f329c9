"""Mechanisms of a machine that can be switched off one at a time: `archs/switches/<machine>.yaml`.

`common.yaml` has those that every machine shares. The keys of a switch are ``Class.field``, for all
components of that class whatever an arch calls them, ``component.field``, or keys of the arch
itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from archsim.arch.arch import HEADER
from archsim.arch.overrides import Override
from archsim.formats.errors import InputError, Problem
from archsim.formats.source import Part, in_file_order, read, unknown
from archsim.formats.workload_records import Record
from archsim.formats.yaml12 import Document

if TYPE_CHECKING:
    from archsim.arch.arch import Arch

FOLDER = "archs/switches"
COMMON = "common"


class _Switch(Record):
    name: Annotated[str, Field(min_length=1, max_length=40)]
    title: Annotated[str, Field(min_length=1, max_length=80)]
    set: Annotated[dict[str, Any], Field(min_length=1)]


class _File(Record):
    description: str
    switches: list[_Switch]


@dataclass(frozen=True)
class Switch:
    """One mechanism: keys of classes, components or the arch, with the values that switch
    it off, at their places in the file."""

    name: str
    title: str
    keys: tuple[Override, ...]

    def overrides(self, arch: Arch) -> tuple[Override, ...]:
        """What it changes in an arch: nothing where the arch has no such class, or has the values
        already."""
        found = []
        for each in self.keys:
            owner, _, field = each.key.rpartition(".")
            if not owner:
                if arch.resolved.get(each.key) != each.value:
                    found.append(each)
                continue
            for name, keys in arch.resolved["components"].items():
                if owner in {name, keys["class"]} and keys.get(field) != each.value:
                    key = f"components.{name}.{field}"
                    found.append(Override(key, each.value, each.place))
        return tuple(found)


def load_switches(path: Path) -> Sequence[Switch]:
    """The switches of a file.

    Raises:
        InputError: everything that is wrong with the file.
    """
    document = read(path)
    problems: list[Any] = []
    record = Part(document).checked(_File, document.value, problems)
    if record is None:
        raise InputError(in_file_order(problems))
    return [
        Switch(one.name, one.title, keys_of(document, ("switches", at), one.set))
        for at, one in enumerate(record.switches)
    ]


def owners_of(archs: Sequence[Arch]) -> dict[str, list[str]]:
    """The fields of every component in the archs, by its class and by its name."""
    parts = [part for arch in archs for part in arch.resolved["components"].items()]
    fields = [[key for key in keys if key != "class"] for _, keys in parts]
    by_class = {keys["class"]: own for (_, keys), own in zip(parts, fields, strict=True)}
    return by_class | {name: own for (name, _), own in zip(parts, fields, strict=True)}


def unknown_keys(switches: Sequence[Switch], owners: Mapping[str, list[str]]) -> list[Problem]:
    """What is wrong with the keys that lead nowhere: to none of the classes and components with
    their fields, to no key of an arch."""
    problems = []
    for each in (key for switch in switches for key in switch.keys):
        owner, _, field = each.key.rpartition(".")
        if not owner and field not in HEADER:
            problems.append(Problem(each.place, f"{unknown('key', field, HEADER)}; or Class.field"))
        elif owner and owner not in owners:
            problems.append(Problem(each.place, unknown("class or component", owner, owners)))
        elif owner and field not in owners[owner]:
            message = f"{owner}: {unknown('key', field, owners[owner])}"
            problems.append(Problem(each.place, message))
    return problems


def keys_of(
    document: Document, at: tuple[Any, ...], keys: Mapping[str, Any]
) -> tuple[Override, ...]:
    """The mapping ``set`` of the entry at `at`, each key with its place."""
    return tuple(
        Override(key, value, document.key_place(*at, "set", key)) for key, value in keys.items()
    )


def switches_schema() -> dict[str, Any]:
    """JSON Schema of a file of switches."""
    return _File.model_json_schema()
