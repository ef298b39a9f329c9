"""An ONNX file to a workload: its weights decomposed, its activations from one image."""

import os
import shutil
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import archsim.formats
from archsim.formats.errors import InputError, Problem
from archsim.formats.files import make_folder, move
from archsim.formats.lifeline import run_module
from archsim.formats.progress import Progress
from archsim.formats.source import require
from archsim.formats.unpacked import check_run
from sdalgo import photos, provenance
from sdalgo.build import Built, Layers, claim_workload
from sdalgo.onnx_graph import OnnxModel
from sdalgo.pretrained import ONNX_FILES, Weights, shown_name
from sdalgo.recipe import Recipe
from sdalgo.workload import header


@dataclass(frozen=True, kw_only=True)
class _Origin:
    """What a workload's `source` says, and the seed of drawing from its profiles."""

    made_by: str
    weights: str
    prepared: str
    licence: str
    seed: int = 0


def import_onnx(
    path: Path,
    recipe: Recipe,
    folder: Path,
    progress: Progress | None = None,
    size: tuple[int, ...] | None = None,
) -> Built:
    """Write FOLDER/NAME.yaml and .safetensors for the network of an ONNX file.

    Args:
        recipe: its name and the decomposition; network and weights are the file's.
        size: (H, W) or (C, H, W) of the input, where the file leaves it open.

    Raises:
        InputError: the file is not ONNX, or holds what is not known or no workload says.
    """
    model = OnnxModel(path, size)
    model.run(_photograph(model, photos.IMAGENET))
    made_by = f"sdalgo import {shown_name(path)} --name {recipe.name}"
    made_by += provenance.import_options(recipe)
    return _write(model, recipe, _own_origin(path, recipe, made_by), folder, progress)


def _own_origin(path: Path, recipe: Recipe, made_by: str, seed: int = 0) -> _Origin:
    file = shown_name(path)
    return _Origin(
        made_by=made_by,
        weights=provenance.weights(f"as found in {file}", recipe),
        prepared="with ImageNet's mean and deviation",
        licence=f"weights: that of {file}",
        seed=seed,
    )


def build_onnx(
    recipe: Recipe, folder: Path, seed: int = 0, progress: Progress | None = None
) -> Built:
    """Build a recipe whose network is an ONNX file: the user's own, or of an installed package.

    Args:
        seed: of the drawing from profiles; the weights are the file's.

    Raises:
        InputError: the package or onnx is missing, or the folder cannot be written.
    """
    if Path(recipe.weights).suffix:
        model = OnnxModel(Path(recipe.weights))
        model.run(_photograph(model, photos.IMAGENET))
        made_by = provenance.build_command(recipe, seed)
        origin = _own_origin(model.path, recipe, made_by, seed)
        return _write(model, recipe, origin, folder, progress)
    require("ONNX file", recipe.weights, ONNX_FILES)
    file = ONNX_FILES[recipe.weights]()
    model = OnnxModel(file.path)
    model.run(np.ascontiguousarray(_photograph(model, photos.CAFFE)[::-1]))
    origin = _Origin(
        made_by=provenance.build_command(recipe, seed),
        weights=provenance.weights(file.note, recipe),
        prepared="as Caffe prepares it (0..255 less the mean, blue first)",
        licence=file.licence,
        seed=seed,
    )
    return _write(model, recipe, origin, folder, progress)


def _photograph(model: OnnxModel, pixels: photos.Pixels) -> NDArray[np.float32]:
    if len(model.shape) != 3:
        raise InputError.at(model.path, f"input {model.stored_shape}: an image network is needed")
    shape = (model.shape[0], model.shape[1], model.shape[2])
    check_run(4 * prod(shape), f"{model.path}: input {model.stored_shape}")
    return np.asarray(photos.batch(shape, 1, pixels)[0])


def _write(
    model: OnnxModel, recipe: Recipe, origin: _Origin, folder: Path, progress: Progress | None
) -> Built:
    """Decompose and write what a run of the model has found."""
    weights = Weights(
        state={f"{name}.weight": torch.from_numpy(w) for name, w in model.weights.items()},
        note=origin.weights,
        licence=origin.licence,
        trained=True,
    )
    inputs = {name: np.asarray(x, np.float32) for name, x in model.inputs.items()}
    parts = folder / f".{recipe.name}.parts"
    claim_workload(folder, recipe.name)
    if not model.layers:
        raise InputError.at(model.path, "no operator in it is a layer of a workload")
    try:
        make_folder(parts)
        layers = Layers(recipe, weights, inputs, parts)
        entries = layers.finish(model.layers, origin.seed, progress)
        built = layers.write(parts / "whole", _header(recipe, origin), entries)
        _validate(built.yaml)
        tensors, yaml = folder / built.tensors.name, folder / built.yaml.name
        move(built.tensors, tensors)
        move(built.yaml, yaml)
        built = replace(built, tensors=tensors, yaml=yaml)
    except OSError as error:
        shutil.rmtree(parts, ignore_errors=True)
        raise InputError.at(folder, f"cannot be written: {error.strerror}") from error
    except Exception:  # an interrupted import may go on from its parts; a failed one may not
        shutil.rmtree(parts, ignore_errors=True)
        raise
    shutil.rmtree(parts)
    return built


def _validate(yaml: Path) -> None:
    """Have `archsim validate` read a workload before anyone is told that it is made.

    It is another process because nothing but file formats is shared (docs/decisions.md).

    Raises:
        InputError: a workload of this kind cannot be run.
    """
    root = str(Path(archsim.formats.__file__).parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    words = ["archsim", "validate", "--quiet", str(yaml)]
    found = run_module(words, os.environ | {"PYTHONPATH": path})
    if found.returncode:
        lines = [line.removeprefix("archsim: ") for line in found.stderr.splitlines()]
        raise InputError(Problem("archsim validate", line) for line in lines)


def _header(recipe: Recipe, origin: _Origin) -> dict[str, Any]:
    return header(
        recipe.name, "inference", 1, made_by=origin.made_by, weights=origin.weights,
        decomposition=provenance.decomposition(recipe),
        activations=f"one run on the photograph {photos.NAMES[0]} {origin.prepared}, "
        "int8 symmetric, per-tensor maximum",
        licence=f"{origin.licence}; {photos.LICENCE}",
    )  # fmt: skip
