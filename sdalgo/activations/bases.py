"""The bases of a layer: all slices of a filter by normal equations under H, and 8-bit storage.

The stored scales of a filter's slices are powers of two of one another. The rebuild engine then
adds entries as they are stored (docs/machines/smartdeal.md, "Weights as integers"), so what is
fitted here is what it multiplies.
"""

import numpy as np
from numpy.typing import NDArray

from sdalgo.activations.problem import Problem
from sdalgo.basis import scales_of
from sdalgo.fit import Float64
from sdalgo.pow2 import Float32

_ROUNDING = 1e-12  # of the energy where B is zero: less says nothing
_RIDGE = 1e-9  # of the mean diagonal of the normal equations, so that unused codes do no harm


def fit_bases(problem: Problem, coef: Float64, basis: Float64) -> Float64:
    """Return B (slices, r, n, N) that minimises the energy for fixed Ce.

    Filters keep the basis given where the new one is no better, so the energy never grows.
    """
    normal, cross = _equations(problem, coef)
    size = normal.shape[1]
    mean = np.trace(normal, axis1=1, axis2=2) / size
    ridge = np.where(mean > 0, _RIDGE * mean, 1.0)
    place = np.arange(size)
    normal[:, place, place] += ridge[:, None]
    old = basis.reshape(size, -1).T
    both = np.stack([old, np.linalg.solve(normal, cross[:, :, None])[:, :, 0]], axis=2)
    # Of B the energy is that of no B at all, and b N b^T - 2 b t^T.
    towards = normal @ both - ridge[:, None, None] * both - 2 * cross[:, :, None]
    nothing = (problem.weight * problem.seen).sum(axis=0)
    before, after = nothing + (both * towards).sum(axis=1).T
    better = after < before - _ROUNDING * nothing
    found = np.ascontiguousarray(np.where(better, both[:, :, 1].T, both[:, :, 0].T))
    return found.reshape(basis.shape)


def _equations(problem: Problem, coef: Float64) -> tuple[Float64, Float64]:
    """Return the normal equations of each filter: the matrix (N, unknowns, unknowns), and what it
    has to give, (N, unknowns)."""
    layout, (_, rank, filters) = problem.layout, coef.shape
    width, slices = layout.width, layout.slices
    by_slice = _sliced(coef, layout.height)
    # An unknown (slice, code, column) adds its code to one column of its slice's rows. What H makes
    # of that, seen through the codes of all unknowns, is one row of the equations. They are
    # symmetric: each slice is seen through itself and those after it.
    gram = np.empty((slices, rank, width, slices, rank, width, filters))
    for index in range(slices):
        own = slice(index * layout.height, min((index + 1) * layout.height, layout.rows))
        for column in range(width):
            at = slice(own.start * width + column, own.stop * width, width)
            second = np.ascontiguousarray(problem.second[:, own.start * width :, at])
            for code in range(rank):
                made = problem.times(second, coef[own, code])
                gram[index, code, column, index:] = _through(by_slice[index:], made, width)
        gram[index + 1 :, :, :, index] = gram[index, :, :, index + 1 :].transpose(2, 3, 4, 0, 1, 5)
    towards = _through(by_slice, problem.seen, width)
    size = slices * rank * width
    normal = np.ascontiguousarray(gram.reshape(size, size, filters).transpose(2, 0, 1))
    return normal, towards.reshape(size, filters).T


def _sliced(rows: Float64, height: int) -> Float64:
    """(rows, a, N) -> (slices, height, a, N), zeros after the last row."""
    slices = -(-len(rows) // height)
    whole = slices * height
    if whole > len(rows):
        rows = np.concatenate([rows, np.zeros((whole - len(rows), *rows.shape[1:]))])
    return rows.reshape(slices, height, *rows.shape[1:])


def _through(codes: Float64, columns: Float64, width: int) -> Float64:
    """Return sum_m c_mi x_mj of each slice, (slices, r, n, N), of codes (slices, height, r, N) and
    x (D, N)."""
    held = _sliced(columns.reshape(-1, width, columns.shape[1]), codes.shape[1])
    return np.asarray(np.einsum("smif,smjf->sijf", codes, held))


def stored_bases(basis: Float64, bits: int) -> tuple[NDArray[np.generic], Float32]:
    """Return (entries (slices, r, n, N), scale (slices, N)) as they are stored.

    Args:
        bits: 8, 16, or 32 for float32 entries.
    """
    if bits == 32:
        entries = basis.astype(np.float32)
        return entries, np.asarray(entries.any(axis=(1, 2)), dtype=np.float32)
    filters = basis.shape[3]
    whole = np.ascontiguousarray(basis.transpose(3, 0, 1, 2)).reshape(filters, 1, -1)
    largest = scales_of(whole, bits)
    most = 2 ** (bits - 1) - 1
    reach = np.abs(basis).max(axis=(1, 2)) / most
    ratio = reach / np.where(largest > 0, largest, 1)
    # The greatest halving whose scale still covers the slice.
    halvings = np.where(ratio > 0, np.floor(-np.log2(np.where(ratio > 0, ratio, 1))), 0)
    scale = np.ldexp(largest, -np.maximum(halvings, 0).astype(int)).astype(np.float32)
    scale = np.where(reach > 0, scale, 0).astype(np.float32)
    divisor = np.where(scale > 0, scale, 1).astype(np.float64)[:, None, None]
    entries = np.clip(np.rint(basis / divisor), -most, most)
    return entries.astype(np.int8 if bits == 8 else np.int16), scale


def read_back(entries: NDArray[np.generic], scale: Float32) -> Float64:
    """Return B as it reads back."""
    return np.asarray(entries.astype(np.float64) * scale[:, None, None].astype(np.float64))
