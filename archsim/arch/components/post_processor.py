"""Everything a network does besides multiplying weights."""

from __future__ import annotations

from archsim.arch.component import Component, Count


class PostProcessor(Component):
    """Activation, quantisation, pooling, additions and other element-wise work on results as they
    leave.
    """

    elements_per_cycle: Count
