"""Widths of partial sums, and the bytes that one addition into a partial sum moves."""

from archsim.arch.arch import Arch
from archsim.machines.shared.geometry import ceil_div

PSUM_BYTES = 3
"""24 bits of 8-bit operands and of narrower ones, in every array (docs/machines/README.md)."""
GROWTH_BITS = 8
"""[A] What sums need beyond a product: the 8 bits that 24 leave above a product of 8 by 8 bits."""

FLOAT_PSUM_BYTES = 4
"""float32, in which training adds up its products of bfloat16 (docs/machines/README.md)."""
FLOAT_PSUM_UPDATE_BYTES = 2 * FLOAT_PSUM_BYTES
"""As `psum_update_bytes`."""


def psum_bytes(arch: Arch) -> int:
    """Whole bytes of a partial sum: a product of the machine's operands and `GROWTH_BITS`."""
    product = arch.activation_bits + arch.weight_bits
    return max(PSUM_BYTES, ceil_div(product + GROWTH_BITS, 8))


def psum_update_bytes(arch: Arch) -> int:
    """An addition reads the partial sum and writes it back."""
    return 2 * psum_bytes(arch)
