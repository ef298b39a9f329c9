"""Mechanisms of a machine that can be switched off one at a time: `archs/switches/<machine>.yaml`.

`common.yaml` has those that every machine shares. The keys of a switch are ``Class.field``, for all
components of that class whatever an arch calls them, or keys of the arch itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from archsim.errors import InputError
from archsim.overrides import Override
from archsim.search import find, names
from archsim.source import Part, in_file_order, read
from archsim.workload_records import Record

if TYPE_CHECKING:
    from archsim.arch import Arch

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
    """One mechanism: `keys` are ``Class.field`` or arch keys with the values that switch it off,
    and `place` is where the file says so."""

    name: str
    title: str
    keys: tuple[tuple[str, Any], ...]
    place: str

    def overrides(self, arch: Arch) -> tuple[Override, ...]:
        """What it changes in an arch: nothing where the arch has no such class, or has the values
        already."""
        found = []
        for key, value in self.keys:
            owner, _, field = key.rpartition(".")
            if not owner:
                if arch.resolved.get(key) != value:
                    found.append(Override(key, value, self.place))
                continue
            for name, keys in arch.resolved["components"].items():
                if keys["class"] == owner and keys.get(field) != value:
                    found.append(Override(f"components.{name}.{field}", value, self.place))
        return tuple(found)


def switches_of(machine: str) -> tuple[Switch, ...]:
    """The common switches, then those of the machine, in the order in which they are applied.

    Raises:
        InputError: a file is damaged.
    """
    files = [COMMON, *([machine] if machine in names(FOLDER) else [])]
    return tuple(switch for file in files for switch in _load(find(FOLDER, file)))


def _load(path: Path) -> Sequence[Switch]:
    document = read(path)
    problems: list[Any] = []
    record = Part(document).checked(_File, document.value, problems)
    if record is None:
        raise InputError(in_file_order(problems))
    return [
        Switch(one.name, one.title, tuple(one.set.items()), document.place("switches", at))
        for at, one in enumerate(record.switches)
    ]
