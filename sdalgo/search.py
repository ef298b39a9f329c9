"""Exact search over single coefficients after Algorithm 1 (preset `best`)."""

from __future__ import annotations

from sdalgo.basis import Float64
from sdalgo.options import Options
from sdalgo.pow2 import Float32


def search(
    slices: Float32, coef: Float32, basis: Float64, options: Options
) -> tuple[Float32, Float64]:
    """Placeholder until the search lands: the input as it is."""
    raise NotImplementedError
