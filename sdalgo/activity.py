"""How much of 8-bit activations is zero: bits, Booth digits, values, vectors (paper Fig. 3).

Activations are signed symmetric int8 with a scale from the tensor's maximum. Bits are those of the
stored two's-complement byte; Booth digits are the four of radix 4.
"""

from dataclasses import dataclass
from math import fsum

import numpy as np
from numpy.typing import NDArray

from archsim.formats.digits import counts

SEGMENT = 8  # neighbouring activations that share a step of a bit-serial array (dim_F, paper V-B)


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Shares that are zero, 0..1, and how many elements they are of.

    Attributes:
        bits: of the two's-complement byte; magnitude_bits: of |q|.
        booth: of the four digits.
        rows: of one channel's rows; segments: of runs of 8 in a row; channels: of whole planes.
    """

    elements: int
    values: float
    bits: float
    magnitude_bits: float
    booth: float
    rows: float
    segments: float
    channels: float


def activity(values: NDArray[np.int8]) -> Activity:
    """Measure one tensor.

    Args:
        values: (..., C, H, W), or (C,) and (T, C), whose vectors are then single values.
    """
    planes = values.reshape(-1, *values.shape[-3:]) if values.ndim >= 3 else values
    planes = planes.reshape(-1, 1, 1) if values.ndim < 3 else planes.reshape(-1, *values.shape[-2:])
    live = planes != 0
    width = planes.shape[2]
    padded = np.zeros((*live.shape[:2], -(-width // SEGMENT) * SEGMENT), bool)
    padded[:, :, :width] = live
    segments = padded.reshape(*live.shape[:2], -1, SEGMENT).any(axis=3)
    return Activity(
        elements=int(values.size),
        values=1 - float(live.mean()),
        bits=1 - float(counts(values.view(np.uint8), "bits").mean()) / 8,
        magnitude_bits=1 - float(counts(values, "bits").mean()) / 8,
        booth=1 - float(counts(values, "booth").mean()) / 4,
        rows=1 - float(live.any(axis=2).mean()),
        segments=1 - float(segments.mean()),
        channels=1 - float(live.any(axis=(1, 2)).mean()),
    )


def weighted(found: dict[str, Activity], weights: dict[str, int] | None = None) -> dict[str, float]:
    """Return the mean of each share over layers.

    Args:
        weights: of each layer, such as its multiplications; None: its elements.
    """
    share = {name: (weights or {}).get(name, a.elements) for name, a in found.items()}
    total = sum(share.values())
    keys = ("values", "bits", "magnitude_bits", "booth", "rows", "segments", "channels")
    return {
        key: fsum(getattr(a, key) * share[name] for name, a in found.items()) / total
        for key in keys
    }
