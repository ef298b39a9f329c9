"""What an array reads from its buffers, tile by tile, and how much longer tiles last for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archsim.arch.arch import Arch
from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.machine import buffer_of, storage_of


@dataclass(frozen=True)
class Fetches:
    """The reads of one layer.

    Attributes:
        cycles: (G, T) of the array's tiles, were its buffers infinitely fast.
        limited: (G, T) cycles with the buffers as they are.
        limits: (G, T) cycles that the buffer of each flow needs, by flow.
        side: those cycles by the name of the buffer.
        reads: bytes read in all, by the name of the buffer, as actions.
    """

    cycles: Ints
    limited: Ints
    limits: Mapping[str, Ints]
    side: Mapping[str, Ints]
    reads: Mapping[str, Mapping[str, int]]

    def waits(self, multipliers: int) -> dict[str, int]:
        """Multiplier-cycles by which the buffers make tiles longer: they wait for weights where
        that buffer decides, else for inputs.
        """
        over = self.limited - self.cycles
        by_weight = self.limited == self.limits["weight"]
        return {
            "wait_weight": int(over[by_weight].sum()) * multipliers,
            "wait_input": int(over[~by_weight].sum()) * multipliers,
        }


def fetches(arch: Arch, cycles: Ints, nbytes: Mapping[str, Ints]) -> Fetches:
    """Tiles of `cycles` (G, T), each of which reads so many bytes (G, T) of each flow."""
    limits = {flow: buffer_of(arch, flow).move_cycles(read) for flow, read in nbytes.items()}
    return Fetches(
        cycles=cycles,
        limited=np.maximum.reduce([cycles, *limits.values()]),
        limits=limits,
        side={storage_of(arch, flow): limit for flow, limit in limits.items()},
        reads={storage_of(arch, flow): {"read": int(n.sum())} for flow, n in nbytes.items()},
    )
