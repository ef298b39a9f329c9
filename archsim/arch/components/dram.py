"""Off-chip memory."""

from __future__ import annotations

from archsim.arch.component import Cycles
from archsim.arch.movers import Mover


class Dram(Mover):
    """Off-chip memory: one data bus that all flows share.

    Latency delays the arrival of data and never occupies the bus.
    """

    latency_cycles: Cycles = 0

    @property
    def latency(self) -> int:
        return self.latency_cycles
