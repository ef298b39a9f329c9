"""Bits of a decomposed layer in its two stored forms (docs/sdalgo.md, appendix B).

`row`: one index bit a coefficient row; the codes of live rows by canonical Huffman over the
symbols used, zero being one of them. `element`: one index bit a code, Huffman on non-zeros alone.
Either way one table a layer, 5 bits a symbol used, and for each slice that is not empty its basis
entries and a 16-bit scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from archsim.formats.errors import InputError
from sdalgo import huffman
from sdalgo.pow2 import Codes

Form = Literal["row", "element"]
FORMS = ("row", "element")
TABLE_BITS = 5  # for a symbol's code length
SCALE_BITS = 16


@dataclass(frozen=True, kw_only=True)
class WeightBits:
    """Parts of a layer's stored size, in bits."""

    index: int
    codes: int
    table: int
    basis: int  # with the scales

    @property
    def total(self) -> int:
        return self.index + self.codes + self.table + self.basis


def weight_bits(
    coef: Codes, basis_shape: tuple[int, ...], form: str = "row", basis_bits: int = 8
) -> WeightBits:
    """Return the size of a layer from its codes and the shape of its basis.

    Args:
        coef: (K, ..., r).
        basis_shape: (K, slices, r, n).
        form: "row" or "element".
        basis_bits: of a basis entry; 32 bits need no scale.
    """
    coded, index = coded_symbols(coef, form)
    counts = huffman.symbol_counts(coded)
    lengths = huffman.code_lengths(counts)
    _, slices, rank, width = basis_shape
    scale = SCALE_BITS if basis_bits < 32 else 0
    return WeightBits(
        index=int(index.size),
        codes=huffman.coded_bits(counts, lengths),
        table=TABLE_BITS * len(lengths),
        basis=full_slices(coef, slices) * (rank * width * basis_bits + scale),
    )


def coded_symbols(coef: Codes, form: str) -> tuple[Codes, np.ndarray]:
    """Return (codes to be coded in order, index bits) of a form."""
    rows = coef.reshape(-1, coef.shape[-1])
    if form == "row":
        live = np.asarray(rows.any(axis=1))
        return rows[live].ravel(), live
    if form == "element":
        live = rows.ravel() != 0
        return rows.ravel()[live], live
    raise InputError.at("form", f"{form!r} is neither row nor element")


def full_slices(coef: Codes, slices: int) -> int:
    """Return how many slices hold a non-zero."""
    live = np.asarray(coef.reshape(len(coef), -1, coef.shape[-1]).any(axis=2))
    height = -(-live.shape[1] // slices)
    padded = np.zeros((len(coef), slices * height), bool)
    padded[:, : live.shape[1]] = live
    return int(padded.reshape(len(coef), slices, height).any(axis=2).sum())


def bits_per_nonzero(coef: Codes) -> float:
    """Return the mean code length of non-zeros coded by themselves (appendix B); 0 for none."""
    counts = huffman.symbol_counts(coded_symbols(coef, "element")[0])
    total = sum(counts.values())
    return huffman.coded_bits(counts, huffman.code_lengths(counts)) / total if total else 0.0
