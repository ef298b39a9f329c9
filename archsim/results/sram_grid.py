"""SRAM priced by the size of a bank and the width of its port: points of a table, and what lies
between and beyond them (docs/reference/formats.md, "Energy").

Between points every value is interpolated bilinearly in log2 of the size and log2 of the width.
Beyond the last point the last slope goes on, taken on logarithms of the values as well: a power
law, which reaches neither zero nor below, and makes a bank of 1 GB as large as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from math import exp, log, log2
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from archsim.arch.component import Kbytes
from archsim.formats.errors import InputError
from archsim.formats.record import Record

LEAST, MOST = 1e-12, 1e9
LARGEST = 300.0
"""An exponent of e far beyond `MOST`, and far from what a float cannot hold."""
Value = Annotated[float, Field(ge=LEAST, le=MOST)]
Column = Literal["read_pj", "write_pj", "area_mm2", "leak_mw", "access_ns"]
OPTIONAL: tuple[Column, ...] = ("area_mm2", "leak_mw", "access_ns")
"""Columns that a grid may leave out, in all of its points."""


class GridPoint(Record):
    """One bank of `kbytes` with one port of `bits`: pJ of an access of `bits`, mm2, mW at rest, and
    ns from an address to its data.
    """

    kbytes: Kbytes
    bits: Annotated[float, Field(ge=1, le=2**20)]
    read_pj: Value
    write_pj: Value
    area_mm2: Value | None = None
    leak_mw: Value | None = None
    access_ns: Value | None = None


def _checked(points: tuple[GridPoint, ...]) -> tuple[GridPoint, ...]:
    """Raise ValueError where points do not make a grid that has a slope everywhere."""
    widths: dict[float, set[float]] = {}
    for point in points:
        own = widths.setdefault(point.kbytes, set())
        if point.bits in own:
            raise ValueError(f"{_bank(point.kbytes, point.bits)} stands there twice; leave out one")
        own.add(point.bits)
    if len(widths) < 2 or any(len(own) < 2 for own in widths.values()):
        raise ValueError("a grid needs two sizes, and two widths of each: a slope has two ends")
    for column in OPTIONAL:
        lacking = [point for point in points if getattr(point, column) is None]
        if lacking and len(lacking) < len(points):
            where = _bank(lacking[0].kbytes, lacking[0].bits)
            raise ValueError(f"{where} has no {column}, and others have; give it to all or to none")
    return points


GridPoints = Annotated[
    tuple[GridPoint, ...], Field(strict=False, max_length=4096), AfterValidator(_checked)
]


Row = tuple[float, tuple[GridPoint, ...]]
"""A size, and its points by width."""


@dataclass(frozen=True)
class SramGrid:
    """Checked points, and values of any bank. Sizes are in KB, widths in bits of one bank's port.

    Sizes need not have the same widths: a value is found along the widths of the two nearest sizes,
    and then between these.
    """

    points: tuple[GridPoint, ...]
    name: str = ""
    """Of the table that has them."""
    place: str = ""
    """Of its file."""

    @cached_property
    def _rows(self) -> tuple[Row, ...]:
        """By size."""
        found: dict[float, list[GridPoint]] = {}
        for point in sorted(self.points, key=lambda each: (each.kbytes, each.bits)):
            found.setdefault(point.kbytes, []).append(point)
        return tuple((size, tuple(row)) for size, row in found.items())

    def pj_per_byte(self, action: Literal["read", "write"], kbytes: float, bits: float) -> float:
        """Energy of one byte read or written, of an access that uses all of its bits."""
        column: Column = "read_pj" if action == "read" else "write_pj"
        return self.value(column, kbytes, bits) * 8 / bits

    def summary(self) -> dict[str, Any]:
        """What tells one grid from another, for the file of a result."""
        text = repr(self._rows).encode()
        digest = blake2b(text, digest_size=8).hexdigest()
        return {"grid": self.name, "points": len(self.points), "digest": digest}

    def has(self, column: Column) -> bool:
        """Whether the points have that column."""
        return getattr(self.points[0], column) is not None

    def value(self, column: Column, kbytes: float, bits: float) -> float:
        """The column's value for a bank of that size and width.

        Raises:
            InputError: the bank lies so far beyond the points that the value leaves all bounds.
        """
        (below, narrow), (above, wide) = _around(kbytes, self._rows)
        low, high = _along(column, narrow, bits), _along(column, wide, bits)
        found = _between(low, high, _share(kbytes, below, above))
        if not LEAST <= found <= MOST:
            where = _bank(kbytes, bits)
            message = f"sram: {column} of {where} comes to {found:.3g}; add points nearer to it"
            raise InputError.at(self.place, message)
        return found

    def beyond(self, kbytes: float, bits: float) -> bool:
        """Whether a bank lies outside the points, so that a slope was continued."""
        (below, narrow), (above, wide) = _around(kbytes, self._rows)
        # At a point's own size the other size of the pair has no part in the value.
        rows = [row for size, row in ((below, narrow), (above, wide)) if size == kbytes]
        inside = below <= kbytes <= above
        return not inside or any(
            not row[0].bits <= bits <= row[-1].bits for row in rows or (narrow, wide)
        )


def _around(kbytes: float, rows: Sequence[Row]) -> tuple[Row, Row]:
    """The two neighbouring sizes that `kbytes` lies between, or the outermost two."""
    return next((pair for pair in pairwise(rows) if kbytes <= pair[1][0]), (rows[-2], rows[-1]))


def _along(column: Column, row: Sequence[GridPoint], bits: float) -> float:
    """The value of one size at that width."""
    low, high = next((pair for pair in pairwise(row) if bits <= pair[1].bits), (row[-2], row[-1]))
    return _between(getattr(low, column), getattr(high, column), _share(bits, low.bits, high.bits))


def _share(place: float, start: float, end: float) -> float:
    """How far `place` lies from `start` on the way to `end`, in doublings."""
    return (log2(place) - log2(start)) / (log2(end) - log2(start))


def _between(start: float, end: float, share: float) -> float:
    """On the straight line between two values; beyond them on the power law through both."""
    if 0 <= share <= 1:
        return (1 - share) * start + share * end
    exponent = log(start) + share * (log(end) - log(start))
    return exp(max(-LARGEST, min(exponent, LARGEST)))


def _bank(kbytes: float, bits: float) -> str:
    return f"a bank of {kbytes:g} KB with a port of {bits:g} bits"
