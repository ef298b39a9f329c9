"""A made network as an ONNX file: `python -m benchmarks.networks_50.exporting NAME FILE`."""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.networks_50.listing import Network, networks

SAMPLES = 2
"""torch.export takes a size of 1 to be fixed, so what stays open is exported with another."""


def export(network: Network, path: Path) -> None:
    """Write a made network; the same bytes of weights each time."""
    make = _maker(network)
    if network.exporter == "hand":
        import onnx

        onnx.save(make(network.opset), str(path))
        return
    import torch

    torch.manual_seed(network.seed)
    model = make().eval()
    _settle(model)
    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        (_traced if network.exporter == "torchscript" else _captured)(network, model, path)


def _maker(network: Network) -> Callable[..., Any]:
    for name in network.made_by:
        module = importlib.import_module(f"benchmarks.networks_50.{name}")
        found = getattr(module, network.name, None)
        if inspect.isfunction(found):
            return found
    raise LookupError(f"no function {network.name} in {', '.join(network.made_by)}")


def _settle(model: Any) -> None:
    """Give norms values as after training: neither all ones nor all zeros."""
    import torch
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.7, 1.4)
        if isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)):
            with torch.no_grad():
                module.weight.uniform_(0.7, 1.3)
                module.bias.normal_(0, 0.1)


def _arguments(network: Network, *, more: bool = False) -> tuple[Any, ...]:
    """Its inputs as tensors; with `more`, open batches of 1 are longer."""
    import torch

    found = []
    for name, values in network.values().items():
        x = torch.from_numpy(values)
        if more and 0 in network.open_axes(name):
            x = torch.cat([x] * SAMPLES)
        found.append(x)
    return tuple(found)


def _traced(network: Network, model: Any, path: Path) -> None:
    import torch

    names = list(network.inputs)
    torch.onnx.export(
        model, _arguments(network), str(path), opset_version=network.opset, dynamo=False,
        input_names=names, dynamic_axes={name: network.open_axes(name) for name in names},
    )  # fmt: skip


def _captured(network: Network, model: Any, path: Path) -> None:
    import torch
    from torch.export import Dim

    sizes = {name: Dim(name) for name in network.open}
    shapes = tuple(
        {axis: sizes[size] for axis, size in network.open_axes(name).items()}
        for name in network.inputs
    )
    torch.onnx.export(
        model, _arguments(network, more=True), str(path), opset_version=network.opset, dynamo=True,
        input_names=list(network.inputs), dynamic_shapes=shapes if sizes else None,
        external_data=False, verbose=False, optimize=True,
    )  # fmt: skip


def main(name: str, path: Path) -> None:
    """Write the network of this name."""
    export(next(each for each in networks() if each.name == name), path)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
