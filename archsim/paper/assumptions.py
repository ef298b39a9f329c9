"""Named sets of assumptions, under which runs are made: what the paper leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from archsim.arch.arch import Arch, load_arch
from archsim.arch.change import Change, ChangeSet, parsed
from archsim.arch.change_files import load_scenario
from archsim.paper.printed import data


@dataclass(frozen=True)
class Assumptions(ChangeSet):
    """Changes of arch files, and what no key of them says: `dram_energy` multiplies the energy of
    DRAM, `batch` is another batch size of training."""

    name: str = "default"
    title: str = "the arch files as they are"
    dram_energy: float = 1.0
    batch: int | None = None

    def of(self, machine: str) -> tuple[Change, ...]:
        """What these change in a machine."""
        return self.on(load_arch(machine).resolved)

    def load(self, machine: str) -> Arch:
        """The machine under these assumptions."""
        return load_arch(machine, self.of(machine))

    def after(self, start: Assumptions) -> Assumptions:
        """These on top of others; the later change of two on one key counts."""
        return replace(self, changes=(*start.changes, *self.changes))


DEFAULT = Assumptions()


def scenario(name: str | None) -> Assumptions:
    """The scenario of that name in archs/scenarios, or the arch files as they are."""
    if name is None:
        return DEFAULT
    found = load_scenario(name)
    return Assumptions(found.name, " ".join(found.title.split()), found.changes, "scenario")


def listed(file: str) -> list[Assumptions]:
    """The entries of data/assumptions.yaml or data/training.yaml."""
    return [
        Assumptions(
            name=entry["name"],
            title=entry["about"],
            changes=tuple(_changes(entry)),
            group=entry.get("group", ""),
            dram_energy=float(entry.get("dram_energy", 1.0)),
            batch=int(entry["batch"]) if "batch" in entry else None,
        )
        for entry in data(file)
    ]


def _changes(entry: Mapping[str, Any]) -> Iterator[Change]:
    """Values are text in the data files; a change's own reading gives them their type."""
    place = f"assumption {entry['name']!r}"
    for machine, keys in {"": entry.get("set", {}), **entry.get("machines", {})}.items():
        for change in parsed([f"{key}={value}" for key, value in keys.items()]):
            yield replace(change, place=place, machine=machine)
