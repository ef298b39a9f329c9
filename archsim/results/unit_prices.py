"""The forms in which an energy table gives the price of an action, and of a byte of SRAM by the
size of its bank."""

from collections.abc import Mapping
from math import inf, log2
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from archsim.arch.component import Kbytes
from archsim.formats.record import Record
from archsim.results.width_prices import ByWidth, Price, WidthKey

Factor = Annotated[float, Field(ge=0.01, le=100)]
"""Of a price, for each doubling; no size that a bank may have brings it to zero or to infinity."""


class Free(Record):
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


class Sram(Record):
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


def sram_form(sram: Any) -> str:
    """Which of the three forms of `sram` a value has."""
    if isinstance(sram, (list, tuple)):
        return "grid"
    found = "pj" in sram or "reason" in sram if isinstance(sram, Mapping) else False
    return "free" if found or isinstance(sram, Free) else "doublings"
