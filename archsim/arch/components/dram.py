"""Off-chip memory."""

from typing import ClassVar

from archsim.arch.component import Cycles, Kind
from archsim.arch.movers import Mover


class Dram(Mover):
    """Off-chip memory: one data bus that all flows share.

    Latency delays the arrival of data and never occupies the bus.
    """

    kind: ClassVar[Kind] = "off_chip"

    latency_cycles: Cycles = 0

    @property
    def latency(self) -> int:
        return self.latency_cycles
