"""Cambricon-X's processing elements."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archsim.arch.component import Component, Count, Operands


class CambriconXPeArray(Component):
    """Cambricon-X's elements: one output neuron each, `multipliers` non-zero weights per cycle
    (MICRO'16).

    `sync` is who waits for whom: elements at the end of a `group` of them, at every `segment` of
    16 x `multipliers` input positions, or `none`. Weights are stored with their distance to the one
    before in `step_bits` bits, longer distances taking fillers; null stores one bit per position.
    """

    operands: ClassVar[Operands] = {"mac": ("activation", "weight")}

    pes: Count
    multipliers: Count
    sync: Literal["group", "segment", "none"] = "group"
    step_bits: Annotated[int, Field(ge=1, le=16)] | None = 4
