"""The convolutions and linear layers of a network, and what else it stores."""

from typing import TypeGuard

import torch
from torch import Tensor, nn

from sdalgo.rivals.trained.stored import FLOAT_BITS

Product = nn.Conv2d | nn.Linear


def is_product(module: nn.Module) -> TypeGuard[Product]:
    """Whether a module multiplies by a weight that methods compress."""
    return isinstance(module, (nn.Conv2d, nn.Linear))


def products(model: nn.Module) -> dict[str, Product]:
    """Return the layers whose weights are compressed, by name, in the network's order."""
    return {name: module for name, module in model.named_modules() if is_product(module)}


def ends(model: nn.Module) -> tuple[str, str]:
    """Return the names of the first and the last of them."""
    names = list(products(model))
    return names[0], names[-1]


def weight_count(model: nn.Module) -> int:
    """Return how many weights they hold."""
    return sum(module.weight.numel() for module in products(model).values())


def other_bits(model: nn.Module) -> int:
    """Return what biases and normalisation take, 32 bits a number."""
    held: list[Tensor] = []
    for module in model.modules():
        if is_product(module) and module.bias is not None:
            held.append(module.bias)
        if isinstance(module, nn.BatchNorm2d):
            held += [value for value in module.state_dict().values() if value.ndim]
    return FLOAT_BITS * sum(value.numel() for value in held)


@torch.no_grad()
def set_weight(module: Product, values: Tensor) -> None:
    """Give a layer another weight, in place."""
    module.weight.copy_(values)
