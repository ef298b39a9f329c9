"""How much of 8-bit activations is zero: bits, Booth digits, values, vectors (paper Fig. 3).

Activations are signed symmetric int8 with a scale from the tensor's maximum. Bits are those of the
stored two's-complement byte; Booth digits are the four of radix 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEGMENT = 8  # neighbouring activations that share a step of a bit-serial array (dim_F, paper V-B)

_BYTES = np.arange(256, dtype=np.uint8)
SET_BITS = np.unpackbits(_BYTES[:, None], axis=1).sum(axis=1).astype(np.uint8)


def booth_digits(value: int) -> list[int]:
    """Return the four radix-4 Booth digits of a signed byte, lowest first; each is -2..2."""
    bits = [0, *((value >> place) & 1 for place in range(8))]
    return [bits[i] + bits[i + 1] - 2 * bits[i + 2] for i in range(0, 8, 2)]


NONZERO_DIGITS = np.array(
    [sum(d != 0 for d in booth_digits(v - 256 if v > 127 else v)) for v in range(256)], np.uint8
)


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
    stored = values.view(np.uint8)
    magnitude = np.abs(values.astype(np.int16)).astype(np.uint8)
    live = planes != 0
    width = planes.shape[2]
    padded = np.zeros((*live.shape[:2], -(-width // SEGMENT) * SEGMENT), bool)
    padded[:, :, :width] = live
    segments = padded.reshape(*live.shape[:2], -1, SEGMENT).any(axis=3)
    return Activity(
        elements=int(values.size),
        values=1 - float(live.mean()),
        bits=1 - float(SET_BITS[stored].mean()) / 8,
        magnitude_bits=1 - float(SET_BITS[magnitude].mean()) / 8,
        booth=1 - float(NONZERO_DIGITS[stored].mean()) / 4,
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
        key: sum(getattr(a, key) * share[name] for name, a in found.items()) / total for key in keys
    }
