"""What all components that carry bytes share: a bandwidth, and who goes first."""

from fractions import Fraction
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from archsim.arch.component import BytesPerCycle, Component, Kind

FINEST = 1000
"""Bandwidths are taken as fractions of at most this denominator: 12.8 is 64/5, exactly."""


def cycles_for(nbytes: NDArray[np.int64], bytes_per_cycle: float) -> NDArray[np.int64]:
    """Whole cycles that carry so many bytes, rounded up, without the rounding of floats."""
    width = Fraction(bytes_per_cycle).limit_denominator(FINEST)
    return np.asarray(-(-nbytes * width.denominator // width.numerator))


class Mover(Component):
    """Carries one transfer at a time at a fixed bandwidth."""

    kind: ClassVar[Kind] = "mover"

    bytes_per_cycle: BytesPerCycle
    arbitration: Literal["first_come", "fixed"] = "first_come"
    """Who goes first of flows that want it in the same cycle: the longest ready, or the first in
    the file.
    """

    def move_cycles(self, nbytes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cycles on this component for each transfer, rounded up to whole cycles."""
        return cycles_for(nbytes, self.bytes_per_cycle)

    @property
    def fixed_order(self) -> bool:
        return self.arbitration == "fixed"
