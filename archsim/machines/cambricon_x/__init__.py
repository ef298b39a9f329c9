"""Cambricon-X (MICRO'16): rule, array and kernels."""

from archsim.machines.cambricon_x.components import CambriconXPeArray
from archsim.machines.cambricon_x.rule import FLOWS, WIDTHS, tiles

__all__ = ["FLOWS", "WIDTHS", "CambriconXPeArray", "tiles"]
