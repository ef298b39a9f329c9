"""The engine that moves data between DRAM and the buffers."""

from archsim.arch.component import Bytes
from archsim.arch.movers import Mover


class Dma(Mover):
    """Moves data between DRAM and the buffers; streams, holds nothing.

    Flows take turns burst by burst, of `burst_bytes` at most: an AXI burst ends at a 4 KB boundary
    at the latest (Arm IHI 0022, A3.4.1).
    """

    burst_bytes: Bytes = 4096

    @property
    def longest_burst(self) -> int:
        return self.burst_bytes
