"""Which coefficient rows a layer has, how many non-zeros each, and what they cost in bits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats.slices import row_nonzeros, rows_per_slice
from archsim.formats.weight_bits import WeightBits, weight_bits
from archsim.formats.widths import DEFAULT_BITS
from archsim.machines.shared.geometry import Ints
from archsim.machines.smartdeal.jobs import TRIPLE, Small
from archsim.machines.smartdeal.pe_array import Rows
from archsim.machines.smartdeal.streams import DEAD


@dataclass(frozen=True)
class Coefficients:
    """The rows of one layer: `nonzeros` (K, U), and its bits; `raw` layers keep their weights,
    of `value_bits` each.

    `slice_rows` is how many consecutive rows share a basis; `bits` is None for raw layers.
    """

    nonzeros: Small
    raw_bits: Ints
    bits: WeightBits | None
    slice_rows: int
    basis_columns: int
    value_bits: int = DEFAULT_BITS

    @property
    def weight_bytes(self) -> int:
        """Bytes in DRAM without the index."""
        return self.bits.weight_bytes if self.bits else -(-int(self.raw_bits.sum()) // 8)

    @property
    def index_bytes(self) -> int:
        """Bytes of the row index; raw layers have none."""
        return self.bits.index_bytes if self.bits else 0

    @property
    def filter_bits(self) -> Ints:
        """(K,) what each filter adds to `weight_bytes`, tables apart; shares out a layer's bytes
        over its groups.
        """
        return self.bits.codes + self.bits.basis if self.bits else self.raw_bits

    def live_bits(self) -> Ints:
        """(K,) bits that one pass over the live rows of a filter reads, bases apart."""
        return self.bits.codes if self.bits else self.live_raw_bits

    @property
    def live_raw_bits(self) -> Ints:
        """(K,) bits of the live rows of a raw layer; the last triple may lack weights."""
        live = self.nonzeros > 0
        row = self.basis_columns * self.value_bits
        missing = live.shape[1] * row - self.raw_bits
        bits = live.sum(axis=1) * row - live[:, -1] * missing
        return np.asarray(bits)

    def rows(self, filters: slice, rows_per_cycle: int, keep_dead: bool) -> Rows:
        """The rows of some filters as the array sees them; `keep_dead` is an ablation that skips
        none.
        """
        nonzeros = self.nonzeros[filters]
        live = nonzeros > 0
        if not self.bits:
            nonzeros = np.zeros_like(nonzeros)
        # More rows per cycle than any row has are no faster, and must fit the rows' own type.
        per_cycle = min(rows_per_cycle, np.iinfo(nonzeros.dtype).max)
        cycles = nonzeros if per_cycle == 1 else -(-nonzeros // per_cycle)
        # A dead row has no cycles, and DEAD is one less.
        need = cycles if keep_dead else cycles + (live.view(np.int8) + DEAD)
        return Rows(need, nonzeros, live)


def decomposed(
    coef: NDArray[np.int8], basis_shape: tuple[int, ...], granularity: str
) -> Coefficients:
    """Rows of `coef` (K, ..., r) with a basis (K, slices, r, n)."""
    filters, width = len(coef), coef.shape[-1]
    nonzeros = row_nonzeros(coef.reshape(-1), width).reshape(filters, -1)
    return Coefficients(
        nonzeros=nonzeros,
        raw_bits=np.zeros(filters, np.int64),
        bits=weight_bits(coef, basis_shape, granularity, nonzeros=nonzeros),
        slice_rows=rows_per_slice(nonzeros.shape[1], basis_shape[1]),
        basis_columns=basis_shape[-1],
    )


def raw(weight: NDArray[np.signedinteger[Any]], bits: int = DEFAULT_BITS) -> Coefficients:
    """Rows of a layer that was not decomposed: weights (K, C, R, S), or (K, C) and (K, C, 1, 1) in
    triples, of so many `bits` each.
    """
    filters = len(weight)
    width = weight.shape[-1] if weight.ndim == 4 and weight.shape[2:] != (1, 1) else TRIPLE
    flat = weight.reshape(filters, -1)
    padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % width)))
    live = (padded.reshape(filters, -1, width) != 0).any(axis=-1)
    return Coefficients(
        nonzeros=live.astype(np.int8),
        raw_bits=np.full(filters, flat.shape[1] * bits, np.int64),
        bits=None,
        slice_rows=live.shape[1],
        basis_columns=width,
        value_bits=bits,
    )
