"""What a name in an expression of a sweep means, on a machine and once its run is there.

Known before a run: ``COMPONENT.KEY``, ``FLOW.KEY``, ``CLASS.KEY`` and ``*.KEY`` (of all components
that have it), keys of the arch itself, ``sram_kbytes``, and ``area_mm2`` where prices have areas.
Known after it: every total of a result, ``edp``, ``energy_pj.COMPONENT`` and ``dram_bytes.FLOW``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from typing import Any, cast

from archsim.analysis.sweep.expression import Expression, Values
from archsim.arch.arch import Arch
from archsim.arch.change import ARCH_KEYS, MISSING, SECTIONS, Change, value_at
from archsim.arch.components.global_buffer import GlobalBuffer
from archsim.formats.errors import Problem
from archsim.formats.source import unknown
from archsim.results.pricing import prices_of
from archsim.results.store import PLAIN_COLUMNS, PRICED_COLUMNS, Stored, summary_row

EVERY = "*"
SRAM, AREA, EDP = "sram_kbytes", "area_mm2", "edp"
TOTALS = (*PLAIN_COLUMNS, "energy_pj", EDP, *(name for name in PRICED_COLUMNS if name != AREA))
"""Names that a finished run alone gives a value."""
PARTS: Mapping[str, Callable[[Arch], Iterable[str]]] = {
    "energy_pj": lambda arch: arch.components,
    "dram_bytes": lambda arch: arch.flows,
}
"""Totals that are known of each component or flow, too."""
NO_TOTALS = frozenset({"batch", "model"})
"""Numbers of a summary that say what was run."""


@dataclass(frozen=True)
class Machine:
    """A machine as expressions see it."""

    arch: Arch

    def values(self, name: str) -> Values | None:
        """The values of a name that is known before a run; None of any other, and of a name that
        this machine does not have."""
        if name == SRAM:
            return (self.sram_kbytes,)
        if name == AREA:
            return None if self.area_mm2 is None else (self.area_mm2,)
        return key_values(self._keys, name)

    @cached_property
    def _keys(self) -> dict[str, Any]:
        return self.arch.keys

    @cached_property
    def sram_kbytes(self) -> int | float:
        """Of all buffers; whole where it is."""
        parts = self.arch.components.values()
        held = sum(cast(GlobalBuffer, one).capacity_bytes for one in parts if one.kind == "storage")
        return held // 1024 if held % 1024 == 0 else held / 1024

    @cached_property
    def area_mm2(self) -> float | None:
        """Of all parts whose area the prices know; None where they know none."""
        areas = prices_of(self.arch).silicon.area_mm2(self.arch.components, self.arch.clock_mhz)
        return fsum(one or 0.0 for one in areas.values()) if areas else None

    def knows(self, name: str) -> bool:
        """Whether a name has values on this machine, before a run or after it."""
        total, _, part = name.partition(".")
        if part and total in PARTS:
            return part in PARTS[total](self.arch)
        if name == "gops_per_mm2":
            return self.area_mm2 is not None
        return name in TOTALS or self.values(name) is not None

    @property
    def legal(self) -> list[str]:
        """Names that it knows, to find the nearest among."""
        parts = [f"{total}.{part}" for total, of in PARTS.items() for part in of(self.arch)]
        keys = [
            f"{owner}.{key}" for each in SECTIONS for owner, own in self._keys[each].items()
            for key in own if key != "class"
        ]  # fmt: skip
        return [*TOTALS, SRAM, AREA, *ARCH_KEYS, *keys, *parts]


def key_values(keys: Mapping[str, Any], name: str) -> Values | None:
    """The values of the keys of that name in an arch as plain data; None where it has none."""
    owner, _, key = name.rpartition(".")
    if owner == EVERY:
        parts = keys["components"].values()
        return [part[key] for part in parts if key in part] or None
    found = [value_at(keys, path) for path in Change(name, None, "").paths(keys)]
    known = [one for one in found if not isinstance(one, dict) and one is not MISSING]
    return known or None


def unknown_names(expression: Expression, place: str, machines: Sequence[Machine]) -> list[Problem]:
    """The names of an expression that none of the machines knows."""
    problems = []
    for name in expression.names:
        if not any(machine.knows(name) for machine in machines):
            legal = list(dict.fromkeys(one for machine in machines for one in machine.legal))
            message = unknown("quantity", name, legal)
            if name in {AREA, "gops_per_mm2"}:
                message = f"{name} is not known: no price table of these machines has areas"
            problems.append(Problem(place, message))
    return problems


def totals_of(stored: Stored) -> dict[str, int | float]:
    """Every total of a result by its name, those of components and flows among them, as a summary
    has them; what a price table does not know is left out."""
    result, row = stored.result, summary_row(stored)
    numbers = {
        name: value
        for name, value in row.items()
        if isinstance(value, int | float) and name not in NO_TOTALS
    }
    own = {"energy_pj": result.energy_pj, EDP: result.millijoules * result.milliseconds}
    return {**own, **numbers}
