"""An ONNX file to a workload: its weights decomposed, its activations from one image."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sdalgo import photos
from sdalgo.build import Built, Layers, write_workload
from sdalgo.errors import InputError
from sdalgo.onnx_graph import OnnxModel
from sdalgo.pretrained import Weights
from sdalgo.recipe import Recipe
from sdalgo.workload import FORMAT

Progress = Callable[[int, int, str], None]


def import_onnx(
    path: Path, recipe: Recipe, folder: Path, progress: Progress | None = None
) -> Built:
    """Write FOLDER/NAME.yaml and .safetensors for the network of an ONNX file.

    Args:
        recipe: its name and the decomposition; network and weights are the file's.

    Raises:
        InputError: the file is not ONNX, or holds an operator that is not known.
    """
    model = OnnxModel(path)
    if len(model.shape) != 3:
        raise InputError(str(path), f"input {model.stored_shape}: an image network is needed")
    image = photos.batch((model.shape[0], model.shape[1], model.shape[2]), 1)[0]
    model.run(image)
    weights = Weights(
        state={f"{name}.weight": torch.from_numpy(w) for name, w in model.weights.items()},
        note=f"as found in {path.name}",
        licence=f"weights: that of {path.name}",
        trained=True,
    )
    inputs = {name: np.asarray(x, np.float32) for name, x in model.inputs.items()}
    parts = folder / f".{recipe.name}.parts"
    try:
        parts.mkdir(parents=True, exist_ok=True)
        layers = Layers(recipe, weights, inputs, {"default": 0.0}, parts)
        entries = layers.finish(model.layers, 0, progress)
        built = write_workload(folder, _header(path, recipe, weights), entries, layers)
        shutil.rmtree(parts)
    except OSError as error:
        raise InputError(str(folder), f"cannot be written: {error.strerror}") from error
    return built


def _header(path: Path, recipe: Recipe, weights: Weights) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": recipe.name,
        "task": "inference",
        "batch": 1,
        "source": {
            "made_by": f"sdalgo import {path.name} --name {recipe.name}",
            "weights": weights.note,
            "decomposition": f"{recipe.preset}, theta {recipe.theta}",
            "activations": f"one run on the photograph {photos.NAMES[0]} with ImageNet's mean and "
            "deviation, int8 symmetric, per-tensor maximum",
            "licence": f"{weights.licence}; {photos.LICENCE}",
        },
        "tensors": f"{recipe.name}.safetensors",
    }
