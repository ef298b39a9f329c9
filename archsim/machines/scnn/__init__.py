"""SCNN (ISCA'17): rule, array and kernels."""

from archsim.machines.scnn.components import ScnnPeArray
from archsim.machines.scnn.rule import FLOWS, stored_bytes, tiles

__all__ = ["FLOWS", "ScnnPeArray", "stored_bytes", "tiles"]
