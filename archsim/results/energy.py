"""What actions cost: price tables read from YAML, one multiplication per action
(docs/reference/formats.md, "Energy").

Prices are per action of a component class. SRAM is priced by the size of the bank that is read or
written. Of several tables the later wins, per class and action, and any table wins over the prices
that a class brings. A missing price is an error that names it; a price of zero carries its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, log2
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from archsim.arch.component import Component, Kbytes
from archsim.arch.components.global_buffer import GlobalBuffer
from archsim.arch.energy_files import tables_named
from archsim.arch.machine_files import known_classes
from archsim.arch.records import OneOrMore
from archsim.formats.errors import InputError, Problem
from archsim.formats.record import load
from archsim.formats.source import in_file_order, nearest, shown, unknown
from archsim.formats.yaml12 import Document
from archsim.results.width_prices import (
    EIGHT,
    ByWidth,
    Price,
    WidthKey,
    Widths,
    at_width,
    width_key,
    width_problems,
)

Factor = Annotated[float, Field(ge=0.01, le=100)]
"""Of a price, for each doubling; no size that a bank may have brings it to zero or to infinity."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Free(_Record):
    """An action that costs nothing in this table, and why."""

    pj: Literal[0]
    reason: Annotated[str, Field(min_length=10)]


def _form(price: object) -> str:
    if isinstance(price, Free):
        return "free"
    if not isinstance(price, Mapping):
        return "price"
    return "free" if {"pj", "reason"} & {*price} else "widths"


UnitPriceOf = Annotated[
    Annotated[Price, Tag("price")]
    | Annotated[Free, Tag("free")]
    | Annotated[ByWidth, Tag("widths")],
    Discriminator(_form),
]
"""Of an action: pJ, pJ by the width of operands, or nothing with a reason."""
Priced = float | Free | Mapping[WidthKey, float]


class Sram(_Record):
    """pJ per byte of a bank: a base at one size, and a step or a factor for each doubling, between
    a floor and a ceiling where they are given.
    """

    base_pj: Price
    base_kbytes: Kbytes
    pj_per_doubling: Price | None = None
    factor_per_doubling: Factor | None = None
    min_pj: Price | None = None
    max_pj: Price | None = None

    def pj_per_byte(self, bank_kbytes: float) -> float:
        """Energy of one byte read or written."""
        doublings = log2(bank_kbytes / self.base_kbytes)
        price = self.base_pj * (self.factor_per_doubling or 1.0) ** doublings
        price += (self.pj_per_doubling or 0.0) * doublings
        return float(min(max(price, self.min_pj or 0.0), self.max_pj or inf))


class EnergyTable(_Record):
    """Prices in pJ: `classes` maps a component class to its actions; buffers take `sram`, which is
    free where another price includes it. `extends` names tables that this one adds to.
    """

    format: Literal["archsim-energy/1"]
    name: str
    source: str
    extends: OneOrMore | None = None
    sram: Sram | Free | None = None
    classes: Mapping[str, Mapping[str, UnitPriceOf]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Prices:
    """What tables say together. `files` are all that were read, those that others extend included,
    the one that wins last.
    """

    files: tuple[Path, ...]
    sram: Sram | Free | None
    classes: Mapping[str, Mapping[str, Priced]]

    def price(self, component: Component, action: str, widths: Widths = EIGHT) -> float | None:
        """pJ of one action on operands of these widths, None where neither a table nor the class
        has a price for it."""
        if component.kind == "storage" and action in {"read", "write"}:
            if isinstance(self.sram, Sram):
                return self.sram.pj_per_byte(cast("GlobalBuffer", component).bank_kbytes)
            return None if self.sram is None else 0.0
        found: Free | float | Mapping[Any, float] | None
        found = self.classes.get(type(component).__name__, {}).get(action)
        if found is None and action in component.prices:
            found = component.prices[action].by_width
        if found is None or isinstance(found, Free):
            return None if found is None else 0.0
        return at_width(found, width_key(type(component), action, widths))

    def of(self, components: Mapping[str, Component], widths: Widths = EIGHT) -> dict[str, Any]:
        """The prices of each of these components by action, and those of SRAM, as plain data."""
        own: dict[str, Any] = {}
        for name, component in components.items():
            table = self.classes.get(type(component).__name__, {})
            actions = dict.fromkeys([*component.prices, *table])
            priced = {each: self.price(component, each, widths) for each in actions}
            found = {each: pj for each, pj in priced.items() if pj is not None}
            own |= {name: found} if found else {}
        sram = self.sram.model_dump(mode="json", exclude_none=True) if self.sram else None
        return {"sram": sram, "components": own}


def price_actions(
    prices: Prices,
    components: Mapping[str, Component],
    actions: Mapping[str, Mapping[str, int]],
    widths: Widths = EIGHT,
) -> dict[str, float]:
    """pJ of each component. InputError names every price that is missing, and where it belongs."""
    energy = {}
    missing: dict[str, Problem] = {}
    for name, counts in actions.items():
        total = 0.0
        for action, count in counts.items():
            price = prices.price(components[name], action, widths)
            if price is None:
                bits = width_key(type(components[name]), action, widths)
                key = _price_key(components[name], action)
                message = _missing(prices, (name, components[name]), action, count, bits)
                missing.setdefault(key, message)
            else:
                total += count * price
        energy[name] = total
    if missing:
        raise InputError(missing.values())
    return energy


def _price_key(component: Component, action: str) -> str:
    """The key of a table that gives the price of an action."""
    if component.kind == "storage" and action in {"read", "write"}:
        return "sram (base_pj, base_kbytes ...)"
    return f"classes.{type(component).__name__}.{action}"


def _missing(
    prices: Prices, part: tuple[str, Component], action: str, count: int, bits: str | None
) -> Problem:
    name, component = part
    kind = type(component).__name__
    key = _price_key(component, action)
    free = "{pj: 0, reason: ...}"
    if bits not in {None, "8"}:
        action, key = f"{action} at {bits} bits", f"{key}: {{{bits}: ...}}"
    return Problem(
        shown(prices.files[-1]),
        f"no price for action {action!r} of class {kind} (component {name!r}, {count} times); "
        f"add {key} in pJ, or {free}",
    )


def load_energy(*paths: Path, classes: Mapping[str, type[Component]] | None = None) -> Prices:
    """Reads price tables and those that they extend; a later one wins.

    A class that brings prices names all its actions by them, so a table with another action of such
    a class is wrong; so is one with a class that there is not, or with an action that only looks
    like one of an earlier table. `classes` are known beside those that can be found.

    Raises:
        InputError: all that is wrong in a table.
    """
    known = known_classes() | {**(classes or {})}
    read_tables: list[tuple[Path, EnergyTable]] = []
    for path in paths:
        read_tables += _tables(path, (), known, read_tables)
    sram: Sram | Free | None = None
    merged: dict[str, dict[str, Priced]] = {}
    for _, table in read_tables:
        sram = table.sram or sram
        for name, actions in table.classes.items():
            merged.setdefault(name, {}).update(actions)
    return Prices(tuple(path for path, _ in read_tables), sram, merged)


def _tables(
    path: Path,
    above: tuple[Path, ...],
    classes: Mapping[str, type[Component]],
    earlier: Sequence[tuple[Path, EnergyTable]] = (),
) -> list[tuple[Path, EnergyTable]]:
    """The tables that the one at `path` extends, each after its own, and that table; `above` are
    those that lead here, `earlier` those that it stands after.
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
    problems += _unknown_names(document, table, classes)
    problems += width_problems(document, table.classes, classes)
    if problems:
        raise InputError(in_file_order(problems))
    before = [pair for each in extended for pair in _tables(each, way, classes)]
    if slips := _slips(document, table, [other for _, other in (*earlier, *before)]):
        raise InputError(in_file_order(slips))
    return [*before, (path, table)]


def _unknown_names(
    document: Document, table: EnergyTable, classes: Mapping[str, type[Component]]
) -> list[Problem]:
    """Classes that there are not, and actions that a class with prices of its own does not have."""
    problems = []
    for name, actions in table.classes.items():
        if name not in classes:
            message = f"classes: {unknown('component class', name, classes)}"
            problems.append(Problem(document.key_place("classes", name), message))
        own = classes[name].prices if name in classes else {}
        for action in actions if own else ():
            if action not in own:
                message = unknown(f"action of class {name} called", action, own)
                problems.append(Problem(document.key_place("classes", name, action), message))
    return problems


def _slips(document: Document, table: EnergyTable, earlier: Sequence[EnergyTable]) -> list[Problem]:
    """Actions that no earlier table has of that class, beside one that is written much like it and
    that this table does not have: its price would stay what it was."""
    problems = []
    for name, actions in table.classes.items():
        before = {action for other in earlier for action in other.classes.get(name, ())}
        for action in actions:
            near = nearest(action, before - {*actions}) if action not in before else None
            if near is not None:
                message = f"there is no action of class {name} called {action!r}; "
                message += f"did you mean {near!r}?"
                problems.append(Problem(document.key_place("classes", name, action), message))
    return problems


def energy_schema() -> dict[str, Any]:
    """JSON Schema of a price table."""
    return EnergyTable.model_json_schema()
