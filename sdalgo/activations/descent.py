"""Coordinate descent over the codes of a layer, all filters at once, a row of Ce at a time."""

import numpy as np

from sdalgo.activations.code_lengths import CodeLengths
from sdalgo.activations.problem import Problem, rebuilt
from sdalgo.activations.row_search import choose, squares
from sdalgo.fit import Float64

_ROWS_AT_A_TIME = 24  # of which the pull is kept up to date; the rest waits for one product


def sweep(problem: Problem, coef: Float64, basis: Float64, lengths: CodeLengths) -> Float64:
    """Choose every row of Ce once, given all others; no filter costs more afterwards.

    Args:
        coef: (rows, r, N).
        basis: (slices, r, n, N).
    """
    width = problem.layout.width
    coef = coef.copy()
    rest = problem.weight - rebuilt(coef, basis, problem.layout)
    for first in range(0, problem.rows, _ROWS_AT_A_TIME):
        last = min(first + _ROWS_AT_A_TIME, problem.rows)
        here = slice(first * width, last * width)
        pull = problem.times(problem.second[:, here], rest)
        near = problem.second[:, here, here]
        for row in range(first, last):
            own = slice((row - first) * width, (row - first + 1) * width)
            rows = basis[row // problem.layout.height]
            metric, along = _projected(problem, row, rows, pull[own])
            old = coef[row]
            form = squares(metric, along + np.einsum("ikn,kn->in", metric, old))
            new = choose(form, old, lengths, problem.rate)
            step = np.einsum("in,ijn->jn", new - old, rows)
            pull -= problem.times(near[:, :, own], step)
            rest[row * width : (row + 1) * width] -= step
            coef[row] = new
    return coef


def start(problem: Problem, basis: Float64, lengths: CodeLengths) -> Float64:
    """Choose the rows of Ce in order, each error being passed on to the weights still free.

    This is GPTQ's order (Frantar et al. 2022) with a row of codes in place of a rounded weight.
    """
    width, rank = problem.layout.width, basis.shape[1]
    coef = np.zeros((problem.rows, rank, problem.filters))
    left = problem.weight.copy()
    upper = np.linalg.cholesky(np.linalg.inv(problem.second)).transpose(0, 2, 1)
    for first in range(0, problem.rows, _ROWS_AT_A_TIME):
        last = min(first + _ROWS_AT_A_TIME, problem.rows)
        end = last * width
        errors = np.zeros((end - first * width, problem.filters))
        for row in range(first, last):
            here = slice(row * width, (row + 1) * width)
            own = np.linalg.inv(upper[:, here, here])
            inner = _each(problem, own @ own.transpose(0, 2, 1))
            rows = basis[row // problem.layout.height]
            towards = np.einsum("ijn,jkn->ikn", rows, np.broadcast_to(inner, inner.shape))
            metric = np.einsum("ijn,kjn->ikn", towards, rows)
            form = squares(metric, np.einsum("ijn,jn->in", towards, left[here]))
            coef[row] = choose(form, coef[row], lengths, problem.rate)
            wrong = left[here] - np.einsum("in,ijn->jn", coef[row], rows)
            carried = problem.times(own.transpose(0, 2, 1), wrong)
            after = slice((row + 1) * width, end)
            left[after] -= problem.times(upper[:, here, after].transpose(0, 2, 1), carried)
            errors[(row - first) * width : (row - first + 1) * width] = carried
        passed = upper[:, first * width : end, end:].transpose(0, 2, 1)
        left[end:] -= problem.times(passed, errors)
    return coef


def _each(problem: Problem, blocks: Float64) -> Float64:
    """(groups, b, b) -> (b, b, N), the matrix of each filter."""
    turned = blocks.transpose(1, 2, 0)
    return np.repeat(turned, problem.filters // turned.shape[2], axis=2)


def _projected(problem: Problem, row: int, rows: Float64, pull: Float64) -> tuple[Float64, Float64]:
    """Return (B H_rr B^T, B pull) for each filter: the row's problem in terms of its codes."""
    width = problem.layout.width
    inner = problem.block(row * width, (row + 1) * width)
    if inner.shape[2] == 1:
        towards = np.einsum("ijn,jk->ikn", rows, inner[:, :, 0])
    else:
        towards = np.einsum("ijn,jkn->ikn", rows, inner)
    return np.einsum("ijn,kjn->ikn", towards, rows), np.einsum("ijn,jn->in", rows, pull)
