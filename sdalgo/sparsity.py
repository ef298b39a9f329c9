"""Structured sparsity, enforced on W before the decomposition (paper III-D).

A vector is one kernel row of one input channel, or a triple of consecutive channels in 1x1 and
linear layers. Vectors are dropped for a whole group of consecutive filters at once, so that the
filters of a group share one row mask. A vector that is zero in W is zero in Ce: it survives the
decomposition exactly.
"""

import math

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from archsim.formats.slices import matrix_of
from sdalgo.pow2 import Float32

FILTER_GROUP = 32  # filters that share a mask in the released code

Mask = NDArray[np.bool_]


def row_scores(weight: Float32, group: int = FILTER_GROUP) -> NDArray[np.float64]:
    """Return sum|W| of each vector over its filter group, (groups, rows)."""
    magnitude = np.abs(_rows(weight)).sum(axis=2, dtype=np.float64)
    starts = np.arange(0, len(magnitude), min(group, len(magnitude)))
    return np.asarray(np.add.reduceat(magnitude, starts, axis=0))


def row_mask_by_ratio(weight: Float32, ratio: float, group: int = FILTER_GROUP) -> Mask:
    """Return the live vectors, (K, rows), after the weakest `ratio` of each group is dropped."""
    if not 0 <= ratio <= 1:
        raise InputError.at("ratio", f"{ratio} is not between 0 and 1")
    scores = row_scores(weight, group)
    dropped = math.ceil(ratio * scores.shape[1] - 1e-9)
    order = np.argsort(scores, axis=1, kind="stable")
    live = np.ones(scores.shape, bool)
    np.put_along_axis(live, order[:, :dropped], False, axis=1)
    return _per_filter(live, len(weight), group)


def apply_row_mask(weight: Float32, live: Mask) -> Float32:
    """Return the weight with its dead vectors set to zero."""
    rows = _rows(weight) * live[:, :, None]
    flat = rows.reshape(len(weight), -1)[:, : math.prod(weight.shape[1:])]
    return np.ascontiguousarray(flat, dtype=np.float32).reshape(weight.shape)


def channels_by_scale(scale: NDArray[np.generic], ratio: float) -> Mask:
    """Return the live channels, (C,), after the `ratio` with the least |gamma| is dropped.

    Args:
        scale: batch-normalisation gammas of the layer that makes the channels (paper III-D).
    """
    dropped = math.ceil(ratio * len(scale) - 1e-9)
    live = np.ones(len(scale), bool)
    live[np.argsort(np.abs(scale), kind="stable")[:dropped]] = False
    return live


def magnitude_pruned(weight: Float32, density: float) -> Float32:
    """Return the weight with its smallest entries zero, `density` of them kept (unstructured)."""
    kept = round(density * weight.size)
    flat = weight.ravel()
    pruned = np.zeros_like(flat)
    strongest = np.argsort(-np.abs(flat), kind="stable")[:kept]
    pruned[strongest] = flat[strongest]
    return pruned.reshape(weight.shape)


def _rows(weight: Float32) -> Float32:
    """(K, rows, width), triples of 1x1 and linear layers padded with zeros."""
    rows, width = matrix_of(weight.shape)
    flat = weight.reshape(len(weight), -1)
    padded = np.zeros((len(weight), rows * width), np.float32)
    padded[:, : flat.shape[1]] = flat
    return padded.reshape(-1, rows, width)


def _per_filter(live: Mask, filters: int, group: int) -> Mask:
    return np.repeat(live, min(group, filters), axis=0)[:filters]
