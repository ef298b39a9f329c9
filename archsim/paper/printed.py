"""Numbers as a paper prints them: a value, and how far rounding may have moved it.

42.59 stands for anything from 42.585 to 42.595. Two printed numbers contradict each other only
where no values within their rounding agree, and ours meets a printed number where it lies within
its rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"
MISSING = "-"


@dataclass(frozen=True)
class Span:
    """Values from `low` to `high`, both included."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    def meets(self, other: Span) -> bool:
        """Whether one value lies in both."""
        return self.low <= other.high and other.low <= self.high

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Span) -> Span:
        return Span(self.low - other.high, self.high - other.low)

    def __truediv__(self, other: Span) -> Span:
        """Of values that are not negative; `other` must stay above 0."""
        return Span(self.low / other.high, self.high / other.low)

    def product(self, other: Span) -> Span:
        """Of values that are not negative."""
        return Span(self.low * other.low, self.high * other.high)

    def times(self, factor: float) -> Span:
        """`factor` is not negative."""
        return Span(self.low * factor, self.high * factor)


@dataclass(frozen=True)
class Printed:
    """A number as it is printed: `text` has its digits."""

    text: str

    @property
    def value(self) -> float:
        return float(self.text)

    @property
    def span(self) -> Span:
        """Everything that rounds to it; a size of 0.00 is not below nothing."""
        digits = len(self.text.partition(".")[2])
        half = 0.5 * 10.0**-digits
        low = self.value - half
        return Span(max(0.0, low) if self.value >= 0 else low, self.value + half)

    def met_by(self, ours: float) -> bool:
        """Whether `ours` rounds to it (and a hair more, for the arithmetic of floats)."""
        slack = 1e-9 * max(1.0, abs(ours))
        return self.span.low - slack <= ours <= self.span.high + slack


def number(text: str) -> Printed | None:
    """The printed number; None where the paper prints none."""
    return None if text == MISSING else Printed(text)


def exactly(value: float) -> Span:
    """A number that is not rounded."""
    return Span(value, value)


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
