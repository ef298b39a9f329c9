"""Floats of few bits: 1-5-2, whose infinities are IEEE's, and 1-6-9 (Wang et al. 2018)."""

import torch
from torch import Tensor

LARGEST_8 = 57_344.0  # 1.75 * 2^15
_LOW_16 = 2.0**-30  # the smallest normal number of 1-6-9
_STEP_16 = 2.0**-39
_LARGEST_16 = (2 - 2.0**-9) * 2.0**31
_CUT = 14  # of the 23 bits behind a float32's point, those that 1-6-9 lacks


def to_8(values: Tensor) -> Tensor:
    """Return the nearest 1-5-2 numbers, ties to even; what is too large becomes the largest."""
    return codes_8(values).to(torch.float32)


def codes_8(values: Tensor) -> Tensor:
    """Return the same in torch's type of these numbers."""
    return values.clamp(-LARGEST_8, LARGEST_8).to(torch.float8_e5m2)


def to_16(values: Tensor) -> Tensor:
    """Return the nearest 1-6-9 numbers likewise."""
    bits = values.view(torch.int32)
    half = ((bits >> _CUT) & 1) + (2 ** (_CUT - 1) - 1)
    return _with_ends(values, ((bits + half) & -(2**_CUT)).view(torch.float32))


def to_16_at_random(values: Tensor) -> Tensor:
    """Return one of the two 1-6-9 numbers beside each value, right in the mean."""
    bits = values.view(torch.int32)
    added = torch.randint(0, 2**_CUT, bits.shape, dtype=torch.int32)
    return _with_ends(values, ((bits + added) & -(2**_CUT)).view(torch.float32))


def _with_ends(values: Tensor, found: Tensor) -> Tensor:
    """Replace what is below the normal numbers, and cut what is above them."""
    low = (values / _STEP_16).round() * _STEP_16
    found = torch.where(values.abs() < _LOW_16, low, found)
    return found.clamp(-_LARGEST_16, _LARGEST_16)
