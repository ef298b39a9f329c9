"""Multipliers that take an activation digit by digit."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.component import Component


class BitSerialMacArray(Component):
    """The bit-serial multipliers of one PE line (paper V-B); dim_F of them share one weight.

    `serial` is what a multiplier spends a cycle on: a non-zero radix-4 Booth digit of the
    activation (`booth`), or a set bit of its magnitude (`bits`). There are at least three, for
    linear layers put a triple side by side.
    """

    macs: Annotated[int, Field(ge=3, le=1024)]
    serial: Literal["booth", "bits"] = "booth"
