"""The engine that moves data between DRAM and the buffers."""

from archsim.arch.movers import Mover


class Dma(Mover):
    """Moves data between DRAM and the buffers; streams, holds nothing."""
