"""Torch modules that hold Ce and B in place of a weight, and rebuild it on every forward pass."""

import copy

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from archsim.formats.errors import InputError
from sdalgo.decompose import decompose, is_decomposed
from sdalgo.decomposition import Decomposition
from sdalgo.options import Options


class Rebuilt(nn.Module):
    """W = Ce B from codes, entries of B and scales, as the accelerator's rebuild engine makes it.

    A basis of 8 bits gives the integers of the engine times their unit, as `Decomposition.rebuild`
    does; another one W = Ce B as it is.

    Args:
        found: the decomposition; its arrays become buffers, so they travel in the state dict.
    """

    codes: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(self, found: Decomposition) -> None:
        super().__init__()
        self.layout, self.p_min = found.layout, found.p_min
        codes = found.coef.reshape(found.layout.filters, found.layout.rows, -1)
        self.register_buffer("codes", torch.from_numpy(codes.copy()))
        self.register_buffer("basis", torch.from_numpy(found.basis.copy()))
        self.register_buffer("scale", torch.from_numpy(found.scale.copy()))

    def forward(self, _original: Tensor) -> Tensor:
        """The weight, float32, on the device of the buffers."""
        held = [buffer.cpu().numpy() for buffer in (self.codes, self.basis, self.scale)]
        codes, basis, scale = held
        coef = codes.reshape(self.layout.coef_shape(codes.shape[-1]))
        found = Decomposition(
            layout=self.layout, coef=coef, p_min=self.p_min, basis=basis, scale=scale
        )
        return torch.from_numpy(found.rebuild()).to(self.codes.device)


def convert(module: nn.Module, options: Options | None = None) -> nn.Module:
    """Return a copy of `module` whose convolutions and linear layers hold Ce and B.

    Args:
        module: any torch module; layers that the options leave raw stay as they are.
        options: None means the preset `as_released_double`.

    Raises:
        InputError: no layer can be decomposed, or a weight is not finite.
    """
    options = options or Options()
    made = copy.deepcopy(module)
    chosen = [
        (name, layer)
        for name, layer in made.named_modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear))
        and is_decomposed(tuple(layer.weight.shape), options)
    ]
    if not chosen:
        raise InputError.at(type(module).__name__, "has no layer that the options decompose")
    for name, layer in chosen:
        weight = layer.weight.detach().to(torch.float32).cpu().numpy()
        rebuilt = Rebuilt(decompose(np.ascontiguousarray(weight), options, name=name))
        rebuilt.to(layer.weight.device)
        # The original is dropped: an empty tensor keeps torch's bookkeeping content.
        parametrize.register_parametrization(layer, "weight", rebuilt, unsafe=True)
        held = layer.get_submodule("parametrizations.weight")
        empty = nn.Parameter(torch.empty(0, device=rebuilt.codes.device), requires_grad=False)
        setattr(held, "original", empty)  # noqa: B010  (torch's stubs do not know it)
    return made
