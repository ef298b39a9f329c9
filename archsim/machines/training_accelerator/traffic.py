"""How often a matrix product reads its operands from DRAM when its results stay on chip.

A product (M x D)(D x N) whose results are held in blocks of `height` x `width` partial sums goes
once over the depth D for each block: the left operand's rows are read again for each block of
columns, the right operand's columns for each block of rows. Over a batch the depth of a weight
gradient is by far the longest side, and this the natural order.
"""

from dataclasses import dataclass

import numpy as np

from archsim.machines.shared.partial_sums import FLOAT_PSUM_BYTES
from archsim.machines.shared.traffic import Held, choose_order


@dataclass(frozen=True)
class Results:
    """Results of one product: `rows` of the left operand, `columns` groups of `width` that read the
    same right operand (the taps of a channel).
    """

    rows: int
    columns: int
    width: int = 1


@dataclass(frozen=True)
class Blocks:
    """In how many blocks of rows and of columns results are made: how often the right and the left
    operand are read.
    """

    rows: int
    columns: int

    @property
    def count(self) -> int:
        """Blocks in all."""
        return self.rows * self.columns


def result_blocks(results: Results, left: int, right: int, capacity: int) -> Blocks | None:
    """The blocks that read fewest bytes, `left` and `right` being those of one reading; fewest
    blocks of rows on a tie, None where not even one column of one row fits.
    """
    counts = np.arange(1, results.rows + 1)
    # Of a number of blocks the lowest height leaves most room for columns.
    heights = -(-results.rows // counts)
    widths = capacity // (FLOAT_PSUM_BYTES * results.width * heights)
    fits = widths > 0
    if not fits.any():
        return None
    columns = -(-results.columns // np.maximum(widths, 1))
    nbytes = np.where(fits, right * counts + left * columns, np.iinfo(np.int64).max)
    best = int(np.argmin(nbytes))
    return Blocks(int(counts[best]), int(columns[best]))


@dataclass(frozen=True)
class Reads:
    """How often a product reads its moving and its stationary operand; `blocks` where its results
    stay on chip.
    """

    moving: int
    stationary: int
    blocks: Blocks | None = None

    def nbytes(self, moving: Held, stationary: Held) -> int:
        """Bytes read."""
        return moving.nbytes * self.moving + stationary.nbytes * self.stationary


def reads_of_operands(moving: Held, stationary: Held) -> Reads:
    """The rule that all machines share: one of the operands stays."""
    order = choose_order({"moving": moving}, {"stationary": stationary}, halo_bytes=0)
    return Reads(order.input_reads, order.weight_reads)


def fewest_reads(moving: Held, stationary: Held, results: Results, room: int) -> Reads:
    """The order that reads fewest bytes: the results stay or, where that reads fewer, an operand,
    the stationary one being the left one. On a tie the results do, as nothing then has to be there
    before the first product.
    """
    common = reads_of_operands(moving, stationary)
    blocks = result_blocks(results, stationary.nbytes, moving.nbytes, room)
    if blocks is None:
        return common
    own = Reads(blocks.rows, blocks.columns, blocks)
    fewer = common.nbytes(moving, stationary) < own.nbytes(moving, stationary)
    return common if fewer else own
