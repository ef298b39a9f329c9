"""Tables III and IV: what each row says of itself, and what shapes say of it.

Sizes are in 10^6 bytes, but for MLP-1, whose original is 14.125 in units of 2^20. The number of
weights is the original size over 4 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from archsim.formats.search import names
from archsim.paper.networks import Source, load
from archsim.paper.printed import MISSING, Printed, Span, exactly, table
from archsim.paper.shapes import MB, MIB, Shape, counts, megabytes, workload_shapes

MEBI_ROWS = ("MLP-1",)
BASIS_BITS = 16  # meets Table IV to the digit; the paper says 8


@dataclass(frozen=True)
class SizeRow:
    """A decomposed row; `ordinal` counts the rows of a network from 1."""

    network: str
    ordinal: int
    workload: str
    original: Printed
    rate: Printed | None
    param: Printed
    basis: Printed
    coefficients: Printed
    sparsity: Printed

    @property
    def label(self) -> str:
        """The network, and which of its rows where there are two."""
        return self.network + (f" {'ab'[self.ordinal - 1]}" if self.network in _TWICE else "")

    @property
    def implied_rate(self) -> Span:
        """Original over decomposed size."""
        return self.original.span / self.param.span

    @property
    def code_bits(self) -> Span:
        """Bits a non-zero: the Ce column over the weights that are left."""
        unit = MIB if self.network in MEBI_ROWS else MB
        weights = self.original.span.times(unit / 4)
        left = exactly(1.0) - self.sparsity.span.times(0.01)
        return self.coefficients.span.times(8 * unit) / left.product(weights)

    @property
    def index(self) -> Span:
        """What is neither basis nor coefficients."""
        return self.param.span - self.basis.span - self.coefficients.span


_TWICE = {"ResNet50", "VGG19", "ResNet164"}


def size_rows(name: str) -> list[SizeRow]:
    """The decomposed rows of ``table3`` or ``table4``."""
    found = []
    for network, entry in table(name)["networks"].items():
        for ordinal, row in enumerate(entry["rows"], start=1):
            rate = None if row[2] == MISSING else Printed(row[2])
            sizes = (Printed(text) for text in (entry["original"][2], *row[3:6], row[6]))
            original, param, basis, coefficients, sparsity = sizes
            found.append(
                SizeRow(
                    network, ordinal, entry["workload"], original, rate,
                    param, basis, coefficients, sparsity,
                )
            )  # fmt: skip
    return found


def is_there(workload: str) -> bool:
    """Whether a workload's shapes can be read."""
    return workload in names("workloads")


@lru_cache(maxsize=16)
def shapes(workload: str) -> tuple[Shape, ...]:
    """Weight shapes of a workload."""
    return tuple(workload_shapes(load(Source(workload, conv_only=False))))


def original_size(row: SizeRow) -> float:
    """32 bits a weight, from the shapes; in the row's own unit."""
    unit = MIB if row.network in MEBI_ROWS else MB
    return megabytes(counts(shapes(row.workload)).weights, 32, unit)


def basis_size(row: SizeRow, bits: int = BASIS_BITS) -> float:
    """All basis matrices of the released slicing, nothing pruned."""
    return megabytes(counts(shapes(row.workload)).basis, bits)
