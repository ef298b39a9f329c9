"""Recipes: how `sdalgo build` makes a workload; one YAML file each, found by listing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib import resources
from typing import Any

from archsim.formats.errors import InputError
from sdalgo.options import Options, preset


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named workload: network, weights, decomposition and images.

    Attributes:
        about: one line for `sdalgo list recipes`.
        network: a name of `sdalgo list networks`, or "onnx": the file that `weights` names.
        weights: "synthetic", or the name of a trained set (sdalgo/pretrained.py).
        preset, theta, basis_bits: of the decomposition.
        rows_pruned: file of ratios/ with the share of coefficient rows to drop in each layer.
        pruned_density: share of weights kept in the `pruned` form of the layers that are
            decomposed; 1 leaves that form out, so that machines read `weight`.
        channels_kept: share of the network's weights that channel pruning leaves, for every
            machine; 1 prunes no channel. All other shares are then of what is left.
        images: photographs that set the activation scales; the first is the workload's input.
        task: inference or training.
    """

    name: str
    about: str
    network: str
    weights: str = "synthetic"
    preset: str = "as_released_double"
    theta: float = 4e-3
    basis_bits: int = 8
    rows_pruned: str | None = None
    pruned_density: float = 1.0
    channels_kept: float = 1.0
    images: int = 6
    task: str = "inference"

    def options(self) -> Options:
        """Return the options of the decomposition."""
        return preset(self.preset, theta=self.theta, basis_bits=self.basis_bits)


def recipe_names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(file.name[:-5] for file in _folder("recipes") if file.name.endswith(".yaml"))


def load_recipe(name: str) -> Recipe:
    """Read a shipped recipe.

    Raises:
        InputError: there is none of that name, or its file is wrong.
    """
    if name not in recipe_names():
        raise InputError.at(f"recipe {name}", f"unknown; there are {', '.join(recipe_names())}")
    values = _read("recipes", f"{name}.yaml")
    known = {field.name for field in fields(Recipe)} - {"name"}
    for key in values:
        if key not in known:
            raise InputError.at(
                f"recipes/{name}.yaml", f"{key}: unknown; {', '.join(sorted(known))}"
            )
    return Recipe(name=name, **values)


def load_ratios(name: str) -> dict[str, float]:
    """Read a shipped ratio file: the share of rows to drop, by layer name; `default` for others."""
    files = sorted(f.name[:-5] for f in _folder("ratios") if f.name.endswith(".yaml"))
    if name not in files:
        raise InputError.at(f"ratios {name}", f"unknown; there are {', '.join(files)}")
    return {str(layer): float(ratio) for layer, ratio in _read("ratios", f"{name}.yaml").items()}


def _folder(kind: str) -> list[Any]:
    return list(resources.files("sdalgo").joinpath(kind).iterdir())


def _read(kind: str, file: str) -> dict[str, Any]:
    import yaml

    text = resources.files("sdalgo").joinpath(kind, file).read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    if not isinstance(values, dict):
        raise InputError.at(f"{kind}/{file}", "holds no mapping")
    return values
