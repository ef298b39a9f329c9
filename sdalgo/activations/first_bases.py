"""Bases from which the search starts: rows of the weights themselves, or lines near them.

In short slices a few rows taken as they are leave little to be coded; in tall ones rows are better
gathered about lines, each with a basis row along it (Bradley and Mangasarian, "k-plane clustering",
2000, for lines through zero).
"""

import numpy as np

from sdalgo.activations.problem import Problem
from sdalgo.fit import Float64

_TALL = 30  # rows from which on lines are the better start, by the cost of MobileNetV2's layers
_ROUNDS = 6  # of lines; the last ones move little


def first_bases(problem: Problem, most: int) -> Float64:
    """Rows of each slice's own weights, (slices, r, n, N); in tall slices directions of many rows.

    Slices of r rows are then exact but for the rounding of B, with one code a row. From a multiple
    of the identity the search does not get there: codes stay dense.

    Args:
        most: rows of a basis, at most; r is this or n.
    """
    layout = problem.layout
    weight = problem.weight.reshape(layout.rows, layout.width, -1)
    found = []
    for index in range(layout.slices):
        own = weight[index * layout.height : (index + 1) * layout.height]
        chosen = _leading_rows(own, min(most, layout.width))
        found.append(_lines(own, chosen) if layout.height >= _TALL else chosen)
    return np.stack(found)


def _leading_rows(rows: Float64, rank: int) -> Float64:
    """Return `rank` of the rows (m, n, N), each the one that those before it say least of."""
    left, every = rows.copy(), np.arange(rows.shape[2])
    chosen = np.empty((rank, *rows.shape[1:]))
    for i in range(rank):
        row = (left * left).sum(axis=1).argmax(axis=0)
        chosen[i] = rows[row, :, every].T
        along = _unit(left[row, :, every].T)
        left -= (left * along).sum(axis=1, keepdims=True) * along
    return chosen


def _lines(rows: Float64, chosen: Float64) -> Float64:
    """Return lines through zero near which the rows lie, as long as what lies farthest out on them:
    each row goes to its nearest line, each line to the first principal axis of its rows."""
    axes = _unit(chosen, axis=1)
    for _ in range(_ROUNDS):
        along = np.einsum("min,rin->mrn", rows, axes)
        nearest = np.abs(along).argmax(axis=1)
        for i in range(len(axes)):
            own = rows * (nearest == i)[:, None]
            square = np.einsum("min,mjn->nij", own, own)
            axis = np.linalg.eigh(square)[1][:, :, -1].T
            axes[i] = np.where(square.any(axis=(1, 2)), axis, axes[i])
    reach = np.abs(np.einsum("min,rin->mrn", rows, axes)).max(axis=0)
    return np.asarray(axes * np.where(reach > 0, reach, 1.0)[:, None])


def _unit(vectors: Float64, axis: int = 0) -> Float64:
    size = np.sqrt((vectors * vectors).sum(axis=axis, keepdims=True))
    return np.asarray(vectors / np.where(size > 0, size, 1.0))
