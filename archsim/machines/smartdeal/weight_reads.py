"""What SmartDeal's slices read from their weight buffers for each tile, and how long that takes.

A slice reads the coefficients of its filter's live rows for every tile. It reads each basis once
per group, or with every tile where a line works on more bases than its rebuild engines have
registers for.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from archsim.arch.movers import cycles_for
from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.groups import group_numbers
from archsim.machines.smartdeal.coefficients import Coefficients


@dataclass(frozen=True)
class WeightReads:
    """Bits that each filter reads, (K,): in `every` tile, and besides in the `first` of its
    group.
    """

    every: Ints
    first: Ints

    def total_bytes(self, tiles: int) -> int:
        """Bytes read over all tiles of all groups."""
        return -(-int(self.every.sum() * tiles + self.first.sum()) // 8)

    def cycles(
        self, sizes: Ints, filters_per_buffer: int, bytes_per_cycle: float
    ) -> tuple[Ints, Ints]:
        """(G,) cycles of the slowest buffer, in the first tile and in the others; `sizes` (G,) are
        filters.
        """
        group = group_numbers(sizes)
        place = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        buffers = -(-int(sizes.max()) // filters_per_buffer)
        owner = group * buffers + place // filters_per_buffer

        def slowest(bits: Ints) -> Ints:
            read = np.bincount(owner, bits, minlength=len(sizes) * buffers).astype(np.int64)
            return cycles_for(read.reshape(len(sizes), buffers).max(axis=1), 8 * bytes_per_cycle)

        return slowest(self.every + self.first), slowest(self.every)


def weight_reads(rows: Coefficients, line: Ints, bases_held: int) -> WeightReads:
    """`line` (U,) is where each row of a filter works; a line's engines hold `bases_held` bases."""
    codes = rows.live_bits()
    if rows.bits is None:
        return WeightReads(codes, np.zeros_like(codes))
    if bases_per_line(line.tobytes(), rows.slice_rows) > bases_held:
        return WeightReads(codes + rows.bits.basis, np.zeros_like(codes))
    return WeightReads(codes, rows.bits.basis)


@lru_cache(maxsize=64)
def bases_per_line(line: bytes, slice_rows: int) -> int:
    """The most slices of rows that one line works on; each slice has a basis of its own. `line` are
    the bytes of the line (U,) of each unit.
    """
    of_unit = np.frombuffer(line, np.int64)
    units = len(of_unit)
    # One number per (line, slice) pair, so that counting different pairs is one sort.
    pairs = np.unique(of_unit * units + np.arange(units) // slice_rows)
    return int(np.bincount(pairs // units).max())
