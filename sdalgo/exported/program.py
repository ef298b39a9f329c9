"""A torch module to its exported program, in operators that are few and that say what they are.

torch.export breaks attention, normalisation and activation functions into arithmetic unless it is
told to keep them; whole, they are what the importer's operators are (sdalgo.exported.rules).
https://docs.pytorch.org/docs/stable/export/ir_spec.html
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from archsim.formats.errors import InputError

KEPT = (
    "linear", "matmul", "layer_norm", "rms_norm", "group_norm", "instance_norm", "hardswish",
    "silu", "softplus", "scaled_dot_product_attention", "hardsigmoid", "softmax", "log_softmax",
    "adaptive_avg_pool2d", "avg_pool2d", "max_pool2d", "upsample_nearest2d", "upsample_bilinear2d",
    "upsample_bicubic2d", "pixel_shuffle", "split", "mish", "stack", "prelu", "pad",
)  # fmt: skip
"""Operators of torch that are read as they are; all others become those of torch's core."""


Inputs = tuple[Any, ...] | Mapping[str, Any]
"""What a module is called with: in order, or by name."""


def export(model: nn.Module, inputs: Inputs) -> ExportedProgram:
    """Return the program of a module in evaluation, for inputs of the shapes of these.

    Raises:
        InputError: torch cannot export it, with torch's reason.
    """
    if not hasattr(torch.export, "default_decompositions"):
        raise InputError.at("torch", f"{torch.__version__} keeps no operator whole: 2.6 or newer")
    args, kwargs = ((), dict(inputs)) if isinstance(inputs, Mapping) else (tuple(inputs), {})
    try:
        with _quiet(), _evaluating(model), torch.no_grad():
            exported = torch.export.export(_Tensors(model), args, kwargs, strict=False)
            return exported.run_decompositions(_decompositions())
    except Exception as error:  # torch raises kinds of many modules, and the module its own
        reason = " ".join(str(error).split())
        raise InputError.at(
            type(model).__name__, f"torch.export cannot read it: {reason:.300}"
        ) from error


class _Tensors(nn.Module):
    """A module whose result is its tensors: what else it gives, such as a cache of its own kind,
    torch.export does not know."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *args: Any, **kwargs: Any) -> list[Tensor]:
        return list(_tensors(self.model(*args, **kwargs)))


def _tensors(result: Any) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, (tuple, list, Mapping)):
        for part in result.values() if isinstance(result, Mapping) else result:
            yield from _tensors(part)


def _decompositions() -> Any:
    table = torch.export.default_decompositions()
    for name in KEPT:
        packet = getattr(torch.ops.aten, name)
        for overload in packet.overloads():
            table.pop(getattr(packet, overload), None)
    return table


@contextmanager
def _quiet() -> Iterator[None]:
    """torch warns of its own workings, which nobody who imports a network can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Dropout and normalisation as in inference; each module is left as it was."""
    before = {module: module.training for module in model.modules()}
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one opaque operator for a whole encoder layer
    try:
        model.eval()
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for module, training in before.items():
            module.training = training
