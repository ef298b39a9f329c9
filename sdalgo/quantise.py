"""8-bit tensors of a workload: signed, symmetric, one scale a tensor, the largest value at 127."""

import numpy as np
from numpy.typing import NDArray


def symmetric_scale(values: NDArray[np.generic]) -> float:
    """Return max|x| / 127, or 1 for a tensor that is all zero."""
    largest = float(np.abs(values).max()) if values.size else 0.0
    return largest / 127 if largest > 0 else 1.0


def to_int8(values: NDArray[np.generic], scale: float) -> NDArray[np.int8]:
    """Return round(x / scale) cut to -127..127; ties go to even."""
    return np.clip(np.rint(values.astype(np.float64) / scale), -127, 127).astype(np.int8)
