"""B in few bits: one scale a slice, chosen so that the scale itself fits 16 bits (appendix B)."""

import numpy as np
from numpy.typing import NDArray

from sdalgo.pow2 import Float32

Float64 = NDArray[np.float64]
_BFLOAT16 = np.uint32(0xFFFF0000)


def scales_of(basis: Float64, bits: int) -> Float32:
    """Return a scale for each slice, (N,): a bfloat16 value, 0 for a slice that is all zero.

    It is the largest entry over the largest code, rounded up, so that no code overflows.
    """
    most = np.float32(2 ** (bits - 1) - 1)
    largest = np.abs(basis).max(axis=(1, 2)).astype(np.float32) / most
    exact = np.ascontiguousarray(largest).view(np.uint32)
    up = (exact + np.uint32(0xFFFF)) & _BFLOAT16
    return up.view(np.float32)


def quantise_basis(basis: Float64, bits: int) -> tuple[NDArray[np.generic], Float32]:
    """Return (entries, scale): int8 or int16 codes for 8 or 16 bits, float32 for 32.

    Args:
        basis: (N, r, n).
        bits: 8, 16 or 32; with 32 the entries are the values and each scale is 1 (0 if empty).
    """
    if bits == 32:
        entries = basis.astype(np.float32)
        return entries, (entries != 0).any(axis=(1, 2)).astype(np.float32)
    scale = scales_of(basis, bits)
    divisor = np.where(scale > 0, scale, 1).astype(np.float64)[:, None, None]
    return np.rint(basis / divisor).astype(np.int8 if bits == 8 else np.int16), scale


def stored_basis(basis: Float64, bits: int) -> Float64:
    """Return B as it reads back after storage in `bits` bits."""
    entries, scale = quantise_basis(basis, bits)
    return entries.astype(np.float64) * scale[:, None, None]
