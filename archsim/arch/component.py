"""What every piece of hardware is to archsim: a frozen record of parameters, checked when read.

A component of an arch file is a YAML mapping whose `class` names a subclass of `Component` and
whose other keys are that class's fields, so a field is documented, typed, bounded and published in
the JSON Schema by being declared. Classes that machines share are found by listing
`archsim/arch/components/`; a machine defines those of its own array in its file or folder of
`archsim/machines/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

# Bounds refuse slips of the keyboard and numbers that would only fill the memory.
Count = Annotated[int, Field(ge=1, le=65_536)]
"""Copies of hardware, lanes, banks, entries: from one to 65 536."""
Positive = Annotated[int, Field(ge=1, le=2**31)]
"""Any amount of at least one."""
Natural = Annotated[int, Field(ge=0, le=2**31)]
"""Any amount, zero included."""
Cycles = Annotated[int, Field(ge=0, le=1_000_000)]
"""A latency."""
BytesPerCycle = Annotated[int, Field(ge=1, le=2**40)]
"""A bandwidth; the upper end is as good as infinite."""
Bytes = Annotated[int, Field(ge=1, le=2**40)]
Kbytes = Annotated[float, Field(gt=0, le=2**30)]
"""Units of 1024 bytes."""
Share = Annotated[float, Field(ge=0, le=1)]


class UnitPrice(NamedTuple):
    """pJ of one action, and where the number comes from; of 0 pJ, why the action is free."""

    pj: float
    source: str


class Component(BaseModel):
    """Hardware as a record of its parameters: no time, no state.

    The first line of a subclass's docstring is what `archsim list components` shows. Numbers are
    taken as written: text or a fraction is not an integer here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    is_storage: ClassVar[bool] = False
    """Whether a flow may rest here. Every flow passes at least one such component."""
    prices: ClassVar[Mapping[str, UnitPrice]] = {}
    """What its actions cost where no energy table has a price for them."""

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]
