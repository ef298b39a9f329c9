"""What flows into each weighted layer during a forward pass."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdalgo.one_thread import one_thread

Activations = dict[str, NDArray[np.float32]]


@contextmanager
def _captured(model: nn.Module, store: dict[str, torch.Tensor]) -> Iterator[None]:
    def hook(name: str) -> Any:
        def save(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            store[name] = inputs[0].detach().clone()

        return save

    def lstm_hook(name: str) -> Any:
        def save(_module: nn.Module, inputs: Any, outputs: Any) -> None:
            states = outputs[0].detach()
            before = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], 1)
            store[f"{name}.weight_ih_l0"] = inputs[0].detach().clone()
            store[f"{name}.weight_hh_l0"] = before

        return save

    handles = [
        module.register_forward_pre_hook(hook(name))
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    handles += [
        module.register_forward_hook(lstm_hook(name))
        for name, module in model.named_modules()
        if isinstance(module, nn.LSTM)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def activations(model: nn.Module, images: NDArray[np.generic]) -> Activations:
    """Return the input of each convolution and linear layer, by module name.

    Args:
        model: run in eval mode, on one thread, so that a machine repeats its own bytes.
        images: (N, ...) as the network takes them.
    """
    found: dict[str, torch.Tensor] = {}
    with one_thread(), torch.inference_mode(), _captured(model, found):
        model.eval()(torch.from_numpy(np.ascontiguousarray(images)))
    return {name: value.numpy() for name, value in found.items()}


def calibrate_norms(
    model: nn.Module, images: NDArray[np.generic], within: Collection[str] = ()
) -> None:
    """Set the running statistics of batch normalisation to those of `images`, in place.

    Args:
        within: the modules whose normalisations are set; none means every one.
    """
    norms = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        and (not within or any(f"{name}.".startswith(f"{one}.") for one in within))
    ]
    if not norms:
        return
    before = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.train()
        norm.momentum = 1.0  # this batch's statistics replace the old ones
    with one_thread(), torch.no_grad():
        model(torch.from_numpy(np.ascontiguousarray(images)))
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    model.eval()
