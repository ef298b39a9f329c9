"""On-chip SRAM that a flow rests in."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from archsim.arch.component import BytesPerCycle, Count, Kbytes, Kind
from archsim.arch.movers import Mover, cycles_for


class GlobalBuffer(Mover):
    """SRAM in banks, filled from one side while the other reads; `count` copies side by side.

    `bytes_per_cycle` is one copy's where it is read, and `fill_bytes_per_cycle` where it is filled;
    where the file does not say, they are equal. `slots` is how many loads may be in it that the
    array has not begun to use, the current one included: 2 is ping-pong, 1 leaves no overlap.
    """

    kind: ClassVar[Kind] = "storage"

    banks: Count
    bank_kbytes: Kbytes
    count: Count = 1
    slots: Count = 2
    fill_bytes_per_cycle: BytesPerCycle | None = None

    @property
    def capacity_bytes(self) -> int:
        """Bytes of all banks of all copies."""
        return int(self.count * self.banks * self.bank_kbytes * 1024)

    def move_cycles(self, nbytes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cycles of each transfer out of it; all copies work at once."""
        return cycles_for(nbytes, self.bytes_per_cycle * self.count)

    def cycles_to_fill(self, nbytes: NDArray[np.int64]) -> NDArray[np.int64]:
        """As `move_cycles`, of what comes in."""
        return cycles_for(nbytes, (self.fill_bytes_per_cycle or self.bytes_per_cycle) * self.count)
