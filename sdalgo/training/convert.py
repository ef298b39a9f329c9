"""From a trained network to SD-T's form by one pass of the decomposition (paper IV, app. E)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import nn
from torch.nn.utils import parametrize

from archsim.formats.errors import InputError
from sdalgo import sparsity
from sdalgo.decompose import decompose, is_decomposed
from sdalgo.decomposition import Decomposition
from sdalgo.options import Options, preset
from sdalgo.pow2 import Float32
from sdalgo.training.weight import DecomposedWeight

Ratios = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Form:
    """The decomposed form of a network.

    Attributes:
        theta: of the one pass; its size relative to the weights decides the density.
        highest: largest exponent in P; 0 in the authors' runs.
        rows_pruned: share of coefficient rows dropped in each layer; `default` for the others.
        dense: layers that keep a float weight, by name.
    """

    theta: float = 7e-3
    highest: int = 0
    rows_pruned: Ratios | None = None
    dense: tuple[str, ...] = ()

    @property
    def p_min(self) -> int:
        """The smallest power that is not below theta: -7 for 7e-3."""
        return math.ceil(math.log2(self.theta) - 1e-9)

    @property
    def levels(self) -> int:
        """|P|: 8 for 7e-3 and highest 0, the sixteen values of appendix B."""
        return self.highest - self.p_min + 1

    def options(self) -> Options:
        """Return the options of the one pass: float B, exponents within P."""
        if not 0 < self.theta <= 2.0**self.highest:
            raise InputError.at(
                "theta", f"{self.theta} is not above 0 and at most 2^{self.highest}"
            )
        return preset(
            "as_released_double", theta=self.theta, basis_bits=32,
            exponents=(self.p_min, self.highest), largest_kernel=None,
        )  # fmt: skip

    def ratio(self, layer: str) -> float:
        """Return the share of rows to drop in a layer."""
        ratios = self.rows_pruned or {}
        return ratios.get(layer, ratios.get("default", 0.0))


def weighted_layers(model: nn.Module, form: Form) -> dict[str, nn.Module]:
    """Return the convolutions and linear layers that the form decomposes, by name."""
    options = form.options()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
        and name not in form.dense
        and is_decomposed(tuple(module.weight.shape), options)
    }


def row_mask(weight: Float32, ratio: float) -> sparsity.Mask | None:
    """Return the live rows of a layer, (K, rows), or None where none are dropped.

    A depthwise layer has no input channels to share a mask over, and is skipped as in Table XI.
    """
    return sparsity.row_mask_by_ratio(weight, ratio) if ratio > 0 else None


def decompose_layer(weight: Float32, form: Form, name: str) -> Decomposition:
    """Return one layer's decomposition, its structured sparsity imposed first (paper III-D)."""
    live = row_mask(weight, form.ratio(name))
    if live is not None:
        weight = sparsity.apply_row_mask(weight, live)
    return decompose(weight, form.options(), name=name)


def to_decomposed(model: nn.Module, form: Form) -> nn.Module:
    """Replace the weights of `model` by codes and bases, in place, and return it.

    A module keeps its name and class; its `weight` is from now on rebuilt whenever it is read.

    Raises:
        InputError: the network has no layer that can be decomposed.
    """
    chosen = weighted_layers(model, form)
    if not chosen:
        raise InputError.at(type(model).__name__, "no convolution or linear layer to decompose")
    device = next(model.parameters()).device
    model.to("cpu")  # where the decomposition runs
    for name, module in chosen.items():
        weight = module.get_parameter("weight").detach().numpy().astype(np.float32)
        found = decompose_layer(weight, form, name)
        held = DecomposedWeight(found, form.p_min, form.levels)
        parametrize.register_parametrization(module, "weight", held)
    return model.to(device)


def decomposed_weights(model: nn.Module) -> dict[str, DecomposedWeight]:
    """Return what holds the codes of each decomposed layer, by the layer's name."""
    end = ".parametrizations.weight.0"
    return {
        name.removesuffix(end): module
        for name, module in model.named_modules()
        if isinstance(module, DecomposedWeight)
    }


def basis_of(model: nn.Module, layer: str) -> nn.Parameter:
    """Return the trained B of a decomposed layer, (K * slices, r, n)."""
    return model.get_parameter(f"{layer}.parametrizations.weight.original")
