"""Area of the parts of a chip, and the power that they draw at rest (docs/reference/formats.md,
"Area and leakage").

Buffers take both from a grid of SRAM, everything else from the units that its class is made of.
A part that no table knows is None, never zero. Off-chip memory has no area of the chip.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Annotated, Literal, Protocol

from pydantic import Field

from archsim.arch.component import Component
from archsim.formats.errors import Problem
from archsim.formats.record import Record
from archsim.formats.source import unknown
from archsim.formats.yaml12 import Document
from archsim.results.sram_grid import Column, SramGrid, Value
from archsim.results.width_prices import EIGHT, Widths

CLOCK_TREE = "clock tree"
"""What stands beside the components in `leakage_by`; no component can be called so."""
NARROWEST = 8
"""[A] Bits per bank and cycle below which nobody would wake all banks (docs/decisions.md)."""


class _Nothing(Record):
    reason: Annotated[str, Field(min_length=10)]


class NoArea(_Nothing):
    """A unit that takes no area in this table, and why."""

    mm2: Literal[0]


class NoPower(_Nothing):
    """A unit that draws no power at rest in this table, and why."""

    mw: Literal[0]


Amount = float | NoArea | NoPower
Areas = Mapping[str, Mapping[str, Value | NoArea]]
Powers = Mapping[str, Mapping[str, Value | NoPower]]
Periods = Mapping[str, Mapping[str, Value]]
ClockShare = Annotated[float, Field(ge=0, le=0.9)]
Amounts = Mapping[str, Mapping[str, float]]
"""By class and unit."""
Parts = Mapping[str, Component]


@dataclass(frozen=True)
class Silicon:
    """What tables say together of one unit of each class: mm2, mW at rest, and the shortest clock
    period in ns; `grid` says it of buffers. `clock_share` is the clock tree's part of the energy
    that the chip takes.
    """

    areas: Amounts = field(default_factory=dict)
    powers: Amounts = field(default_factory=dict)
    periods: Amounts = field(default_factory=dict)
    clock_share: float = 0.0
    grid: SramGrid | None = None

    def area_mm2(self, parts: Parts, clock_mhz: float) -> dict[str, float | None]:
        """Of each part on the chip; none at all where no table has any area."""
        if not self.areas and not self._gridded("area_mm2"):
            return {}
        chip = {name: part for name, part in parts.items() if part.kind != "off_chip"}
        return {
            name: self._times(self.copies(part, clock_mhz), self._area(part, parts))
            for name, part in chip.items()
        }

    def static_mw(self, parts: Parts, clock_mhz: float) -> dict[str, float | None]:
        """Of each part; None where tables have leakage, and not that of a part on the chip. None at
        all where neither a table nor a part has any. What a part takes at rest by actions of its
        own, as a memory with rows does, is in these and not here once more.
        """
        known = bool(self.powers) or self._gridded("leak_mw")
        found = {}
        for name, part in parts.items():
            if part.actions_per_cycle:
                continue
            own = self._times(self.copies(part, clock_mhz), self._power(part, parts))
            own = part.static_mw if own is None else own
            if own is not None or (known and part.kind != "off_chip"):
                found[name] = own
        return found

    def copies(self, part: Component, clock_mhz: float) -> float:
        """How many of a part take turns where one is slower than the clock. A fraction stands for
        registers between its stages.
        """
        periods = list(self.periods.get(type(part).__name__, {}).values())
        if part.kind == "storage" and self.grid is not None and self.grid.has("access_ns"):
            periods = [self.grid.value("access_ns", *bank_of(part))]
        return max([1.0, *(period * clock_mhz / 1e3 for period in periods)])

    def notes(self, parts: Parts, clock_mhz: float, widths: Widths = EIGHT) -> list[str]:
        """What has to be said of amounts that a slope was continued for, of parts that count more
        than once, and of those whose operands have another width than the units of the tables.
        """
        said = []
        for name, part in parts.items():
            if part.kind == "storage" and self.grid and self.grid.beyond(*bank_of(part)):
                size, bits = bank_of(part)
                said.append(
                    f"sram: {name} (banks of {size:g} KB, ports of {bits:.3g} bits) lies outside "
                    f"the grid of {self.grid.name}; its last slope goes on"
                )
            copies = self.copies(part, clock_mhz)
            if copies > 1 and (self.areas or self._gridded("area_mm2")):
                said.append(f"area: {name} counts {copies:.3g} times, being slower than the clock")
            used = {operand for each in part.operands.values() for operand in each}
            known = type(part).__name__ in {**self.areas, **self.powers}
            if known and any(widths[operand] != EIGHT[operand] for operand in used):
                said.append(f"area: {name} has the area and the leakage of 8-bit operands")
        return said

    def _gridded(self, column: Column) -> bool:
        return self.grid is not None and self.grid.has(column)

    def _area(self, part: Component, parts: Parts) -> float | None:
        if part.kind == "storage" and self._gridded("area_mm2"):
            return _of_banks(self.grid, "area_mm2", part)
        return _of_units(self.areas, part, parts)

    def _power(self, part: Component, parts: Parts) -> float | None:
        if part.kind == "storage" and self._gridded("leak_mw"):
            return _of_banks(self.grid, "leak_mw", part)
        return _of_units(self.powers, part, parts)

    @staticmethod
    def _times(copies: float, amount: float | None) -> float | None:
        return None if amount is None else copies * amount


def _of_banks(grid: SramGrid | None, column: Column, storage: Component) -> float | None:
    return banks_of(storage) * grid.value(column, *bank_of(storage)) if grid else None


def _of_units(amounts: Amounts, part: Component, parts: Parts) -> float | None:
    """Over all units of a part; None where one has no amount, or cannot be counted."""
    own = amounts.get(type(part).__name__, {})
    total = 0.0
    for unit, keys in part.units.items():
        count = unit_count(part, keys, parts)
        if unit not in own or count is None:
            return None
        total += own[unit] * count
    return total


class Table(Protocol):
    """What an energy table says of silicon."""

    @property
    def areas(self) -> Areas: ...
    @property
    def leakage(self) -> Powers: ...
    @property
    def periods(self) -> Periods: ...
    @property
    def clock_share(self) -> float | None: ...


def silicon_of(tables: Sequence[Table], grid: SramGrid | None) -> Silicon:
    """What tables say together, of which the later wins per class and unit."""
    shares = [table.clock_share for table in tables if table.clock_share is not None]
    return Silicon(
        areas=_merged([table.areas for table in tables]),
        powers=_merged([table.leakage for table in tables]),
        periods=_merged([table.periods for table in tables]),
        clock_share=shares[-1] if shares else 0.0,
        grid=grid,
    )


def _merged(tables: Iterable[Mapping[str, Mapping[str, Amount]]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for table in tables:
        for name, units in table.items():
            plain = {unit: 0.0 if isinstance(one, _Nothing) else one for unit, one in units.items()}
            found.setdefault(name, {}).update(plain)
    return found


def unknown_units(
    document: Document, table: Table, classes: Mapping[str, type[Component]]
) -> Iterator[Problem]:
    """Classes and units of area, leakage and period that there are not."""
    tables: dict[str, Mapping[str, Mapping[str, Amount]]] = {
        "areas": table.areas, "leakage": table.leakage, "periods": table.periods
    }  # fmt: skip
    for key, named in tables.items():
        for name, units in named.items():
            if name not in classes:
                message = f"{key}: {unknown('component class', name, classes)}"
                yield Problem(document.key_place(key, name), message)
                continue
            for unit in units:
                if unit not in classes[name].units:
                    message = unknown(f"unit of class {name} called", unit, classes[name].units)
                    yield Problem(document.key_place(key, name, unit), message)


def unit_count(part: Component, keys: tuple[str, ...], parts: Parts) -> float | None:
    """How many units there are: the product of `keys`, those of other classes included; None where
    the machine has not exactly one component of such a class, or a key has no number.
    """
    factors = []
    for key in keys:
        kind, dot, own = key.rpartition(".")
        owners = [each for each in parts.values() if type(each).__name__ == kind] if dot else [part]
        value = getattr(owners[0], own, None) if len(owners) == 1 else None
        if not isinstance(value, int | float):
            return None
        factors.append(value)
    return prod(factors)


def banks_of(storage: Component) -> int:
    """Banks of all copies of a buffer; a class without the key `banks` has as many as make up its
    bytes.
    """
    count, size = (getattr(storage, key) for key in ("count", "bank_kbytes"))
    banks: int | None = getattr(storage, "banks", None)
    if banks is None:
        return max(1, int(getattr(storage, "capacity_bytes", 0) / (size * 1024) + 0.5))
    return int(count) * banks


def bank_of(storage: Component) -> tuple[float, float]:
    """Size of a bank in KB, and the width of its port in bits: `port_bits`, or what every bank has
    to give for `bytes_per_cycle` of its copy. Banks that would give less than a byte are read one
    at a time, each as wide as what a cycle reads. A port has one bit at least, and no more than its
    bank holds.
    """
    size, count, speed = (
        getattr(storage, key) for key in ("bank_kbytes", "count", "bytes_per_cycle")
    )
    width = getattr(storage, "port_bits", None)
    if width is None:
        share = 8 * speed * count / banks_of(storage)
        width = share if share >= NARROWEST else 8 * speed
    return float(size), max(1.0, min(float(width), 8192 * size))
