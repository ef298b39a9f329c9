"""Coordinate descent over the codes of a layer, all filters at once, a row of Ce at a time."""

import numpy as np

from sdalgo.activations.code_lengths import CodeLengths
from sdalgo.activations.problem import Problem, rebuilt
from sdalgo.activations.row_search import choose, factored
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
    bits = lengths.of_rows(coef)
    rest = problem.weight - rebuilt(coef, basis, problem.layout)
    for first in range(0, problem.rows, _ROWS_AT_A_TIME):
        last = min(first + _ROWS_AT_A_TIME, problem.rows)
        here = slice(first * width, last * width)
        pull = problem.times(problem.second[:, here], rest)
        near = problem.second[:, here, here]
        metric = _metric(_diagonal(near, width), _bases(problem, basis, first, last))
        form = factored(metric)
        for place in range(last - first):
            row, own = first + place, slice(place * width, (place + 1) * width)
            rows = basis[row // problem.layout.height]
            old = coef[row]
            along = np.einsum("ijn,jn->in", rows, pull[own])
            along += np.einsum("ikn,kn->in", metric[place], old)
            new = choose(form.at(place, along), old, bits[row], lengths, problem.rate)
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
    dead = np.full(problem.filters, lengths.dead)
    left = problem.weight.copy()
    upper = problem.upper
    for first in range(0, problem.rows, _ROWS_AT_A_TIME):
        last = min(first + _ROWS_AT_A_TIME, problem.rows)
        end = last * width
        errors = np.zeros((end - first * width, problem.filters))
        roots = np.linalg.inv(_diagonal(upper[:, first * width : end, first * width : end], width))
        inner = roots @ roots.transpose(0, 1, 3, 2)
        bases = _bases(problem, basis, first, last)
        towards = _towards(inner, bases)
        form = factored(np.einsum("mijn,mkjn->mikn", towards, bases))
        for row in range(first, last):
            place, here = row - first, slice(row * width, (row + 1) * width)
            along = np.einsum("ijn,jn->in", towards[place], left[here])
            coef[row] = choose(form.at(place, along), coef[row], dead, lengths, problem.rate)
            wrong = left[here] - np.einsum("in,ijn->jn", coef[row], bases[place])
            carried = problem.times(roots[place].transpose(0, 2, 1), wrong)
            after = slice((row + 1) * width, end)
            left[after] -= problem.times(upper[:, here, after].transpose(0, 2, 1), carried)
            errors[place * width : (place + 1) * width] = carried
        passed = upper[:, first * width : end, end:].transpose(0, 2, 1)
        left[end:] -= problem.times(passed, errors)
    return coef


def _diagonal(blocks: Float64, width: int) -> Float64:
    """(groups, rows * n, rows * n) -> (rows, groups, n, n), the blocks on the diagonal."""
    groups, size = blocks.shape[:2]
    row = np.arange(size // width)
    parts = blocks.reshape(groups, size // width, width, size // width, width)
    return np.asarray(parts[:, row, :, row])


def _bases(problem: Problem, basis: Float64, first: int, last: int) -> Float64:
    """The basis of each row, (rows, r, n, N)."""
    return basis[np.arange(first, last) // problem.layout.height]


def _towards(inner: Float64, bases: Float64) -> Float64:
    """Return B H_rr of each row and filter, (rows, r, n, N), of H_rr (rows, groups, n, n)."""
    groups = inner.shape[1]
    if groups == 1:
        return np.asarray(np.einsum("mijn,mjk->mikn", bases, inner[:, 0]))
    turned = inner.transpose(0, 2, 3, 1)
    each = np.repeat(turned, bases.shape[3] // groups, axis=3)
    return np.asarray(np.einsum("mijn,mjkn->mikn", bases, each))


def _metric(inner: Float64, bases: Float64) -> Float64:
    """Return B H_rr B^T, (rows, r, r, N): each row's problem in terms of its codes."""
    return np.asarray(np.einsum("mijn,mkjn->mikn", _towards(inner, bases), bases))
