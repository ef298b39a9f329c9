"""GPTQ (Frantar, Ashkboos, Hoefler, Alistarh: "GPTQ", 2022): rounding that passes its errors on.

Weights of a filter are rounded one input after the other, and what rounding does to the outputs is
undone as well as the weights still free can: their update follows from the Cholesky factor of
H^-1. The grid is that of `uniform`. Inputs go in their own order, or by decreasing H_dd
(`act_order` of the authors' code).
"""

import numpy as np
from numpy.typing import NDArray

from sdalgo.activations.moments import Moments
from sdalgo.activations.triangular import upper_factor
from sdalgo.fit import Float64
from sdalgo.pow2 import Float32
from sdalgo.rivals.coded import Coded
from sdalgo.rivals.uniform import grid_scales, nearest

DAMP = 0.01  # of the mean diagonal, as in the authors' code
_BLOCK = 64


def gptq(
    weight: Float32,
    moments: Moments,
    levels: int,
    *,
    damp: float = DAMP,
    ordered: bool = True,
) -> Coded:
    """Quantise a weight of any shape to `levels` values a filter.

    Args:
        moments: of the layer's inputs; its `target`, if any, is what is quantised.
        levels: odd number of values of the grid.
        ordered: inputs by decreasing energy.
    """
    target = moments.target if moments.target is not None else weight
    held = target.reshape(len(weight), -1).astype(np.float64)
    groups = len(moments.second)
    each = len(held) // groups
    scale = grid_scales(held, levels)
    damped = moments.damped(damp).second
    codes = np.empty(held.shape)
    if each == 1:
        codes = _depthwise(held, damped, scale, levels // 2)
    else:
        for group in range(groups):
            part = slice(group * each, (group + 1) * each)
            order = _order(damped[group], ordered)
            inner = damped[group][np.ix_(order, order)]
            found = _filters(held[part][:, order], inner, scale[part], levels // 2)
            codes[part, order] = found
    return Coded(shape=weight.shape, codes=codes.astype(np.int16), scale=scale)


def _order(second: Float64, ordered: bool) -> NDArray[np.intp]:
    if not ordered:
        return np.arange(len(second))
    return np.argsort(-np.diagonal(second), kind="stable")


def _filters(held: Float64, second: Float64, scale: Float32, most: int) -> Float64:
    """Filters that share H, (K, D)."""
    upper = upper_factor(second[None])[0]
    left, codes = held.copy(), np.empty_like(held)
    inputs = held.shape[1]
    for first in range(0, inputs, _BLOCK):
        last = min(first + _BLOCK, inputs)
        errors = np.zeros((len(held), last - first))
        for column in range(first, last):
            codes[:, column] = nearest(left[:, column], scale, most)
            error = (left[:, column] - codes[:, column] * scale) / upper[column, column]
            left[:, column:last] -= error[:, None] * upper[column, column:last]
            errors[:, column - first] = error
        left[:, last:] -= errors @ upper[first:last, last:]
    return codes


def _depthwise(held: Float64, second: Float64, scale: Float32, most: int) -> Float64:
    """Filters with an H of their own each, (K, D)."""
    upper = upper_factor(second)
    left, codes = held.copy(), np.empty_like(held)
    for column in range(held.shape[1]):
        codes[:, column] = nearest(left[:, column], scale, most)
        error = (left[:, column] - codes[:, column] * scale) / upper[:, column, column]
        left[:, column:] -= error[:, None] * upper[:, column, column:]
    return codes
