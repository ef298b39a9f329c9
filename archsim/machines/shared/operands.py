"""A layer's operands as the kernels of the sparse machines take them: every layer is a convolution,
a linear one being 1x1 on a plane whose rows are its positions."""

from typing import Any

from numpy.typing import NDArray

from archsim.arch.arch import Arch
from archsim.workload.layer import Layer
from archsim.workload.tensors import LayerTensors


def weights_of(layer: Layer, tensors: LayerTensors, arch: Arch) -> NDArray[Any]:
    """The weights of the form that the arch consumes, as (K, C/groups, R, S)."""
    form = "weight" if arch.weights == "dense" else "pruned"
    return tensors.need(form).reshape(layer.out_channels, layer.group_channels, *layer.kernel)


def plane_of(layer: Layer, tensors: LayerTensors) -> NDArray[Any]:
    """The input activations of a sample as (C, H, W); positions of a linear layer are rows."""
    values = tensors.need("input")
    if layer.op != "linear":
        return values
    return values.reshape(-1, layer.in_channels).T[:, :, None]
