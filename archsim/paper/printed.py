"""Numbers as a paper prints them: a value, and how far rounding may have moved it.

42.59 stands for anything from 42.585 to 42.595. Two printed numbers contradict each other only
where no values within their rounding agree, and ours meets a printed number where it lies within
its rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"
MISSING = "-"


@dataclass(frozen=True)
class Number:
    """A value, and the values from `low` to `high`, both included, that it may stand for. `text` is
    as printed. Products and quotients are of what is not negative."""

    value: float
    low: float
    high: float
    text: str = ""

    @property
    def middle(self) -> Number:
        """The same range, its middle as the value."""
        return replace(self, value=(self.low + self.high) / 2, text="")

    def meets(self, other: Number) -> bool:
        """Whether one value lies in both, or a hair beside (for the arithmetic of floats)."""
        slack = 1e-9 * max(1.0, abs(self.value))
        return self.low <= other.high + slack and other.low <= self.high + slack

    def __add__(self, other: Number | float) -> Number:
        by = exactly(other)
        return Number(self.value + by.value, self.low + by.low, self.high + by.high)

    def __sub__(self, other: Number | float) -> Number:
        by = exactly(other)
        return Number(self.value - by.value, self.low - by.high, self.high - by.low)

    def __mul__(self, other: Number | float) -> Number:
        by = exactly(other)
        return Number(self.value * by.value, self.low * by.low, self.high * by.high)

    def __truediv__(self, other: Number | float) -> Number:
        by = exactly(other)
        return Number(self.value / by.value, self.low / by.high, self.high / by.low)

    __rmul__ = __mul__

    def __rsub__(self, other: float) -> Number:
        return exactly(other) - self

    def __float__(self) -> float:
        return self.value

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else self.text or str(self.value)


def exactly(value: Number | float) -> Number:
    """A number that is not rounded."""
    if isinstance(value, Number):
        return value
    return Number(float(value), float(value), float(value))


def printed(text: str) -> Number:
    """The number that `text` is, and all that rounds to it; a size of 0.00 is not below nothing.

    Raises:
        ValueError: `text` is no number.
    """
    value = float(text)
    half = 0.5 * 10.0 ** -len(text.partition(".")[2])
    low = value - half
    return Number(value, max(0.0, low) if value >= 0 else low, value + half, text)


def read(cell: Any) -> Any:
    """A cell of a data file: a number where it is one, None where the paper prints none."""
    if not isinstance(cell, str):
        return cell
    try:
        return None if cell == MISSING else printed(cell)
    except ValueError:
        return cell


@cache
def data(name: str) -> Any:
    """A data file of this package, every scalar as the text it is written with."""
    import yaml

    text = (_DATA / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.BaseLoader)


def table(name: str) -> Mapping[str, Any]:
    """One table of the paper, by its name in data/tables.yaml."""
    found: Mapping[str, Any] = data("tables")[name]
    return found
