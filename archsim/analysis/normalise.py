"""Results side by side: every machine of a workload against one of them, the reference.

A result is held only against a reference run that is like it (`archsim.analysis.likeness`); of
several, the one with the fewest settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archsim.analysis.likeness import unlike
from archsim.results.result import Result
from archsim.results.settings import Settings, settings_text, short_text
from archsim.results.store import Stored


@dataclass(frozen=True)
class Normalised:
    """One result, what it is called beside the others, and its reference: the same workload under
    the same scenario on the reference machine, or None where that was not run. `title` is the name
    with the settings that the reference does not share. `unlike` says how the nearest run of the
    reference machine differs, where no run is like this one."""

    stored: Stored
    label: str
    title: str
    partner: Stored | None
    unlike: str = ""

    @property
    def result(self) -> Result:
        return self.stored.result

    @property
    def reference(self) -> Result | None:
        return None if self.partner is None else self.partner.result

    @property
    def speedup(self) -> float | None:
        """How many times faster than the reference."""
        if self.reference is None:
            return None
        return _ratio(self.reference.milliseconds, self.result.milliseconds)

    @property
    def energy(self) -> float | None:
        """Energy as a multiple of the reference's."""
        if self.reference is None:
            return None
        return _ratio(self.result.energy_pj, self.reference.energy_pj)

    @property
    def dram(self) -> float | None:
        """DRAM bytes as a multiple of the reference's."""
        if self.reference is None:
            return None
        return _ratio(self.result.dram_bytes, self.reference.dram_bytes)


def normalise(results: Sequence[Stored], reference: str) -> list[Normalised]:
    """A row for each result, in the given order. `reference` is the name of a machine or of its
    file, in any case."""
    references: dict[str, list[Stored]] = {}
    for stored in results:
        if is_machine(stored, reference):
            references.setdefault(stored.group, []).append(stored)
    chosen = [_partner(stored, references.get(stored.group, ()), reference) for stored in results]
    pairs = [(stored, partner) for stored, (partner, _) in zip(results, chosen, strict=True)]
    names = [_name(*pair) for pair in pairs]
    count = Counter((stored.group, name) for (stored, _), name in zip(pairs, names, strict=True))
    machines = Counter((stored.group, stored.result.arch) for stored in results)
    rows = []
    for stored, (partner, said), name in zip(results, chosen, names, strict=True):
        title = f"{name} ({stored.stem})" if count[stored.group, name] > 1 else name
        alone = machines[stored.group, stored.result.arch] == 1
        rows.append(
            Normalised(stored, stored.result.arch if alone else title, title, partner, said)
        )
    return rows


def is_machine(stored: Stored, name: str) -> bool:
    """Whether `name` means the machine of this result."""
    known = stored.stem, stored.machine, stored.result.arch
    return name.casefold() in map(str.casefold, known)


def _partner(stored: Stored, references: Sequence[Stored], name: str) -> tuple[Stored | None, str]:
    """The reference run for a result; where none is like it, how the nearest one differs."""

    def distance(one: Stored) -> tuple[object, ...]:
        shared = sum(stored.settings.get(key) == value for key, value in one.settings.items())
        foreign = one.stem.casefold() != name.casefold() != one.machine.casefold()
        return foreign, len(one.settings), -shared, one is not stored, one.stem

    said = [
        (unlike(stored.result, one.result, one_machine=stored.machine == one.machine), one)
        for one in sorted(references, key=distance)
    ]
    alike = next((one for reasons, one in said if not reasons), None)
    if alike is not None or not said:
        return alike, ""
    reasons, one = min(said, key=lambda pair: len(pair[0]))
    return None, f"{'; '.join(reasons)}, as {one.place} has"


def own_settings(settings: Settings, partner: Stored | None) -> dict[str, Any]:
    """Those of some settings that a reference run does not share."""
    shared: Settings = partner.settings if partner else {}
    missing = object()
    return {key: value for key, value in settings.items() if shared.get(key, missing) != value}


def _name(stored: Stored, partner: Stored | None) -> str:
    """The machine's name, with the settings that its reference does not share."""
    own = own_settings(stored.settings, partner) if partner else {}
    return f"{stored.result.arch}, {short_text(own)}" if own else stored.result.arch


def titled(rows: Sequence[Normalised]) -> list[tuple[Normalised, str]]:
    """The rows that have a reference run, and what a figure calls the group of that run: by its
    settings."""
    runs: dict[str, Stored] = {}
    found = []
    for row in rows:
        if row.partner is not None:
            title = f"{row.partner.group} {short_text(row.partner.settings, ' ')}".rstrip()
            if runs.setdefault(title, row.partner) is not row.partner:
                title = f"{title} ({row.partner.stem})"
            found.append((row, title))
    return found


def by_reference(rows: Sequence[Normalised]) -> list[Stored]:
    """The results that have a reference, each group cut into those of one reference run: it is
    then called by the settings of that run, and a result by its own beside them."""
    moved = []
    for row, title in titled(rows):
        own = settings_text(own_settings(row.stored.settings, row.partner))
        machine = row.stored.machine
        moved.append(Stored(title, f"{machine}@{own}" if own else machine, row.result, machine))
    return moved


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None
