"""What actions cost: price tables read from YAML, one multiplication per action
(docs/reference/formats.md, "Energy").

Prices are per action of a component class. SRAM is priced by the size of the bank that is read or
written. Of several tables the later wins, per class and action, and any table wins over the prices
that a class brings. A missing price is an error that names it; a price of zero carries its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from archsim.arch.component import Component
from archsim.arch.components.global_buffer import GlobalBuffer
from archsim.arch.energy_files import tables_named
from archsim.arch.machine_files import shipped_classes
from archsim.arch.records import OneOrMore
from archsim.formats.errors import InputError, Problem
from archsim.formats.record import load
from archsim.formats.source import in_file_order, shown, unknown
from archsim.formats.yaml12 import Document

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
    free where another price includes it. `extends` names tables that this one adds to.
    """

    format: Literal["archsim-energy/1"]
    name: str
    source: str
    extends: OneOrMore | None = None
    sram: Sram | Free | None = None
    classes: Mapping[str, Mapping[str, Price | Free]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Prices:
    """What tables say together. `files` are all that were read, those that others extend included,
    the one that wins last.
    """

    files: tuple[Path, ...]
    sram: Sram | Free | None
    classes: Mapping[str, Mapping[str, float | Free]]

    def price(self, component: Component, action: str) -> float | None:
        """pJ of one action, None where neither a table nor the class has a price for it."""
        if component.kind == "storage" and action in {"read", "write"}:
            if isinstance(self.sram, Sram):
                return self.sram.pj_per_byte(cast("GlobalBuffer", component).bank_kbytes)
            return None if self.sram is None else 0.0
        found = self.classes.get(type(component).__name__, {}).get(action)
        if found is None and action in component.prices:
            return component.prices[action].pj
        return 0.0 if isinstance(found, Free) else found

    def of(self, components: Mapping[str, Component]) -> dict[str, Any]:
        """The prices of these components by class and action, and those of `sram`, as plain
        data."""
        found: dict[str, Any] = {}
        if self.sram is not None:
            found["sram"] = self.sram.model_dump(mode="json", exclude_none=True)
        kinds: dict[type[Component], None] = dict.fromkeys(map(type, components.values()))
        for kind in kinds:
            own = {action: price.pj for action, price in kind.prices.items()}
            table = self.classes.get(kind.__name__, {})
            own |= {name: 0.0 if isinstance(pj, Free) else pj for name, pj in table.items()}
            if own:
                found[kind.__name__] = own
        return found


def price_actions(
    prices: Prices, components: Mapping[str, Component], actions: Mapping[str, Mapping[str, int]]
) -> dict[str, float]:
    """pJ of each component. InputError names the first price that is missing, and where it
    belongs.
    """
    energy = {}
    for name, counts in actions.items():
        total = 0.0
        for action, count in counts.items():
            price = prices.price(components[name], action)
            if price is None:
                raise _missing(prices, name, components[name], action, count)
            total += count * price
        energy[name] = total
    return energy


def _missing(
    prices: Prices, name: str, component: Component, action: str, count: int
) -> InputError:
    kind = type(component).__name__
    key = f"classes.{kind}.{action}"
    if component.kind == "storage" and action in {"read", "write"}:
        key = "sram (base_pj, base_kbytes ...)"
    free = "{pj: 0, reason: ...}"
    return InputError.at(
        shown(prices.files[-1]),
        f"no price for action {action!r} of class {kind} (component {name!r}, {count} times); "
        f"add {key} in pJ, or {free}",
    )


def load_energy(*paths: Path, classes: Mapping[str, type[Component]] | None = None) -> Prices:
    """Reads price tables and those that they extend; a later one wins.

    A class that brings prices names all its actions by them, so a table with another action of such
    a class is wrong; `classes` are those that are known, by default all of the package.

    Raises:
        InputError: all that is wrong in a table.
    """
    known = shipped_classes() if classes is None else classes
    read_tables = [pair for path in paths for pair in _tables(path, (), known)]
    sram: Sram | Free | None = None
    merged: dict[str, dict[str, float | Free]] = {}
    for _, table in read_tables:
        sram = table.sram or sram
        for name, actions in table.classes.items():
            merged.setdefault(name, {}).update(actions)
    return Prices(tuple(path for path, _ in read_tables), sram, merged)


def _tables(
    path: Path, above: tuple[Path, ...], classes: Mapping[str, type[Component]]
) -> list[tuple[Path, EnergyTable]]:
    """The tables that the one at `path` extends, each after its own, and that table; `above` are
    those that lead here.
    """
    document, table = load(path, EnergyTable)
    problems: list[Problem] = []
    extended = tables_named(document, "extends", path.parent, problems)
    way = (*above, path.resolve())
    for each in extended:
        if each.resolve() in way:
            circle = " extends ".join(shown(one) for one in (*way, each.resolve()))
            message = f"{circle}; leave out one `extends`"
            problems.append(Problem(document.place("extends"), message))
    problems += _unknown_actions(document, table, classes)
    if problems:
        raise InputError(in_file_order(problems))
    before = [pair for each in extended for pair in _tables(each, way, classes)]
    return [*before, (path, table)]


def _unknown_actions(
    document: Document, table: EnergyTable, classes: Mapping[str, type[Component]]
) -> list[Problem]:
    """Actions that a class with prices of its own does not have."""
    return [
        Problem(
            document.key_place("classes", name, action),
            unknown(f"action of class {name} called", action, classes[name].prices),
        )
        for name, actions in table.classes.items()
        if name in classes and classes[name].prices
        for action in actions
        if action not in classes[name].prices
    ]


def energy_schema() -> dict[str, Any]:
    """JSON Schema of a price table."""
    return EnergyTable.model_json_schema()
