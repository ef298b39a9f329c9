"""Layers for the tests of machines: shapes from a few keys, arrays held in memory."""

import numpy as np

from archsim.workload.layer import Layer
from archsim.workload.tensors import LayerTensors


class Arrays(LayerTensors):
    """Arrays of one layer that come from the test and from no file."""

    def __init__(self, layer, **arrays):
        super().__init__(layer, None, "the test")
        self._arrays = dict.fromkeys(("pruned", "coef", "basis", "basis_scale", "weight")) | arrays

    def forget(self, what):
        """Nothing: they could not be had again."""

    def basis_shape(self):
        basis = self._arrays["basis"]
        return None if basis is None else basis.shape


def conv(in_channels, out_channels, in_size, kernel, **keys):
    """A conv layer; `padding` is (top, left, bottom, right)."""
    stride, dilation = keys.get("stride", (1, 1)), keys.get("dilation", (1, 1))
    top, left, bottom, right = keys.get("padding", (0, 0, 0, 0))
    margins = (top + bottom, left + right)
    out_size = tuple(
        (in_size[i] + margins[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i in (0, 1)
    )
    return Layer(
        name="layer",
        op="conv",
        inputs=(),
        in_channels=in_channels,
        out_channels=out_channels,
        in_size=in_size,
        out_size=out_size,
        kernel=kernel,
        **keys,
    )


def linear(in_channels, out_channels, positions=1):
    return Layer(
        name="layer",
        op="linear",
        inputs=(),
        in_channels=in_channels,
        out_channels=out_channels,
        positions=positions,
    )


def decomposition(layer, nonzeros, rng, slices=1, depth=None):
    """`coef`, `basis`, `basis_scale` whose rows have so many non-zeros at random places."""
    depth = depth or layer.coef_shape()[-1]
    rank = rng.random((*nonzeros.shape, depth)).argsort(axis=-1)
    codes = rng.integers(1, 8, rank.shape) * rng.choice([-1, 1], rank.shape)
    coef = np.where(rank < nonzeros[..., None], codes, 0).astype(np.int8)
    basis = rng.integers(
        -127, 128, (layer.out_channels, slices, depth, layer.basis_columns)
    ).astype(np.int8)
    scale = np.ones((layer.out_channels, slices), np.float32)
    return {
        "coef": coef.reshape(*layer.coef_shape()[:-1], depth),
        "basis": basis,
        "basis_scale": scale,
    }
