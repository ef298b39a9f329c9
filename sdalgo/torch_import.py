"""A torch module to a workload, without ONNX: torch.export reads it, the importer does the rest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from archsim.formats import workload_names
from archsim.formats.errors import InputError, Problem
from archsim.formats.progress import Progress
from archsim.formats.source import require
from sdalgo import provenance
from sdalgo.build import Built, claim_workload, ready
from sdalgo.exported.network import read_module
from sdalgo.exported.program import Inputs
from sdalgo.importer.feeds import is_given
from sdalgo.importer.operations import Network
from sdalgo.importer.run import NetworkRun
from sdalgo.importer.workload import Origin, write_network
from sdalgo.networks import network
from sdalgo.recipe import OPTIONS as OF_RECIPES
from sdalgo.recipe import Recipe
from sdalgo.samples import about, fill_state

OPTIONS = ("preset", *OF_RECIPES, "rows_pruned", "weights_pruned", "dense")
"""Keys of a recipe that a module may be imported with."""


def import_module(
    model: nn.Module,
    example_inputs: Inputs,
    *,
    name: str,
    folder: str | Path = "workloads",
    **options: Any,
) -> Built:
    """Write FOLDER/NAME.yaml and .safetensors for a torch module, by torch.export.

    The module is run once, in evaluation, on the example, which gives every shape and what each
    layer reads. It needs torch 2.6 or newer, and nothing of ONNX.

    Args:
        model: any module that torch.export can read.
        example_inputs: what it is called with: a tensor, a tuple of them, or a mapping by name.
        options: keys of a recipe (`sdalgo.recipe.RecipeFile`): `preset`, `theta` and other options
            of the decomposition, `weights_pruned` and `rows_pruned`, shares from 0 to 1 that each
            layer loses, and `dense`, patterns of names of layers that lose nothing.

    Returns:
        The paths, and what was counted.

    Raises:
        InputError: torch.export cannot read it; it holds operators that are not known or have no
            place in a workload, all of them at once; or the folder cannot be written.
    """
    recipe = _recipe(name, options)
    kind = type(model).__name__
    words = [f"{key}={value!r}" for key, value in {"name": name, **options}.items()]
    inputs = (example_inputs,) if isinstance(example_inputs, Tensor) else example_inputs
    claim_workload(Path(folder), name)
    run = run_module(read_module(model, inputs), inputs)
    origin = Origin(
        made_by=f"sdalgo.import_module({', '.join([kind, *words])})",
        weights=provenance.weights(f"as found in the module {kind}", recipe),
        activations="one run on the example inputs",
        licence=f"weights: that of {kind}",
    )
    return write_network(run, recipe, origin, Path(folder))


def _recipe(name: str, options: dict[str, Any]) -> Recipe:
    for key in options:
        require("option", key, OPTIONS)
    try:
        return Recipe(
            name=workload_names.checked(name), about="imported", network="torch", weights="",
            place="dense", **options,
        )  # fmt: skip
    except ValidationError as error:
        raise InputError(
            Problem(f"option {'.'.join(map(str, each['loc']))}", each["msg"])
            for each in error.errors()
        ) from error


def build_exported(
    recipe: Recipe, folder: Path, seed: int = 0, progress: Progress | None = None
) -> Built:
    """Build a recipe whose network is read by torch.export, as FOLDER/NAME.yaml and .safetensors.

    Args:
        seed: of synthetic weights, and of the drawing from profiles.
        progress: called with (done, total, layer) before each layer.

    Raises:
        InputError: a package is missing, or the folder cannot be written.
    """
    claim_workload(folder, recipe.name)
    model, found, weights = ready(recipe, seed)
    fill_state(model, network(recipe.network))
    inputs = (torch.from_numpy(found[:1].copy()),)
    run = run_module(read_module(model, inputs, recipe.name), inputs)
    origin = Origin(
        made_by=provenance.build_command(recipe, seed),
        weights=provenance.weights(weights.note, recipe),
        activations=about(recipe),
        licence=weights.licence,
        seed=seed,
    )
    return write_network(run, recipe, origin, folder, progress)


def run_module(read: Network, inputs: Inputs) -> NetworkRun:
    """Return the run of a network that was read from a module, on the inputs of its reading.

    Raises:
        InputError: something has no place in a workload, all of it at once.
    """
    run = NetworkRun(read)
    feeds = _feeds(read, inputs)
    run.run(feeds, frozenset(each.name for each in read.inputs if is_given(each)))
    return run


def _feeds(read: Network, inputs: Inputs) -> dict[str, Tensor]:
    """The example by the names of the network's inputs; what is no tensor is part of the graph."""
    names = [each.name for each in read.inputs]
    if isinstance(inputs, Mapping) and set(names) <= set(inputs):
        return {name: _fed(inputs[name]) for name in names}
    values = list(inputs.values()) if isinstance(inputs, Mapping) else list(inputs)
    tensors = [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
    if len(tensors) != len(names):
        raise InputError.at(
            read.label, f"has {len(names)} inputs, and the example {len(tensors)} tensors"
        )
    return {name: _fed(value) for name, value in zip(names, tensors, strict=True)}


def _fed(value: Tensor) -> Tensor:
    """An input as the importer has it: floats of 32 bits, whole numbers and masks as they are."""
    value = value.detach().cpu()
    return value.to(torch.float32) if value.is_floating_point() else value
