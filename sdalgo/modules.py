"""Torch modules that hold Ce and B in place of a weight, and rebuild it on every forward pass."""

import copy
import math

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

    Args:
        found: the decomposition; its arrays become buffers, so they travel in the state dict.
    """

    codes: Tensor
    basis: Tensor
    scale: Tensor

    def __init__(self, found: Decomposition) -> None:
        super().__init__()
        self.layout = found.layout
        codes = found.coef.reshape(found.layout.filters, found.layout.rows, -1)
        self.register_buffer("codes", torch.from_numpy(codes.copy()))
        self.register_buffer("basis", torch.from_numpy(found.basis.copy()))
        self.register_buffer("scale", torch.from_numpy(found.scale.copy()))

    def forward(self, _original: Tensor) -> Tensor:
        layout = self.layout
        level = self.codes.abs().to(torch.int32)
        size = torch.ldexp(torch.ones_like(level, dtype=torch.float32), level - 1)
        coef = torch.where(level > 0, size * self.codes.sign(), torch.zeros_like(size))
        missing = layout.slices * layout.height - layout.rows
        coef = nn.functional.pad(coef, (0, 0, 0, missing))
        coef = coef.reshape(layout.filters, layout.slices, layout.height, -1)
        basis = self.basis.to(torch.float32) * self.scale[..., None, None]
        flat = (coef @ basis).reshape(layout.filters, -1)
        return flat[:, : math.prod(layout.shape[1:])].reshape(layout.shape)


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
