"""Bit-Pragmatic's processing elements."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archsim.arch.component import Component, Count, Operands


class BitPragmaticPeArray(Component):
    """Bit-Pragmatic's serial multipliers: `filters` x `columns` of windows x `lanes` of channels
    (MICRO'17).

    Lanes of an element share a shifter, within 2^`first_stage_bits` positions of which a lane can
    take its next term. `sync` is who waits for whom: all columns at every step (`pallet`), columns
    that may run ahead by `registers` steps (`column`), or nobody (`ideal`, a bound).
    `signed_digits` takes terms of either sign, fewer of them, for bits.
    """

    operands: ClassVar[Operands] = {"bit_step": ("weight",)}

    filters: Count
    columns: Count
    lanes: Count
    first_stage_bits: Annotated[int, Field(ge=0, le=4)] = 2
    sync: Literal["pallet", "column", "ideal"] = "column"
    registers: Annotated[int, Field(ge=0, le=64)] = 1
    signed_digits: bool = False
