"""Bits of a layer's SmartDeal weights as they are stored (docs/reference/formats.md, paper appendix
B).

`row`: one index bit per coefficient row; the codes of live rows in Huffman over the symbols used,
zero being one of them. `element`: one index bit per code, Huffman over the non-zeros alone. Either
way one table per layer, whose code lengths cost 5 bits per symbol used, and for each slice that is
not empty its basis entries and a 16-bit scale.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from archsim.formats.huffman import Ints, code_lengths, symbol_counts
from archsim.formats.slices import full_slices, row_nonzeros

FORMS = ("row", "element")
TABLE_BITS_PER_SYMBOL = 5
SCALE_BITS = 16
BASIS_BITS = 8
FLOAT_BITS = 32
"""Of a basis entry that needs no scale."""


@dataclass(frozen=True)
class WeightBits:
    """Bits of one layer's weights: `codes` (K,) per filter, `basis` (K,) per filter with scales,
    `table`, `index` (K,).
    """

    codes: Ints
    basis: Ints
    index: Ints
    table: int

    @property
    def parts(self) -> dict[str, int]:
        """Bits of the whole layer by what they hold."""
        return {
            "index": int(self.index.sum()),
            "codes": int(self.codes.sum()),
            "table": self.table,
            "basis": int(self.basis.sum()),
        }

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    @property
    def weight_bytes(self) -> int:
        """Codes, basis and table, rounded up to whole bytes."""
        return -(-(int(self.codes.sum()) + int(self.basis.sum()) + self.table) // 8)

    @property
    def index_bytes(self) -> int:
        """The index, rounded up to whole bytes."""
        return -(-int(self.index.sum()) // 8)


def weight_bits(
    coef: NDArray[np.int8],
    basis_shape: tuple[int, ...],
    form: str = "row",
    basis_bits: int = BASIS_BITS,
    nonzeros: NDArray[np.signedinteger[Any]] | None = None,
) -> WeightBits:
    """Bits of codes (K, ..., r) with a basis (K, slices, r, n); InputError for another form. The
    `nonzeros` of each filter's rows (K, rows) are counted if they are not given."""
    check_form(form)
    filters, width = len(coef), coef.shape[-1]
    codes = coef.reshape(filters, -1)
    if nonzeros is None:
        nonzeros = row_nonzeros(codes.reshape(-1), width).reshape(filters, -1)
    live = nonzeros > 0
    counts = symbol_counts(codes)
    if form == "row":
        # Zeros of live rows: what stands in dead ones has no code.
        counts[:, 0] -= codes.shape[1] - live.sum(axis=1) * width
        index_bits = live.shape[1]
    else:
        counts[:, 0] = 0
        index_bits = codes.shape[1]
    lengths = code_lengths(counts.sum(axis=0))
    _, slices, rank, columns = basis_shape
    per_slice = rank * columns * basis_bits + (SCALE_BITS if basis_bits < FLOAT_BITS else 0)
    return WeightBits(
        codes=counts @ lengths,
        basis=full_slices(live, slices).sum(axis=1, dtype=np.int64) * per_slice,
        index=np.full(filters, index_bits, np.int64),
        table=TABLE_BITS_PER_SYMBOL * int(np.count_nonzero(lengths)),
    )


def check_form(form: str) -> None:
    """InputError for a form that is none of `FORMS`."""
    if form not in FORMS:
        raise InputError.at("form", f"{form!r} is neither row nor element")
