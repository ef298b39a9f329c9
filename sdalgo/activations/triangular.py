"""Inverses of triangular factors, and the factor of H^-1 along which errors are passed on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdalgo.fit import Float64

Floats = NDArray[np.floating[Any]]

_WIDE = 1536  # inputs from which on a general inverse takes three times as long
_SMALL = 64  # below which it is as fast


def upper_factor(second: Float64) -> Float64:
    """Return U, upper triangular, with U^T U = H^-1, of positive definite H (groups, D, D).

    Of wide layers H^-1 itself is not made: with rows and columns in reverse order H = L L^T, and U
    is L^-1 in reverse order, in float32 as GPTQ's authors have it: errors are passed on along U
    once, and sweeps with H itself follow.
    """
    if second.shape[1] <= _WIDE:
        return np.asarray(np.linalg.cholesky(np.linalg.inv(second)).swapaxes(-1, -2))
    turned = second[:, ::-1, ::-1]
    try:
        lower: Floats = np.linalg.cholesky(turned.astype(np.float32))
    except np.linalg.LinAlgError:  # float32 does not tell it from a singular one
        lower = np.linalg.cholesky(turned)
    return inverse_of_lower(lower)[:, ::-1, ::-1].astype(np.float64, order="C")


def inverse_of_lower(lower: Floats) -> Floats:
    """Return the inverse of lower triangular matrices (groups, D, D)."""
    if lower.shape[1] <= _WIDE:
        return np.asarray(np.linalg.inv(lower))
    found = np.zeros_like(lower)
    _by_halves(lower, found)
    return found


def _by_halves(lower: Floats, found: Floats) -> None:
    """Write the inverse of `lower` into `found`, which is zero above the diagonal."""
    size = lower.shape[1]
    if size <= _SMALL:
        found[:] = np.tril(np.linalg.inv(lower))
        return
    half = size // 2
    first, last = found[:, :half, :half], found[:, half:, half:]
    _by_halves(lower[:, :half, :half], first)
    _by_halves(lower[:, half:, half:], last)
    found[:, half:, :half] = -last @ (lower[:, half:, :half] @ first)
