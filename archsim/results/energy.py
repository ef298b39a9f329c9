"""What actions cost: price tables read from YAML, one multiplication per action
(docs/reference/formats.md, "Energy").

Prices are per action of a component class. SRAM is priced by the size of the bank that is read or
written, and in a table with a grid by the width of its port. Of several tables the later wins, per
class and action, and any table wins over the prices that a class brings; before all come those that
follow from the keys of a component itself. A missing price is an error that names it; a price of
zero carries its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Discriminator, Field, Tag

from archsim.arch.component import Component
from archsim.arch.components.global_buffer import GlobalBuffer
from archsim.arch.energy_files import tables_named
from archsim.arch.machine_files import known_classes
from archsim.arch.records import OneOrMore
from archsim.formats.errors import InputError, Problem
from archsim.formats.record import Record, load
from archsim.formats.source import in_file_order, nearest, shown, unknown
from archsim.formats.yaml12 import Document
from archsim.results.silicon import (
    Areas,
    ClockShare,
    Periods,
    Powers,
    Silicon,
    bank_of,
    silicon_of,
    unknown_units,
)
from archsim.results.sram_grid import GridPoints, SramGrid
from archsim.results.unit_prices import Free, Priced, Sram, UnitPriceOf, sram_form
from archsim.results.width_prices import (
    EIGHT,
    Widths,
    at_width,
    width_key,
    width_problems,
)


class EnergyTable(Record):
    """Prices in pJ: `classes` maps a component class to its actions; buffers take `sram`, which is
    free where another price includes it. `extends` names tables that this one adds to.

    `areas` (mm2), `leakage` (mW) and `periods` (ns) are of one unit of a class, and `clock_share`
    is the clock tree's part of the chip's energy (archsim.results.silicon).
    """

    format: Literal["archsim-energy/1"]
    name: str
    source: str
    extends: OneOrMore | None = None
    sram: (
        Annotated[
            Annotated[Sram, Tag("doublings")]
            | Annotated[Free, Tag("free")]
            | Annotated[GridPoints, Tag("grid")],
            Discriminator(sram_form),
        ]
        | None
    ) = None
    classes: Mapping[str, Mapping[str, UnitPriceOf]] = Field(default_factory=dict)
    areas: Areas = Field(default_factory=dict)
    leakage: Powers = Field(default_factory=dict)
    periods: Periods = Field(default_factory=dict)
    clock_share: ClockShare | None = None


@dataclass(frozen=True)
class Prices:
    """What tables say together. `files` are all that were read, those that others extend included,
    the one that wins last.
    """

    files: tuple[Path, ...]
    sram: Sram | Free | SramGrid | None
    classes: Mapping[str, Mapping[str, Priced]]
    silicon: Silicon = field(default_factory=Silicon)

    def price(self, component: Component, action: str, widths: Widths = EIGHT) -> float | None:
        """pJ of one action on operands of these widths, None where neither its own keys, a table
        nor the class has a price for it."""
        if action in component.own_prices:
            return component.own_prices[action]
        if component.kind == "storage" and action in {"read", "write"}:
            if isinstance(self.sram, SramGrid):
                way = cast('Literal["read", "write"]', action)
                return self.sram.pj_per_byte(way, *bank_of(component))
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
        """The prices of each of these components by action, and those of SRAM, as plain data; of a
        grid, what it comes to at each of the buffers, per byte.
        """
        own: dict[str, Any] = {}
        for name, component in components.items():
            table = self.classes.get(type(component).__name__, {})
            actions = dict.fromkeys([*component.prices, *table, *component.own_prices])
            priced = {each: self.price(component, each, widths) for each in actions}
            found = {each: pj for each, pj in priced.items() if pj is not None}
            own |= {name: found} if found else {}
        if isinstance(self.sram, SramGrid):
            buffers = {
                name: {action: self.price(part, action) for action in ("read", "write")}
                for name, part in components.items()
                if part.kind == "storage"
            }
            return {"sram": self.sram.summary(), "components": own, "buffers": buffers}
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
        return "sram (base_pj, base_kbytes ... or a grid)"
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
    sram: Sram | Free | SramGrid | None = None
    merged: dict[str, dict[str, Priced]] = {}
    for path, table in read_tables:
        if isinstance(table.sram, tuple):
            sram = SramGrid(table.sram, table.name, shown(path))
        else:
            sram = table.sram or sram
        for name, actions in table.classes.items():
            merged.setdefault(name, {}).update(actions)
    grid = sram if isinstance(sram, SramGrid) else None
    silicon = silicon_of([table for _, table in read_tables], grid)
    return Prices(tuple(path for path, _ in read_tables), sram, merged, silicon)


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
    return [*problems, *unknown_units(document, table, classes)]


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
