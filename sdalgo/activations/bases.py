"""The bases of a layer: all slices of a filter by normal equations under H, and 8-bit storage.

The stored scales of a filter's slices are powers of two of one another. The rebuild engine then
adds entries as they are stored (docs/machines/smartdeal.md, "Weights as integers"), so what is
fitted here is what it multiplies.
"""

import numpy as np
from numpy.typing import NDArray

from sdalgo.activations.problem import Problem, rebuilt
from sdalgo.basis import scales_of
from sdalgo.fit import Float64
from sdalgo.pow2 import Float32

_RIDGE = 1e-9  # of the mean diagonal of the normal equations, so that unused codes do no harm
_AT_ONCE = 1 << 22  # entries of H times codes that are held


def fit_bases(problem: Problem, coef: Float64, basis: Float64) -> Float64:
    """Return B (slices, r, n, N) that minimises the energy for fixed Ce.

    Filters keep the basis given where the new one is no better, so the energy never grows.
    """
    new = np.concatenate([
        _solve(problem, coef[:, :, part], part) for part in _parts(problem, coef)
    ], axis=-1)  # fmt: skip
    layout = problem.layout
    before, after = (
        problem.energy(problem.weight - rebuilt(coef, b, layout)) for b in (basis, new)
    )
    return np.where(after < before, new, basis)


def _parts(problem: Problem, coef: Float64) -> list[slice]:
    """Filters that are solved together: all, a group, or few enough for memory."""
    groups, filters = len(problem.second), problem.filters
    if groups == filters:
        return [slice(0, filters)]
    entries = problem.second.shape[1] * coef.shape[1] * problem.layout.width * problem.layout.slices
    step = filters // groups if groups > 1 else max(1, _AT_ONCE // entries)
    return [slice(i, min(i + step, filters)) for i in range(0, filters, step)]


def _solve(problem: Problem, coef: Float64, part: slice) -> Float64:
    layout, (rows, rank, filters) = problem.layout, coef.shape
    width, slices = layout.width, layout.slices
    each = problem.filters // len(problem.second)
    second = problem.second if each == 1 else problem.second[part.start // each][None]
    weight = problem.weight[:, part]
    # Z: what each entry of B adds to each weight; (filters, D, slices * rank * width)
    z = np.zeros((filters, rows, width, slices, rank, width))
    for index in range(slices):
        here = slice(index * layout.height, min((index + 1) * layout.height, rows))
        for column in range(width):
            z[:, here, column, index, :, column] = coef[here].transpose(2, 0, 1)
    flat = z.reshape(filters, rows * width, -1)
    towards = np.matmul(second, flat)
    gram = flat.transpose(0, 2, 1) @ towards
    cross = towards.transpose(0, 2, 1) @ weight.T[:, :, None]
    size = gram.shape[1]
    mean = np.trace(gram, axis1=1, axis2=2) / size
    ridge = np.where(mean > 0, _RIDGE * mean, 1.0)
    found = np.linalg.solve(gram + ridge[:, None, None] * np.eye(size), cross)
    return np.asarray(found.reshape(filters, slices, rank, width).transpose(1, 2, 3, 0))


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
