"""How much of a network's 8-bit activations is zero (Fig. 3): bits, Booth digits, rows.

Bits are those of the stored two's-complement byte, digits the four of radix 4; inputs of all
convolutions count by element.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from archsim.workload.workload import Workload

TAIL = 5  # "the last several" layers of V-A


@dataclass(frozen=True)
class Zeros:
    """Shares that are zero; `tail_rows` of the inputs of the last layers, `most_rows` of the
    single layer that has most."""

    bits: float
    digits: float
    tail_rows: float
    most_rows: float


def zeros(workload: Workload) -> Zeros:
    """Measure the inputs of every convolution."""
    set_bits, digits = _tables()
    elements = bits = booth = 0
    rows: list[tuple[int, int]] = []
    for layer in workload.layers:
        if layer.op != "conv":
            continue
        values = workload.tensors(layer).need("input")
        counts = np.bincount(values.view(np.uint8).ravel(), minlength=256)
        workload.release(layer)
        elements += values.size
        bits += int(counts @ set_bits)
        booth += int(counts @ digits)
        if values.shape[-1] > 1:
            dead = ~(values != 0).any(axis=-1)
            rows.append((int(dead.sum()), dead.size))
    tail = rows[-TAIL:]
    return Zeros(
        bits=1 - bits / (8 * elements),
        digits=1 - booth / (4 * elements),
        tail_rows=sum(dead for dead, _ in tail) / sum(size for _, size in tail),
        most_rows=max(dead / size for dead, size in rows),
    )


def _tables() -> tuple[NDArray[Any], NDArray[Any]]:
    """Set bits, and non-zero radix-4 Booth digits, of every byte.

    Digit i is b(2i-1) + b(2i) - 2 b(2i+1), and zero where the three bits are equal.
    """
    byte = np.arange(256)
    bit = [np.zeros(256, int), *((byte >> place) & 1 for place in range(8))]
    digits = sum(((bit[i] + bit[i + 1] - 2 * bit[i + 2]) != 0).astype(int) for i in range(0, 8, 2))
    return np.sum(bit, axis=0), np.asarray(digits)
