"""Convolutions and linear layers that compute as a machine of few bits would, backwards as well.

A `Rule` says how a layer multiplies, and which numbers go backwards from its outputs to its inputs
and to its weights. Everything else is torch's own, in float32.
"""

from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sdalgo.rivals.trained.layers import Product, products


class Rule:
    """Products in float32."""

    def multiply(self, layer: Product, inputs: Tensor, weight: Tensor) -> Tensor:
        """Return the layer's outputs, without its bias."""
        return product(layer, inputs, weight)

    def gradients(self, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Return what goes back to the inputs, and to the weights, of dL/d(outputs)."""
        return gradient, gradient


def product(layer: Product, inputs: Tensor, weight: Tensor) -> Tensor:
    """Return the outputs of a layer in float32, without its bias."""
    if isinstance(layer, nn.Linear):
        return functional.linear(inputs, weight)
    assert isinstance(layer.padding, tuple)
    return functional.conv2d(
        inputs, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups
    )


def multiply_by(model: nn.Module, make: Callable[[str, Product], Rule]) -> None:
    """Have every layer multiply by a rule, in place."""
    for name, layer in products(model).items():
        layer.rule = make(name, layer)  # type: ignore[assignment]
        layer.forward = MethodType(_forward, layer)  # type: ignore[method-assign]


def _forward(layer: Product, inputs: Tensor) -> Tensor:
    outputs: Tensor = _Product.apply(inputs, layer.weight, layer)  # type: ignore[no-untyped-call]
    if layer.bias is None:
        return outputs
    return outputs + layer.bias.reshape(-1, *[1] * (outputs.ndim - 2))


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, layer: Product) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.layer = layer
        return _rule(layer).multiply(layer, inputs, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None]:
        (inputs, weight), layer = ctx.saved_tensors, ctx.layer
        to_inputs, to_weights = _rule(layer).gradients(gradients[0])
        first = bool(ctx.needs_input_grad[0])
        if to_inputs is to_weights or not first:
            return *_back(layer, to_weights, (inputs, weight), (first, True)), None
        back, _ = _back(layer, to_inputs, (inputs, weight), (True, False))
        _, own = _back(layer, to_weights, (inputs, weight), (False, True))
        return back, own, None


def _rule(layer: Product) -> Rule:
    found = layer.rule
    assert isinstance(found, Rule)
    return found


def _back(
    layer: Product, gradient: Tensor, factors: tuple[Tensor, Tensor], wanted: tuple[bool, bool]
) -> tuple[Any, Any]:
    """(dL/d(inputs), dL/d(weights)) in float32, those that are wanted."""
    inputs, weight = factors
    if isinstance(layer, nn.Linear):
        back = gradient @ weight if wanted[0] else None
        return back, gradient.t() @ inputs if wanted[1] else None
    found = torch.ops.aten.convolution_backward(
        gradient, inputs, weight, None, layer.stride, layer.padding, layer.dilation, False,
        [0, 0], layer.groups, [*wanted, False],
    )  # fmt: skip
    return found[0], found[1]
