"""SmartDeal's inference accelerator (paper V-B): rule, components and kernels."""

from archsim.machines.smartdeal.components import (
    BitSerialMacArray,
    IndexSelector,
    PeSlices,
    RebuildEngine,
)
from archsim.machines.smartdeal.rule import FLOWS, WIDTHS, tiles

__all__ = [
    "FLOWS",
    "WIDTHS",
    "BitSerialMacArray",
    "IndexSelector",
    "PeSlices",
    "RebuildEngine",
    "tiles",
]
