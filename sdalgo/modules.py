"""Torch modules that hold Ce and B in place of a weight, and rebuild it on every forward pass."""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import parametrize

from archsim.formats import console
from archsim.formats.errors import InputError
from sdalgo.decompose import decompose, is_decomposed
from sdalgo.decomposition import Decomposition
from sdalgo.left_raw import left_raw
from sdalgo.loss import ruined
from sdalgo.options import ActivationOptions, Options
from sdalgo.orientation import as_stored
from sdalgo.rebuilding import Rebuilt

_LAYERS: tuple[tuple[tuple[type[nn.Module], ...], str], ...] = (
    ((nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d), "weight"),
    ((nn.MultiheadAttention,), "in_proj_weight q_proj_weight k_proj_weight v_proj_weight"),
    ((nn.RNNBase, nn.RNNCellBase), "weight_"),
)
"""Kinds of layers, and the parameters of each that are weights: names, or how they begin."""
_TABLES = (nn.Embedding, nn.EmbeddingBag)

Holder = tuple[str, nn.Module, str]
"""A parameter where it is held: its name in the network, the module, its name there."""


def convert(
    module: nn.Module,
    options: Options | None = None,
    calibration: NDArray[np.generic] | None = None,
) -> nn.Module:
    """Return a copy of `module` whose layers hold Ce and B in place of their weights.

    Layers are convolutions over one or two axes, transposed ones, linear layers, attention (packed
    weights too) and recurrent layers; each weight is decomposed as `sdalgo decompose` does it in
    the module's state dict. A weight that several of them share stays shared, with an embedding
    too; an embedding of its own stays as it is. Other parameters that look like weights stay, and
    a note names them, as it does layers that are ruined.

    The weights follow `half()`, `bfloat16()`, `double()` and `to()`, and export to ONNX as Ce, B
    and the operators that rebuild them.

    Args:
        module: any torch module; layers that the options leave raw stay as they are.
        options: None means the preset `as_released_double`.
        calibration: of the preset `activations`: inputs (N, ...) as the module takes them. It
            decomposes convolutions over two axes and linear layers that they reach.

    Raises:
        InputError: no layer can be decomposed, a weight is not finite, or a calibration is missing
            or has no use.
    """
    options = options or Options()
    fitted = _fitted(module, options, calibration)
    made = copy.deepcopy(module)
    shared: dict[int, list[Holder]] = {}
    for holder in _holders(made):
        shared.setdefault(id(holder[1].get_parameter(holder[2])), []).append(holder)
    chosen = [
        held for held in shared.values()
        if (_is_chosen(held, options) if fitted is None else held[0][0] in fitted)
    ]  # fmt: skip
    if not chosen:
        raise InputError.at(type(module).__name__, "has no layer that the options decompose")
    raw = {
        held[0][0]: tuple(held[0][1].get_parameter(held[0][2]).shape)
        for held in shared.values()
        if held not in chosen and not isinstance(held[0][1], _TABLES)
    }
    lines = left_raw(raw)
    for held in chosen:
        lines += _replace(held, options, fitted)
    for line in lines:
        console.note(line)
    return made


def _holders(model: nn.Module) -> Iterator[Holder]:
    for place, module in model.named_modules():
        for name, _ in module.named_parameters(recurse=False, remove_duplicate=False):
            yield ".".join(filter(None, (place, name))), module, name


def _is_chosen(held: list[Holder], options: Options) -> bool:
    """Whether a weight is one of a layer, and the options decompose it."""
    _, first, key = held[0]
    if not is_decomposed(tuple(first.get_parameter(key).shape), options):
        return False
    return any(
        isinstance(module, kinds)
        and (name in names.split() or (names.endswith("_") and name.startswith(names)))
        for _, module, name in held
        for kinds, names in _LAYERS
    )


def _fitted(
    module: nn.Module, options: Options, calibration: NDArray[np.generic] | None
) -> dict[str, Decomposition] | None:
    """What the preset `activations` makes of the module; None with another preset."""
    calibrated = isinstance(options, ActivationOptions)
    if calibrated != (calibration is not None):
        message = "the preset `activations` and `calibration=`, inputs of the module, go together"
        raise InputError.at(type(module).__name__, message)
    if not isinstance(options, ActivationOptions) or calibration is None:
        return None
    from sdalgo.activations.network import decompose_network

    return decompose_network(copy.deepcopy(module).cpu().float(), calibration, options)


def _replace(
    held: list[Holder], options: Options, fitted: dict[str, Decomposition] | None
) -> list[str]:
    """Put one decomposition where a weight was, in all modules that hold it."""
    name, first, key = held[0]
    weight = first.get_parameter(key)
    values = weight.detach().to(torch.float32).cpu().numpy()
    dense = np.ascontiguousarray(as_stored(values.shape).to_layer(values))
    found = fitted[name] if fitted else decompose(dense, options, name=name)
    rebuilt = Rebuilt(found, tuple(values.shape)).to(weight.device)
    # The original is dropped: an empty tensor keeps torch's bookkeeping content, and says in which
    # type and where the module is.
    empty = nn.Parameter(torch.empty(0, dtype=weight.dtype, device=weight.device), False)
    for _, module, each in held:
        parametrize.register_parametrization(module, each, rebuilt, unsafe=True)
        kept = module.get_submodule(f"parametrizations.{each}")
        setattr(kept, "original", empty)  # noqa: B010  (torch's stubs do not know it)
    return ruined([(name, found.nonzeros, found.error(dense))])
