"""DianNao's neural functional unit."""

from __future__ import annotations

from archsim.component import Component, Count, Cycles


class Nfu(Component):
    """DianNao's multipliers and adder trees: `outputs` (Tn) neurons times `inputs` (Ti) synapses a
    cycle (ASPLOS'14).

    `fill_cycles` is the depth of its pipeline, paid once a layer.
    """

    inputs: Count
    outputs: Count
    fill_cycles: Cycles = 0
