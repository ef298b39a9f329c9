"""What all components that carry bytes share: a bandwidth, and who goes first."""

from fractions import Fraction
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from archsim.arch.component import Arbitration, BytesPerCycle, Component, Kind

FINEST = 1000
"""Bandwidths are taken as fractions of at most this denominator: 12.8 is 64/5, exactly."""


def cycles_for(nbytes: NDArray[np.int64], bytes_per_cycle: float) -> NDArray[np.int64]:
    """Whole cycles that carry so many bytes, rounded up, without the rounding of floats."""
    bytes_in, cycles = _ratio(bytes_per_cycle)
    return np.asarray(-(-nbytes * cycles // bytes_in))


@lru_cache(maxsize=1024)
def _ratio(bytes_per_cycle: float) -> tuple[int, int]:
    """So many whole bytes in so many whole cycles."""
    return Fraction(bytes_per_cycle).limit_denominator(FINEST).as_integer_ratio()


class Mover(Component):
    """Carries one transfer at a time at a fixed bandwidth."""

    kind: ClassVar[Kind] = "mover"

    bytes_per_cycle: BytesPerCycle
    arbitration: Arbitration = "soonest"

    def move_cycles(self, nbytes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cycles on this component for each transfer, rounded up to whole cycles."""
        return cycles_for(nbytes, self.bytes_per_cycle)

    @property
    def turns(self) -> Arbitration:
        return self.arbitration
