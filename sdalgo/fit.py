"""The two least-squares fits of Algorithm 1 (paper III-B, step 2), for many slices at once.

Slices are held as planes: coefficients (N, r, m) and weights (N, n, m), m rows to a slice. Well
conditioned slices are solved through their r x r normal equations in double precision, which is
near-exact on powers of two; the rest by a pseudo-inverse, since squaring a condition number hides
what the cut-off of singular values has to see.
"""

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

CUTOFF = 1e-10  # singular values below this share of the largest count as zero (released code)
_GRAM_ILL = 1e-9  # det(G) / product of G's diagonal: 1 for orthogonal columns, 0 for dependent ones
_BASIS_ILL = 1e-6  # |det B| / product of its row norms


def fit_basis(work: Float64, rank: int) -> Float64:
    """Return B (N, r, n) that minimises ||W - Ce B|| for fixed Ce.

    Args:
        work: (N, r + n, m), the planes of Ce above those of W.
        rank: r.
    """
    coef, weight = work[:, :rank], work[:, rank:]
    products = coef @ work.transpose(0, 2, 1)
    gram, cross = products[:, :, :rank], products[:, :, rank:]
    inverse, determinant = _inverse(gram)
    diagonal = np.diagonal(gram, axis1=1, axis2=2).prod(axis=1)
    ill = np.flatnonzero(~(determinant > _GRAM_ILL * diagonal))
    inverse[ill] = 0
    basis = inverse @ cross
    if len(ill):
        pseudo = np.linalg.pinv(coef[ill].transpose(0, 2, 1), rcond=CUTOFF)
        basis[ill] = pseudo @ weight[ill].transpose(0, 2, 1)
    return basis


def fit_coef(weight: Float64, basis: Float64) -> Float64:
    """Return the unconstrained Ce (N, r, m) that minimises ||W - Ce B|| for fixed B.

    Args:
        weight: planes of W, (N, n, m).
        basis: (N, r, n).
    """
    rank, width = basis.shape[1:]
    if rank != width:
        return np.linalg.pinv(basis, rcond=CUTOFF).transpose(0, 2, 1) @ weight
    inverse, determinant = _inverse(basis)
    norms = np.sqrt((basis * basis).sum(axis=2)).prod(axis=1)
    ill = np.flatnonzero(~(np.abs(determinant) > _BASIS_ILL * norms))
    if len(ill):
        inverse[ill] = np.linalg.pinv(basis[ill], rcond=CUTOFF)
    return inverse.transpose(0, 2, 1) @ weight


def _inverse(square: Float64) -> tuple[Float64, Float64]:
    """Return (inverse, determinant) of (N, r, r); singular matrices have no sensible inverse."""
    if square.shape[1] == 3:
        return _inverse3(square)
    determinant = np.linalg.det(square)
    regular = np.isfinite(determinant) & (determinant != 0)
    safe = np.where(regular[:, None, None], square, np.eye(square.shape[1]))
    return np.linalg.inv(safe), np.where(regular, determinant, 0.0)


def _inverse3(square: Float64) -> tuple[Float64, Float64]:
    """Inverse by cofactors: several times the speed of a batched LAPACK call."""
    a, b, c, d, e, f, g, h, i = np.ascontiguousarray(square.reshape(-1, 9).T)
    inverse = np.empty((9, len(square)))
    inverse[0] = e * i - f * h
    inverse[1] = c * h - b * i
    inverse[2] = b * f - c * e
    inverse[3] = f * g - d * i
    inverse[4] = a * i - c * g
    inverse[5] = c * d - a * f
    inverse[6] = d * h - e * g
    inverse[7] = b * g - a * h
    inverse[8] = a * e - b * d
    determinant = a * inverse[0] + b * inverse[3] + c * inverse[6]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inverse /= determinant
    return np.ascontiguousarray(inverse.T).reshape(-1, 3, 3), determinant
