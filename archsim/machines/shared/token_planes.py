"""Tokens on a grid of elements that each hold a tile of the plane.

A 1x1 convolution over a plane of 1 x T (tokens, rows of a product) asks for no neighbours, so its
pixels may stand anywhere: on a grid they are folded into as many rows as it has [A], the last one
filled up with places that hold nothing. Along one row, all rows of the grid but one would be idle.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import ceil_div
from archsim.workload.convolution import Geometry, Pair
from archsim.workload.layer import Layer


def folded_size(layer: Layer, rows: int) -> Pair:
    """The plane of a layer of so many grid `rows`: its own, unless it is of tokens."""
    height, width = layer.in_size
    if height > 1 or layer.op == "linear" or layer.geometry != Geometry(groups=layer.groups):
        return layer.in_size
    return folded_row(width, rows)


def folded_row(tokens: int, rows: int) -> Pair:
    """The plane of so many tokens on so many grid `rows`."""
    folds = min(rows, tokens)
    return folds, ceil_div(tokens, folds)


def folded(values: NDArray[Any], size: Pair) -> NDArray[Any]:
    """Values (C, H, W) on the plane that `folded_size` gives, with zeros where nothing is."""
    if values.shape[1:] == size:
        return values
    channels = len(values)
    flat = np.zeros((channels, size[0] * size[1]), values.dtype)
    flat[:, : values[0].size] = values.reshape(channels, -1)
    return flat.reshape(channels, *size)
