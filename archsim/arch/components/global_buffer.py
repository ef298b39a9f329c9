"""On-chip SRAM that a flow rests in."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from archsim.arch.component import ENDLESS, BytesPerCycle, Count, Kbytes, Kind, PortBits, Units
from archsim.arch.movers import Mover, cycles_for


class GlobalBuffer(Mover):
    """SRAM in banks, filled from one side while the other reads; `count` copies side by side.

    `bytes_per_cycle` is one copy's where it is read, and `fill_bytes_per_cycle` where it is filled;
    where the file does not say, they are equal. `slots` is how many loads may be in it that the
    array has not begun to use, the current one included: 2 is ping-pong, 1 leaves no overlap.

    `port_bits` is the width of one bank's port, which tables with a grid of SRAM price; where the
    file does not say, all banks of a copy are read in every cycle, 8 x `bytes_per_cycle` / `banks`
    bits each, or one at a time where that is less than 8.
    """

    kind: ClassVar[Kind] = "storage"
    units: ClassVar[Units] = {"bank": ("count", "banks")}

    banks: Count
    bank_kbytes: Kbytes
    count: Count = 1
    slots: Count = 2
    fill_bytes_per_cycle: BytesPerCycle | None = None
    port_bits: PortBits | None = None

    @model_validator(mode="after")
    def _ports_carry_what_is_read(self) -> Self:
        if self.port_bits is None or self.bytes_per_cycle == ENDLESS:
            return self
        held = self.bank_kbytes * 8192
        if self.port_bits > held:
            size = f"a bank of {self.bank_kbytes:g} KB"
            raise ValueError(f"{size} has {held:g} bits, and no port of {self.port_bits:g}")
        if self.port_bits * self.banks < 8 * self.bytes_per_cycle:
            raise ValueError(
                f"{self.banks} ports of {self.port_bits:g} bits carry less than "
                f"{self.bytes_per_cycle:g} bytes per cycle; take port_bits of "
                f"{-(-8 * self.bytes_per_cycle // self.banks):.0f} or more"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `port_bits` where the file has none: no event depends on it."""
        found: dict[str, Any] = plain(self)
        if "port_bits" not in self.model_fields_set:
            del found["port_bits"]
        return found

    @property
    def capacity_bytes(self) -> int:
        """Bytes of all banks of all copies."""
        return int(self.count * self.banks * self.bank_kbytes * 1024)

    def move_cycles(self, nbytes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cycles of each transfer out of it; all copies work at once."""
        return cycles_for(nbytes, self.bytes_per_cycle * self.count)

    def cycles_to_fill(self, nbytes: NDArray[np.int64]) -> NDArray[np.int64]:
        """As `move_cycles`, of what comes in."""
        return cycles_for(nbytes, (self.fill_bytes_per_cycle or self.bytes_per_cycle) * self.count)
