"""How quantisers get into a network, and weights out of it: torch's parametrisations and hooks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sdalgo.rivals.trained.layers import Product, products, set_weight
from sdalgo.rivals.trained.stored import FLOAT_BITS, Floats, Stored

_INPUT = "input_quantiser"


class WeightQuantiser(nn.Module):
    """Called with a float weight it returns the values that are stored for it."""

    def stored(self, weight: Tensor) -> Stored:
        """Return the stored form of the same values."""
        raise NotImplementedError


class InputQuantiser(nn.Module):
    """Called with what a layer is given it returns what the layer takes.

    Attributes:
        scales: numbers of 32 bits that it keeps after training.
    """

    scales: int = 0


def quantise_weights(
    model: nn.Module, make: Callable[[str, Product], WeightQuantiser | None]
) -> None:
    """Put a quantiser before the weight of every layer that `make` has one for, in place."""
    for name, module in products(model).items():
        quantiser = make(name, module)
        if quantiser is not None:
            parametrize.register_parametrization(module, "weight", quantiser)


def quantise_inputs(
    model: nn.Module, make: Callable[[str, Product], InputQuantiser | None]
) -> None:
    """Put a quantiser before every layer that `make` has one for, in place."""
    for name, module in products(model).items():
        quantiser = make(name, module)
        if quantiser is not None:
            module.add_module(_INPUT, quantiser)
            module.register_forward_pre_hook(_quantised)


def _quantised(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return (module.get_submodule(_INPUT)(given[0]), *given[1:])


@torch.no_grad()
def frozen(model: nn.Module) -> dict[str, Stored]:
    """Take the quantisers of weights out, in place, and return what is stored in their stead.

    The layers then hold what the stored forms rebuild to, which is what they computed with before.
    """
    found: dict[str, Stored] = {}
    for name, module in products(model).items():
        used = module.weight.detach().numpy().copy()
        if not parametrize.is_parametrized(module, "weight"):
            found[name] = Floats(values=used)
            continue
        held = module.get_submodule("parametrizations.weight")
        assert isinstance(held, parametrize.ParametrizationList)
        quantiser = held[0]
        assert isinstance(quantiser, WeightQuantiser)
        found[name] = quantiser.stored(held.original.detach())
        parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
        rebuilt = found[name].rebuild()
        assert np.array_equal(rebuilt, used), f"{name}: its stored form is another weight"
        set_weight(module, torch.from_numpy(rebuilt))
    return found


def float_weight(module: nn.Module) -> nn.Parameter:
    """Return the trained float weight behind a layer's weight, whatever quantiser stands before."""
    if parametrize.is_parametrized(module, "weight"):
        return module.get_parameter("parametrizations.weight.original")
    return module.get_parameter("weight")


def input_scale_bits(model: nn.Module) -> int:
    """Return what the quantisers of inputs keep."""
    found = [module for module in model.modules() if isinstance(module, InputQuantiser)]
    return FLOAT_BITS * sum(each.scales for each in found)
