"""Bit-Pragmatic (MICRO'17): rule, array and kernels."""

from archsim.machines.bit_pragmatic.components import BitPragmaticPeArray
from archsim.machines.bit_pragmatic.rule import FLOWS, WIDTHS, tiles

__all__ = ["FLOWS", "WIDTHS", "BitPragmaticPeArray", "tiles"]
