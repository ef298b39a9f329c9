"""What actions cost: a price table read from YAML, one multiplication an action (docs/formats.md,
"Energy").

Prices are per action of a component class. SRAM is priced by the size of the bank that is read or
written. A missing price is an error that names it; a price of zero carries its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from archsim.arch.component import Component
from archsim.formats.errors import InputError, Problem
from archsim.formats.source import Section, in_file_order, read

if TYPE_CHECKING:
    from archsim.arch.components.global_buffer import GlobalBuffer

Price = Annotated[float, Field(gt=0, le=1e9)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Free(_Record):
    """An action that costs nothing in this table, and why."""

    pj: Literal[0]
    reason: Annotated[str, Field(min_length=10)]


class Sram(_Record):
    """pJ per byte of a bank: a base at one size, and a step or a factor for each doubling, between
    two ends.
    """

    base_pj: Price
    base_kbytes: Price
    pj_per_doubling: Price | None = None
    factor_per_doubling: Price | None = None
    min_pj: Price | None = None
    max_pj: Price | None = None

    def pj_per_byte(self, bank_kbytes: float) -> float:
        """Energy of one byte read or written."""
        doublings = log2(bank_kbytes / self.base_kbytes)
        price = self.base_pj * (self.factor_per_doubling or 1.0) ** doublings
        price += (self.pj_per_doubling or 0.0) * doublings
        return float(min(max(price, self.min_pj or 0.0), self.max_pj or price))


class EnergyTable(_Record):
    """Prices in pJ: `classes` maps a component class to its actions; buffers take `sram`, which is
    free where another price includes it.
    """

    format: Literal["archsim-energy/1"]
    name: str
    source: str
    sram: Sram | Free
    classes: Mapping[str, Mapping[str, Price | Free]]

    def price(self, component: Component, action: str) -> float | None:
        """pJ of one action, None where the table has no price for it."""
        if component.kind == "storage" and action in {"read", "write"}:
            if isinstance(self.sram, Free):
                return 0.0
            return self.sram.pj_per_byte(cast("GlobalBuffer", component).bank_kbytes)
        found = self.classes.get(type(component).__name__, {}).get(action)
        if found is None and action in component.prices:
            return component.prices[action].pj
        return 0.0 if isinstance(found, Free) else found


def price_actions(
    table: EnergyTable,
    components: Mapping[str, Component],
    actions: Mapping[str, Mapping[str, int]],
    place: str,
) -> dict[str, float]:
    """pJ of each component. InputError names the first price that is missing, and where it
    belongs.
    """
    energy = {}
    for name, counts in actions.items():
        total = 0.0
        for action, count in counts.items():
            price = table.price(components[name], action)
            if price is None:
                kind = type(components[name]).__name__
                raise InputError.at(
                    place,
                    f"no price for action {action!r} of class {kind} (component {name!r}, "
                    f"{count} times); add classes.{kind}.{action} in pJ, or {{pj: 0, reason: ...}}",
                )
            total += count * price
        energy[name] = total
    return energy


def load_energy(path: Path) -> EnergyTable:
    """Reads a price table. InputError with all that is wrong in it."""
    document = read(path)
    problems: list[Problem] = []
    table = Section(document).checked(EnergyTable, document.value, problems)
    if table is None:
        raise InputError(in_file_order(problems))
    return table


def energy_schema() -> dict[str, Any]:
    """JSON Schema of a price table."""
    return EnergyTable.model_json_schema()
