"""SCNN (ISCA'17): rule, array and kernels."""

from archsim.machines.scnn.components import ScnnPeArray
from archsim.machines.scnn.rule import FLOWS, WIDTHS, stored_bytes, tiles

__all__ = ["FLOWS", "WIDTHS", "ScnnPeArray", "stored_bytes", "tiles"]
