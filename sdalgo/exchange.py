"""Algorithm 1 of the paper (III-B) on a batch of equal slices.

Each round rounds Ce to powers of two, fits B, fits Ce anew and drops what is below theta. The next
Ce depends on B alone, so a slice whose B did not move has reached its fixed point. Slices that
have are taken out once they make up a third of the batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdalgo.basis import Float64, stored_basis
from sdalgo.fit import fit_basis, fit_coef
from sdalgo.options import Options
from sdalgo.pow2 import Float32, exponents, round_to_pow2
from sdalgo.threshold import absolute

_BATCH_ENTRIES = 150_000  # a batch whose working set stays in cache
_COMPACT_AT = 0.3


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round of a slice batch, for watching how a solution evolves (paper, Fig. 11)."""

    index: int
    coef: Float32  # rounded, (N, m, r)
    basis: Float64  # (N, r, n)


Watch = Callable[[Round], None]


def exchange(
    slices: Float32, options: Options, watch: Watch | None = None
) -> tuple[Float32, Float64]:
    """Return (Ce, B) with Ce (N, m, r) zeros and powers of two, and B (N, r, n).

    Args:
        slices: (N, m, n), finite, of a whole layer.
        options: theta, rounds, precision and so on; slicing and storage play no part here.
        watch: called after each round with all slices, which are then kept in one batch.
    """
    options = absolute(options, slices)
    count, height, width = slices.shape
    rank = min(options.rank or width, width)
    coef = np.zeros((count, height, rank), np.float32)
    basis = np.zeros((count, rank, width))
    live = np.flatnonzero(slices.any(axis=(1, 2)))
    size = len(live) if watch else max(1, _BATCH_ENTRIES // (height * width))
    for start in range(0, len(live), max(size, 1)):
        batch = live[start : start + size]
        planes, basis[batch] = _solve(slices[batch], rank, options, watch)
        coef[batch] = planes.transpose(0, 2, 1)
    return coef, basis


def round_coef(coef: Float32, options: Options) -> Float32:
    """Step 1: columns scaled as asked, then each entry to the nearest member of Omega_P.

    Args:
        coef: planes (N, r, m).
    """
    if options.scaling == "unit":
        norm = np.sqrt((coef.astype(np.float64) ** 2).sum(axis=2, keepdims=True))
        coef = (coef / np.where(norm > 0, norm, 1)).astype(np.float32)
    elif options.scaling == "grid":
        coef = _align_to_grid(coef)
    low, high = options.exponents
    rounded = round_to_pow2(coef, None if high is None else 2.0**high)
    if low is None and options.levels is None:
        return rounded
    return _raise_floor(coef, rounded, options)


def _align_to_grid(coef: Float32) -> Float32:
    """Multiply each column by the power of two's geometric-mean distance to the grid."""
    logs = np.log2(np.abs(coef), where=coef != 0, out=np.zeros(coef.shape))
    used = np.maximum((coef != 0).sum(axis=2, keepdims=True), 1)
    shift = (np.rint(logs) - logs).sum(axis=2, keepdims=True) / used
    return np.asarray(coef * np.exp2(shift), dtype=np.float32)


def _raise_floor(coef: Float32, rounded: Float32, options: Options) -> Float32:
    """Move magnitudes under the lowest allowed power to it, or to zero if that is nearer."""
    floor = np.full((len(coef), 1, 1), -126)
    if options.levels is not None:
        top = np.where(rounded != 0, exponents(rounded), np.int16(-127)).max(axis=(1, 2))
        floor = np.maximum(top[:, None, None].astype(int) - options.levels + 1, -126)
    if options.exponents[0] is not None:
        floor = np.maximum(floor, options.exponents[0])
    least = np.ldexp(np.float32(1), floor).astype(np.float32)
    below = np.abs(rounded) < least
    kept = np.where(np.abs(coef) > least / 2, np.copysign(least, coef), np.float32(0))
    return np.where(below & (rounded != 0), kept, rounded).astype(np.float32)


def _start(slices: Float32, rank: int) -> Float32:
    """Ce = W, B = I for r = n (paper III-B); else the best subspace of that rank."""
    if rank == slices.shape[2]:
        return np.ascontiguousarray(slices.transpose(0, 2, 1))
    gram = slices.astype(np.float64).transpose(0, 2, 1) @ slices
    _, vectors = np.linalg.eigh(gram)
    top = vectors[:, :, ::-1][:, :, :rank]
    return np.asarray((slices @ top).transpose(0, 2, 1), dtype=np.float32)


def _solve(
    slices: Float32, rank: int, options: Options, watch: Watch | None
) -> tuple[Float32, Float64]:
    """Run Algorithm 1 on one batch; returns planes (N, r, m) and B."""
    count, height, width = slices.shape
    work = np.empty((count, rank + width, height))
    work[:, rank:] = slices.transpose(0, 2, 1)
    found = np.empty((count, rank, height), np.float32)
    found_basis = np.empty((count, rank, width))
    active = np.arange(count)
    coef = _start(slices, rank)
    before: Float64 | None = None
    for index in range(options.iterations - 1):
        work[:, :rank] = round_coef(coef, options)
        basis = fit_as_asked(work, rank, options)
        if watch:
            watch(_round(index, work, basis))
        if before is not None:
            done = (np.abs(basis - before) <= options.tol).all(axis=(1, 2))
            if done.all():
                break
            if done.mean() > _COMPACT_AT and not watch:
                found[active[done]] = work[done, :rank]
                found_basis[active[done]] = basis[done]
                active, work, basis = active[~done], work[~done], basis[~done]
        before = basis
        coef = fit_coef(work[:, rank:], basis).astype(np.float32)
        np.copyto(coef, 0, where=np.abs(coef) < np.float32(options.theta))
    work[:, :rank] = round_coef(coef, options)
    found[active] = work[:, :rank]
    found_basis[active] = fit_as_asked(work, rank, options)
    if options.loop_basis != "float32" and options.scaling == "none":
        _keep_better_start(slices, found, found_basis, options)
    return found, found_basis


def _keep_better_start(slices: Float32, coef: Float32, basis: Float64, options: Options) -> None:
    """Put the rounded start back, in place, where the rounds have made a slice worse.

    Rounding after each fit may raise the error, and nothing in Algorithm 1 takes that back.
    """
    rank, planes = coef.shape[1], slices.transpose(0, 2, 1)
    start = _start(slices, rank)
    start = round_coef(np.where(np.abs(start) < np.float32(options.theta), 0, start), options)
    work = np.concatenate([start, planes], axis=1, dtype=np.float64)
    start_basis = fit_as_asked(work, rank, options)
    error = _squared_error(work[:, rank:], coef, basis)
    worse = error > _squared_error(work[:, rank:], start, start_basis)
    coef[worse], basis[worse] = start[worse], start_basis[worse]


def _squared_error(planes: Float64, coef: Float32, basis: Float64) -> Float64:
    wrong = planes - basis.transpose(0, 2, 1) @ coef
    return np.asarray(np.einsum("ijk,ijk->i", wrong, wrong))


def fit_as_asked(work: Float64, rank: int, options: Options) -> Float64:
    """Fit B to planes of Ce above those of W, in the precision that it has between the rounds."""
    basis = fit_basis(work, rank)
    if options.loop_basis == "float32":
        return basis.astype(np.float32).astype(np.float64)
    if options.loop_basis == "stored":
        return stored_basis(basis, options.basis_bits)
    return basis


def _round(index: int, work: Float64, basis: Float64) -> Round:
    rank = basis.shape[1]
    coef = work[:, :rank].transpose(0, 2, 1).astype(np.float32)
    return Round(index=index, coef=coef, basis=basis)
