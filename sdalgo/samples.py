"""What a recipe's network is run on: photographs, characters, tokens or states of tokens."""

from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdalgo import characters, photos
from sdalgo.networks import network
from sdalgo.recipe import Recipe

SEED = 0


def samples(recipe: Recipe) -> NDArray[Any]:
    """Return a batch (N, ...) as the network takes it: float32, or token ids as int64."""
    module = network(recipe.network)
    shape = _shape(recipe, module)
    generator = np.random.default_rng(SEED)
    if hasattr(module, "VOCABULARY"):
        return generator.integers(0, module.VOCABULARY, (1, *shape))
    if len(shape) == 2 and is_exported(module):
        return generator.standard_normal((1, *shape), np.float32)
    if len(shape) == 2:
        return characters.one_hot(shape[0], shape[1], recipe.images)
    images = photos.batch(shape, recipe.images, getattr(module, "PIXELS", photos.IMAGENET))
    return images[:, ::-1].copy() if getattr(module, "BLUE_FIRST", False) else images


def about(recipe: Recipe) -> str:
    """Say in a workload's `source` what its activations come from."""
    module = network(recipe.network)
    shape = _shape(recipe, module)
    if hasattr(module, "VOCABULARY"):
        text = f"SYNTHETIC: {shape[0]} token ids of {module.VOCABULARY:,} at random, seed {SEED}"
        if hasattr(module, "fill"):
            text += f", keys and values of {module.CACHED:,} others likewise in the cache"
        return text
    if len(shape) == 2 and is_exported(module):
        return f"SYNTHETIC: normal states of {shape[0]} tokens, seed {SEED}"
    if len(shape) == 2:
        return f"SYNTHETIC: {characters.ABOUT}; int8 symmetric, per-tensor maximum"
    shown = f"forward pass of the photograph {photos.NAMES[0]}"
    if is_exported(module):
        return shown
    used = ", ".join(photos.NAMES[: recipe.images])
    return f"{shown}, int8 symmetric, per-tensor maximum over {used}"


def fill_state(model: nn.Module, module: ModuleType) -> None:
    """Compute what a network holds of earlier tokens, where it holds something, from drawn ones."""
    if hasattr(module, "fill"):
        earlier = np.random.default_rng(SEED + 1).integers(0, module.VOCABULARY, (1, module.CACHED))
        module.fill(model, torch.from_numpy(earlier))


def reads_by_export(recipe: Recipe) -> bool:
    """Whether a recipe's network is built by sdalgo.torch_import."""
    return is_exported(network(recipe.network))


def is_exported(module: ModuleType) -> bool:
    """Whether a network is read by torch.export (sdalgo.torch_import), and not by torch.fx."""
    return getattr(module, "FRONT", "") == "export"


def _shape(recipe: Recipe, module: ModuleType) -> Any:
    shape = module.INPUT
    return shape if recipe.tokens is None else (recipe.tokens, *shape[1:])
