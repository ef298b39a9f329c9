"""What every piece of hardware is to archsim: a frozen record of parameters, checked when read.

A component of an arch file is a YAML mapping whose `class` names a subclass of `Component` and
whose other keys are that class's fields, so a field is documented, typed, bounded and published in
the JSON Schema by being declared. Classes that machines share are found by listing
`archsim/arch/components/`; a machine defines those of its own array in its file or folder of
`archsim/machines/`. A class says what it is by `kind`, and nobody asks for its name.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

# Bounds refuse slips of the keyboard and numbers that would only fill the memory.
Count = Annotated[int, Field(ge=1, le=65_536)]
"""Copies of hardware, lanes, banks, entries: from one to 65 536."""
Positive = Annotated[int, Field(ge=1, le=2**31)]
"""Any amount of at least one."""
Cycles = Annotated[int, Field(ge=0, le=1_000_000)]
"""A latency."""


def _whole(bandwidth: float) -> float:
    """8.0 is written and hashed as 8."""
    return int(bandwidth) if bandwidth == int(bandwidth) else bandwidth


ENDLESS = 2**40
"""A bandwidth that is as good as infinite: what no hardware has, and a comparison may ask for."""
BytesPerCycle = Annotated[
    float, Field(ge=0.001, le=ENDLESS), AfterValidator(_whole), PlainSerializer(_whole, Any)
]
"""A bandwidth, whole or not (12.8)."""
Bytes = Annotated[int, Field(ge=1, le=2**40)]
Kbytes = Annotated[float, Field(ge=2**-10, le=2**30)]
"""Units of 1024 bytes, one byte at least."""
PortBits = Annotated[
    float, Field(ge=1, le=2**43), AfterValidator(_whole), PlainSerializer(_whole, Any)
]
"""The width of a port, up to that of the largest bank."""
Share = Annotated[float, Field(ge=0, le=1)]

Arbitration = Literal["soonest", "first_come", "fixed"]
"""Who goes first of flows that want a component in the same cycle: the one whose data the array
wants soonest, the one that has been ready longest, or the first in the file.
"""
Kind = Literal["off_chip", "mover", "storage", "array", "index", "post"]
"""What a component is to a run: memory off the chip, at the outer end of every flow; what carries
bytes and holds none; a buffer that flows rest in; what computes weights or partial sums; what
searches indexes; what does element-wise work on results.
"""
NEEDS: Mapping[Kind, tuple[str, ...]] = {
    "off_chip": ("bytes_per_cycle",),
    "mover": ("bytes_per_cycle",),
    "storage": ("bytes_per_cycle", "capacity_bytes", "bank_kbytes", "count", "slots"),
    "post": ("elements_per_cycle",),
}
"""Keys and properties that a run reads of a kind."""


Operand = Literal["activation", "weight"]
"""What an arithmetic action works on, and by whose width it is priced."""
Operands = Mapping[str, tuple[Operand, ...]]
"""Operands of actions."""
Units = Mapping[str, tuple[str, ...]]
"""What a component is made of: the name of a unit, and the keys whose product says how many there
are. ``Class.key`` is a key of the machine's one component of that class.
"""


class UnitPrice(NamedTuple):
    """pJ of one action, and where the number comes from; of 0 pJ, why the action is free.

    `widths` are the prices of operands that are not of 8 bits, by width as in a table.
    """

    pj: float
    source: str
    widths: Mapping[str, float] = {}

    @property
    def by_width(self) -> Mapping[str, float]:
        """The price by the width of operands, that at 8 bits included."""
        return {**self.widths, "8": self.pj}


class Component(BaseModel):
    """Hardware as a record of its parameters: no time, no state.

    The first line of a subclass's docstring is what `archsim list components` shows. Numbers are
    taken as written: text or a fraction is not an integer here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    kind: ClassVar[Kind] = "array"
    prices: ClassVar[Mapping[str, UnitPrice]] = {}
    """What its actions cost where no energy table has a price for them."""
    operands: ClassVar[Operands] = {}
    """On what its arithmetic actions work, whose prices depend on the width of these operands;
    others are counted in bytes, or cost as much at any width."""
    units: ClassVar[Units] = {"copy": ()}
    """What energy tables give areas and leakage for."""
    instead: ClassVar[Mapping[str, str]] = {}
    """Keys that a file may leave out, and the key that then stands for each."""

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def problem(cls) -> str | None:
        """What is wrong with the class itself, None if nothing is."""
        if cls.kind not in get_args(Kind):
            return f"there is no kind {cls.kind!r}; legal: {', '.join(get_args(Kind))}"
        needed = NEEDS.get(cls.kind, ())
        missing = [
            name for name in needed if name not in cls.model_fields and not hasattr(cls, name)
        ]
        if missing:
            return f"a component of kind {cls.kind!r} needs {', '.join(missing)}"
        keys = [key for keys in cls.units.values() for key in keys if "." not in key]
        unknown = [key for key in keys if key not in cls.model_fields and not hasattr(cls, key)]
        if unknown:
            return f"its units count {', '.join(unknown)}, and it has no such key"
        for action, price in cls.prices.items():
            whole = all(isfinite(pj) and pj >= 0 for pj in price.by_width.values())
            if not (whole and price.source.strip()):
                return f"the price of {action!r} is not 0 pJ or more with its source"
        for action, operands in cls.operands.items():
            if not operands or not {*operands} <= {*get_args(Operand)}:
                return f"the operands of {action!r} are not of {', '.join(get_args(Operand))}"
        return None

    def move_cycles(self, nbytes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cycles of each transfer; what data only pass takes none."""
        return np.zeros_like(nbytes)

    def cycles_to_fill(self, nbytes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cycles of each transfer into it, where that differs."""
        return self.move_cycles(nbytes)

    def cycles_of_runs(self, _nbytes: int, _runs: int) -> float | None:
        """Cycles that so many bytes in so many stretches of consecutive ones take of an off-chip
        memory; None where each transfer takes its `move_cycles`, wherever its bytes lie."""
        return None

    def actions_of_runs(self, _nbytes: int, _runs: int) -> Mapping[str, int]:
        """What moving them takes of an off-chip memory beside reading or writing each byte."""
        return {}

    def steps_of(self, _op: str) -> int:
        """Steps of a lane for an element of an element-wise operation, where this does any."""
        return 1

    @property
    def actions_per_cycle(self) -> Mapping[str, int]:
        """What it does in each cycle of a run, at work or not."""
        return {}

    @property
    def own_prices(self) -> Mapping[str, float]:
        """pJ of actions whose prices follow from its keys; they come before those of any table."""
        return {}

    @property
    def longest_burst(self) -> int | None:
        """Bytes that it carries at a stretch before others have their turn; None for any number."""
        return None

    @property
    def static_mw(self) -> float | None:
        """Power that it draws all through a run, whatever it does, where it knows that itself; None
        leaves it to the energy tables.
        """
        return None

    @property
    def latency(self) -> int:
        """Cycles by which data arrive later than they leave; nothing is occupied meanwhile."""
        return 0

    @property
    def turns(self) -> Arbitration:
        """Who goes first of flows that want it in the same cycle."""
        return "soonest"
