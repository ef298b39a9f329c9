"""A layer's operands as the kernels of the sparse machines take them: every layer is a convolution,
a linear one being 1x1 on a plane whose rows are its positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from archsim.arch.arch import Arch
    from archsim.machines.shared.tiles import Ints
    from archsim.workload.layer import Layer
    from archsim.workload.tensors import LayerTensors


def weights_of(layer: Layer, tensors: LayerTensors, arch: Arch) -> NDArray[Any]:
    """The 8-bit weights of the form that the arch consumes, as (K, C/groups, R, S)."""
    form = "weight" if arch.weights == "dense" else "pruned"
    return tensors.need(form).reshape(layer.out_channels, layer.group_channels, *layer.kernel)


def plane_of(layer: Layer, tensors: LayerTensors) -> NDArray[Any]:
    """The input activations of a sample as (C, H, W); positions of a linear layer are rows."""
    values = tensors.need("input")
    if layer.op != "linear":
        return values
    return np.ascontiguousarray(values.reshape(-1, layer.in_channels).T)[:, :, None]


def buffer_waits(
    cycles: Ints, limited: Ints, weight_limit: Ints, multipliers: int
) -> dict[str, int]:
    """Multiplier-cycles that a buffer makes tiles `limited` longer than the array's own `cycles`.

    They wait for weights where `weight_limit` decides, else for inputs.
    """
    over = limited - cycles
    by_weight = limited == weight_limit
    return {
        "wait_weight": int(over[by_weight].sum()) * multipliers,
        "wait_input": int(over[~by_weight].sum()) * multipliers,
    }
