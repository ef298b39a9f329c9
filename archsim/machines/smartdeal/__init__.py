"""SmartDeal's inference accelerator (paper V-B): rule, components and kernels."""

from archsim.machines.smartdeal.components import (
    BitSerialMacArray,
    IndexSelector,
    PeSlices,
    RebuildEngine,
)
from archsim.machines.smartdeal.rule import FLOWS, tiles

__all__ = ["FLOWS", "BitSerialMacArray", "IndexSelector", "PeSlices", "RebuildEngine", "tiles"]
