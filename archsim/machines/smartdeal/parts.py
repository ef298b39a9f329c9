"""The components of SmartDeal's array, whatever an arch file calls them."""

from dataclasses import dataclass

from archsim.arch.arch import Arch
from archsim.machines.shared.machine import only
from archsim.machines.smartdeal.components import (
    BitSerialMacArray,
    IndexSelector,
    PeSlices,
    RebuildEngine,
)


@dataclass(frozen=True)
class Parts:
    """An arch, and what its array consists of."""

    arch: Arch
    slices: PeSlices
    array: BitSerialMacArray
    selector: IndexSelector
    engine: RebuildEngine


def parts_of(arch: Arch) -> Parts:
    """The parts of an arch. InputError if it has none or several of a kind."""
    return Parts(
        arch,
        only(arch, PeSlices),
        only(arch, BitSerialMacArray),
        only(arch, IndexSelector),
        only(arch, RebuildEngine),
    )
