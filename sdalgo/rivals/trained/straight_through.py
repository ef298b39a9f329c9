"""Functions whose gradient is not their own: rounding that gradients pass, and scaled gradients."""

from typing import Any

import torch
from torch import Tensor


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, values: Tensor) -> Tensor:
        return values.round()

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _Replace(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, _values: Tensor, others: Tensor) -> Tensor:
        return others.clone()

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class _Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.factor, None


def rounded(values: Tensor) -> Tensor:
    """Return the nearest whole numbers, ties to even; the gradient is passed on as it is."""
    found: Tensor = _Round.apply(values)  # type: ignore[no-untyped-call]
    return found


def replaced(values: Tensor, others: Tensor) -> Tensor:
    """Return `others`, to the bit, with the gradient of `values`."""
    found: Tensor = _Replace.apply(values, others)  # type: ignore[no-untyped-call]
    return found


def scaled_gradient(values: Tensor, factor: float) -> Tensor:
    """Return the values, whose gradient is multiplied by `factor`."""
    found: Tensor = _Scale.apply(values, factor)  # type: ignore[no-untyped-call]
    return found
