"""A shared wire."""

from archsim.arch.movers import Mover


class Bus(Mover):
    """A shared wire between two movers or a mover and a buffer; streams, holds nothing."""
