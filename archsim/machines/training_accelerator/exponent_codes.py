"""The training accelerator's compressor of bfloat16 tensors: the three commonest exponents of a
tile get two-bit codes, every other value carries its exponent in full (ISSCC 2019 7.4).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archsim.machines.shared.geometry import Ints

RAW_BITS = 16
CODED_BITS = 2 + 1 + 7  # code, sign, mantissa
ESCAPED_BITS = CODED_BITS + 8  # and the exponent
TABLE_BITS = 3 * 8  # the tile's own three exponents


@dataclass(frozen=True)
class CodedSize:
    """What a tensor of `values` bfloat16 numbers costs: `hits` of them coded, in `tiles` tiles."""

    values: int
    hits: int
    tiles: int

    @property
    def bits(self) -> int:
        """Bits of the coded values."""
        return self.hits * CODED_BITS + (self.values - self.hits) * ESCAPED_BITS

    @property
    def table_bits(self) -> int:
        """Bits of the exponents named by the codes; the published ratio leaves them out."""
        return self.tiles * TABLE_BITS

    @property
    def ratio(self) -> float:
        """Coded bits over raw bits, 1 for an empty tensor."""
        return self.bits / (self.values * RAW_BITS) if self.values else 1.0


def exponents(values: npt.NDArray[np.uint16]) -> Ints:
    """The eight exponent bits of bfloat16 bit patterns."""
    return ((values >> 7) & 0xFF).astype(np.int64)


def coded_size(values: npt.NDArray[np.uint16], tile: int) -> CodedSize:
    """Size of a tensor of bfloat16 bit patterns, cut in row-major order into tiles of `tile`
    values.
    """
    flat = exponents(values.reshape(-1))
    tiles = -(-flat.size // tile)
    hits = 0
    rows_at_once = max(1, (1 << 20) // 256)
    for first in range(0, tiles, rows_at_once):
        part = flat[first * tile : (first + rows_at_once) * tile]
        rows = -(-part.size // tile)
        # One histogram of 256 exponents per tile, all tiles of the part in one bincount.
        cells = np.arange(part.size) // tile * 256 + part
        counts = np.bincount(cells, minlength=rows * 256).reshape(rows, 256)
        # The three commonest exponents get codes, so partition instead of sorting all 256.
        hits += int(np.partition(counts, 252, axis=1)[:, 253:].sum())
    return CodedSize(flat.size, hits, tiles)
