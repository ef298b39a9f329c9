"""Tables II to IV: what each row says of itself, and what shapes say of it.

The paper states neither how it counts operations with a decomposition nor how many bits an index
takes. Operations here are 2 per multiply-add times the share of weights that are not zero, plus 6
per non-zero coefficient that is rebuilt (which is what rows 1, 2 and 4+ of Table II show). Sizes of
Table II follow the text where it says something (data/sizes.yaml), and where only a Huffman code's
mean length is missing, the length that the printed size implies is given instead. Sizes of Tables
III and IV are in 10^6 bytes, but for MLP-1, whose original is 14.125 in units of 2^20; the number
of weights is the original size over 4 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from archsim.formats.search import names
from archsim.paper.formula import value
from archsim.paper.networks import Source, load
from archsim.paper.printed import Number, data, exactly, read, table
from archsim.paper.shapes import (
    MB,
    MIB,
    Counts,
    counts,
    megabytes,
    resnet18_conv_macs,
    resnet18_shapes,
)

MEBI_ROWS = ("MLP-1",)
REBUILD = 6  # 3 multiplications and 3 additions per coefficient, from row 2 less row 1


@dataclass(frozen=True)
class AblationRow:
    """A row of Table II as printed, non-zeros in percent; None where nothing is printed."""

    name: str
    accuracy: Number
    mflops: Number
    size: Number
    weights: Number
    coefficients: Number | None
    efficiency: Number | None

    @property
    def w(self) -> Number:
        """Share of weights that are not zero."""
        return _share(self.weights)

    @property
    def ce(self) -> Number | None:
        """Share of coefficients that are not zero."""
        return None if self.coefficients is None else _share(self.coefficients)


def ablation_rows() -> list[AblationRow]:
    """Every row as printed."""
    found = table("table2")
    return [
        AblationRow(name, **dict(zip(found["columns"], map(read, cells), strict=True)))
        for name, cells in found["rows"].items()
    ]


def ablation_row(name: str) -> AblationRow:
    """One row."""
    return next(one for one in ablation_rows() if one.name == name)


def operations(row: AblationRow) -> Number:
    """Millions of operations under the one rule that rows 1, 2 and 4+ show."""
    work = row.w * (2 * resnet18_conv_macs() / 1e6)
    if row.ce is not None:
        work = work + row.ce * (REBUILD * resnet18_counts().coefficients / 1e6)
    return work.middle


def size(row: AblationRow) -> Number | None:
    """Size in MiB; None where it takes a Huffman code of weights that we lack."""
    rule = data("sizes").get(row.name)
    if rule is None:
        return None
    return exactly(value(rule["mib"], {"row": row, "c": resnet18_counts(), "mib": mib})).middle


def code_bits(row: AblationRow) -> Number:
    """Mean bits per non-zero coefficient that the printed size leaves, after an index bit per
    element (appendix B) and 8-bit bases."""
    if row.ce is None:
        raise ValueError(f"row {row.name} has no coefficients")
    c = resnet18_counts()
    return ((row.size - mib(c.coefficients + 8 * c.basis)) / (row.ce * mib(c.coefficients))).middle


def resnet18_counts() -> Counts:
    """Of the network of Table II."""
    return counts(resnet18_shapes())


def mib(bits: float) -> float:
    """Bits in units of 2^20 bytes."""
    return bits / 8 / MIB


def _share(percent: Number) -> Number:
    """100.0 is all of them, not a rounded value."""
    return exactly(1.0) if percent.value == 100 else percent * 0.01


@dataclass(frozen=True)
class SizeRow:
    """A decomposed row as printed; `ordinal` counts the rows of a network from 1, `label` names
    the network, and which of its rows where there are two."""

    network: str
    ordinal: int
    label: str
    workload: str
    original: Number
    rate: Number | None
    param: Number
    basis: Number
    coefficients: Number
    sparsity: Number

    @property
    def implied_rate(self) -> Number:
        """Original over decomposed size."""
        return (self.original / self.param).middle

    @property
    def unit(self) -> int:
        """Bytes in a unit of the row's sizes."""
        return MIB if self.network in MEBI_ROWS else MB

    @property
    def code_bits(self) -> Number:
        """Bits per non-zero: the Ce column over the weights that are left."""
        weights = self.original * (self.unit / 4)
        left = 1.0 - self.sparsity * 0.01
        return (self.coefficients * (8 * self.unit) / (left * weights)).middle

    @property
    def index(self) -> Number:
        """What is neither basis nor coefficients."""
        rest = (self.param - self.basis - self.coefficients).middle
        return Number(round(rest.value, 9), rest.low, rest.high)  # not -1e-17

    @property
    def there(self) -> bool:
        """Whether the workload's shapes can be read."""
        return self.workload in names("workloads")


def size_rows(name: str) -> list[SizeRow]:
    """The decomposed rows of ``table3`` or ``table4``."""
    found = []
    for network, entry in table(name)["networks"].items():
        for ordinal, row in enumerate(entry["rows"], start=1):
            label = network + (f" {'ab'[ordinal - 1]}" if len(entry["rows"]) > 1 else "")
            cells = [read(text) for text in (entry["original"][2], *row[2:])]
            found.append(SizeRow(network, ordinal, label, entry["workload"], *cells))
    return found


def original_size(row: SizeRow) -> float | None:
    """32 bits per weight, from the shapes; in the row's own unit. None without the workload."""
    return megabytes(_counts(row.workload).weights, 32, row.unit) if row.there else None


def basis_size(row: SizeRow, bits: int) -> float:
    """All basis matrices of the released slicing, nothing pruned."""
    return megabytes(_counts(row.workload).basis, bits)


@lru_cache(maxsize=16)
def _counts(workload: str) -> Counts:
    layers = load(Source(workload, conv_only=False)).layers
    return counts(layer.weight_shape() for layer in layers if layer.is_array)
