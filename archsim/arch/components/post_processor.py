"""Everything a network does besides multiplying weights."""

from typing import ClassVar

from archsim.arch.component import Component, Count, Kind, Operands


class PostProcessor(Component):
    """Activation, quantisation, pooling, additions and other element-wise work on results as they
    leave.
    """

    kind: ClassVar[Kind] = "post"
    operands: ClassVar[Operands] = {"element": ("activation",)}

    elements_per_cycle: Count
