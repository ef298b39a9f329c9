"""Powers of two: rounding to the nearest one, and the integer codes that stand for them.

A coefficient of the decomposition is 0 or +-2^p (paper III-A). Its code is 0, or
sign * (1 + p - p_min): the form that workload files and containers hold (docs/reference/sdalgo.md).
"""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Codes = NDArray[np.int8]

MAX_LEVEL = 64  # magnitudes a layer may use; what is 2^-64 of its largest adds nothing to it
_MAGNITUDE = np.uint32(0x7FFFFFFF)
_SIGN_AND_EXPONENT = np.uint32(0xFF800000)
_JUST_UNDER_HALF = np.uint32(0x3FFFFF)  # carries into the exponent above 1.5 * 2^k


def round_to_pow2(values: Float32, largest: float | None = None) -> Float32:
    """Replace each value by the arithmetically nearest +-2^p; zeros stay, ties go down.

    Args:
        values: any shape, finite; magnitudes below 2^-126 count as zero.
        largest: magnitudes are cut to this power of two, as the released code does; None: no cut.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = bits + _JUST_UNDER_HALF
    rounded &= _SIGN_AND_EXPONENT
    powers = rounded.view(np.float32)
    if largest is not None:
        np.clip(powers, -largest, largest, out=powers)
    return powers


def exponents(values: Float32) -> NDArray[np.int16]:
    """Return p of each +-2^p; the entry of a zero has no meaning."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits & _MAGNITUDE) >> np.uint32(23)).astype(np.int16) - np.int16(127)


def encode(values: Float32) -> tuple[Codes, int]:
    """Return (codes, p_min) of an array of zeros and powers of two.

    p_min is the least exponent used (0 where all is zero). Levels more than 63 doublings below
    the largest become zero, so that codes fit a byte and scales a normal float.
    """
    live = values != 0
    if not live.any():
        return np.zeros(values.shape, np.int8), 0
    powers = exponents(values)
    highest = int(powers[live].max())
    live &= powers > highest - MAX_LEVEL
    p_min = int(powers[live].min())
    level = np.where(live, powers - p_min + 1, 0)
    return np.where(np.signbit(values), -level, level).astype(np.int8), p_min


def decode(codes: Codes, p_min: int = 0) -> Float32:
    """Return the powers of two that `codes` stand for; inverse of `encode`."""
    level = np.abs(codes.astype(np.int16))
    magnitude = np.ldexp(np.float32(1), level.astype(np.int32) - 1 + p_min)
    return np.where(codes == 0, np.float32(0), np.copysign(magnitude, codes)).astype(np.float32)
