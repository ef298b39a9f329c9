"""One layer worked out on SmartDeal's array: what its tile table and accounts are made from."""

from dataclasses import dataclass

from archsim.machines.shared.geometry import Ints
from archsim.machines.smartdeal import coefficients, pe_array
from archsim.machines.smartdeal.jobs import Jobs
from archsim.machines.smartdeal.weight_reads import WeightReads
from archsim.workload.layer import Layer


@dataclass(frozen=True)
class Run:
    """One layer on the array: its jobs, rows and work, and what the parts beside the array do.

    `sizes` (G,) are the filters of each group; `input_bytes` (G, T) what a tile reads of the input
    buffer; `scanned` (G,) the rows that all selectors scan in one tile.
    """

    layer: Layer
    array: pe_array.Array
    jobs: Jobs
    rows: coefficients.Coefficients
    work: list[pe_array.ArrayWork]
    sizes: Ints
    cycles: Ints
    outputs: Ints
    input_bytes: Ints
    reads: WeightReads
    scanned: Ints

    @property
    def array_cycles(self) -> Ints:
        """(G, T) `cycles` with the first rebuild of a group and the barrier behind every tile."""
        found = self.cycles + pe_array.barrier_cycles(self.array)
        found[:, 0] += pe_array.fill_cycles(self.work, self.array)
        return found

    @property
    def units(self) -> int:
        """Coefficient rows of a filter."""
        return int(self.rows.nonzeros.shape[1])

    @property
    def index_bits(self) -> int:
        """Bits of the index per coefficient row."""
        return 0 if self.rows.bits is None else int(self.rows.bits.index[0]) // self.units
