"""Table II from shapes and its own densities: operations and sizes of fourteen ResNet18 models.

The paper states neither how it counts operations with a decomposition nor how many bits an index
takes. Operations here are 2 a multiply-add times the share of weights that are not zero, plus 6 for
each non-zero coefficient that is rebuilt (which is what rows 1, 2 and 4+ show). Sizes follow the
text where it says something, and where only a Huffman code's mean length is missing, the length
that the printed size implies is given instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from archsim.paper.printed import Printed, Span, exactly, number, table
from archsim.paper.shapes import MIB, Counts, counts, resnet18_conv_macs, resnet18_shapes

PLAIN_BITS = 32
REBUILD = 6  # 3 multiplications and 3 additions a coefficient, from row 2 less row 1
FIVE_BITS = ("6", "9+")  # 9 to 16 levels and a sign: fits both rows; the paper does not say
CODE_BITS = Span(2.0, 3.5)  # appendix B: over all models


@dataclass(frozen=True)
class Row:
    """A row of Table II; densities are shares, `coefficients` None without a decomposition."""

    name: str
    mflops: Printed
    size: Printed
    weights: Span
    coefficients: Span | None


def rows() -> list[Row]:
    """Every row as printed."""
    found = table("table2")
    made = []
    for name, cells in found["rows"].items():
        row = dict(zip(found["columns"], cells, strict=True))
        coefficients = number(row["coefficients"])
        made.append(
            Row(
                name,
                Printed(row["mflops"]),
                Printed(row["size"]),
                _share(Printed(row["weights"])),
                None if coefficients is None else _share(coefficients),
            )
        )
    return made


def operations(row: Row) -> Span:
    """Millions of operations under the one rule that rows 1, 2 and 4+ show."""
    work = row.weights.times(2 * resnet18_conv_macs() / 1e6)
    if row.coefficients is None:
        return work
    return work + row.coefficients.times(REBUILD * _counts().coefficients / 1e6)


def rebuilding_share(row: Row) -> Span:
    """Share of the printed operations that rebuilding takes, at row 2's rate."""
    if row.coefficients is None:
        return exactly(0.0)
    rate = row_named("2").mflops.span - row_named("1").mflops.span
    return row.coefficients.product(rate) / row.mflops.span


def size(row: Row) -> tuple[Span, str] | None:
    """Size in MiB and the rule, or None where it takes a Huffman code of weights we lack."""
    c = _counts()
    if row.name == "1":
        return exactly(_mib(c.weights * PLAIN_BITS)), "32 bits a weight"
    if row.name in {"2", "3"}:
        bits = PLAIN_BITS if row.name == "2" else 8
        total = c.coefficients * bits + c.basis * PLAIN_BITS
        return exactly(_mib(total)), f"{bits} bits a coefficient, 32 a basis entry"
    if row.name == "5" and row.coefficients is not None:
        stored = row.coefficients.times(_mib(c.coefficients * PLAIN_BITS))
        basis = exactly(_mib(c.basis * PLAIN_BITS))
        return stored + basis, "32 bits a non-zero and a basis entry, no index"
    if row.name in {"4+", *FIVE_BITS}:
        bits = 5 if row.name in FIVE_BITS else PLAIN_BITS
        stored = row.weights.times(_mib(c.weights * bits))
        return stored + exactly(_mib(c.weights)), f"{bits} bits a non-zero, 1 index bit a weight"
    return None


def code_bits(row: Row) -> Span:
    """Mean bits of a non-zero coefficient that the printed size leaves, after an index bit an
    element (appendix B) and 8-bit bases."""
    c = _counts()
    if row.coefficients is None:
        raise ValueError(f"row {row.name} has no coefficients")
    rest = row.size.span - exactly(_mib(c.coefficients + 8 * c.basis))
    return rest / row.coefficients.times(_mib(c.coefficients))


def weight_bounds(coefficients: Span) -> Span:
    """Non-zero shares of W that a non-zero share of Ce allows.

    A row of W is zero where its three coefficients are, and full elsewhere: its share lies between
    that of Ce (full rows) and three times as much (one non-zero a row).
    """
    return Span(coefficients.low, min(1.0, 3 * coefficients.high))


def scattered(coefficients: float) -> float:
    """Non-zero share of W if non-zeros of Ce lay at random."""
    return 1 - (1 - coefficients) ** 3


def row_named(name: str) -> Row:
    """One row."""
    return next(row for row in rows() if row.name == name)


def _counts() -> Counts:
    return counts(resnet18_shapes())


def _share(percent: Printed) -> Span:
    """100.0 is all of them, not a rounded value."""
    return exactly(1.0) if percent.value == 100 else percent.span.times(0.01)


def _mib(bits: float) -> float:
    return bits / 8 / MIB
