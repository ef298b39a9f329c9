"""Uniform quantisation, a scale for each filter that clips where the squared error is least."""

import numpy as np
from numpy.typing import NDArray

from sdalgo.fit import Float64
from sdalgo.pow2 import Float32
from sdalgo.rivals.coded import Coded

_CLIPS = np.linspace(0.3, 1.0, 36)  # shares of the largest weight that are tried


def grid_scales(weight: Float64, levels: int, importance: Float64 | None = None) -> Float32:
    """Return a scale for each filter, (K,), a bfloat16 value.

    Args:
        weight: (K, D).
        levels: odd number of values of the grid: -(levels // 2) .. levels // 2.
        importance: of each weight's squared error, (K, D) or (1, D); None: all alike.
    """
    most = levels // 2
    largest = np.abs(weight).max(axis=1)
    best = np.full(len(weight), np.inf)
    found = np.ones(len(weight), np.float32)
    for clip in _CLIPS:
        scale = bfloat16(np.where(largest > 0, clip * largest / most, 1.0))
        codes = nearest(weight, scale[:, None], most)
        wrong = (codes * scale[:, None].astype(np.float64) - weight) ** 2
        error = (wrong if importance is None else wrong * importance).sum(axis=1)
        found = np.where(error < best, scale, found).astype(np.float32)
        best = np.minimum(error, best)
    return found


def nearest(values: Float64, scale: Float32, most: int) -> Float64:
    """Return the nearest whole number of units, cut to -most .. most."""
    return np.asarray(np.clip(np.rint(values / scale), -most, most), dtype=np.float64)


def bfloat16(values: NDArray[np.generic]) -> Float32:
    """Return values rounded to the nearest bfloat16."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x8000) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def uniform(weight: Float32, levels: int) -> Coded:
    """Round every weight to the nearest of `levels` values."""
    held = weight.reshape(len(weight), -1).astype(np.float64)
    scale = grid_scales(held, levels)
    codes = nearest(held, scale[:, None], levels // 2)
    return Coded(shape=weight.shape, codes=codes.astype(np.int16), scale=scale)
