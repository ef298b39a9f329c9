"""Recipes: how `sdalgo build` makes a workload; one YAML file each, found by listing."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator

from archsim.formats.record import Record, load
from archsim.formats.source import require
from sdalgo.options import Options, preset

_FOLDER = Path(__file__).parent
Share = Annotated[float, Field(ge=0, le=1)]
Kept = Annotated[float, Field(gt=0, le=1)]


class RecipeFile(Record):
    """A workload: network, weights, decomposition and images.

    Attributes:
        about: one line for `sdalgo list recipes`.
        network: a name of `sdalgo list networks`, or "onnx": the file that `weights` names.
        weights: "synthetic", or the name of a trained set (sdalgo/pretrained.py).
        preset, theta, basis_bits: of the decomposition; its options check them.
        rows_pruned: file of ratios/ with the share of coefficient rows to drop in each layer.
        pruned_density: share of weights kept in the `pruned` form of the layers that are
            decomposed; 1 leaves that form out, so that machines read `weight`.
        weights_pruned: file of ratios/ with the share of weights to drop in each layer of the
            `pruned` form, instead of one density for all.
        channels_kept: share of the network's weights that channel pruning leaves, for every
            machine; 1 prunes no channel. All other shares are then of what is left.
        images: photographs that set the activation scales; the first is the workload's input.
        tokens: how many a network of tokens reads; None means as many as its file says.
        task: inference or training.
    """

    about: str
    network: str
    weights: str = "synthetic"
    preset: str = "as_released_double"
    theta: Annotated[float, Field(allow_inf_nan=True)] = 4e-3
    basis_bits: int = 8
    rows_pruned: str | None = None
    pruned_density: Share = 1.0
    weights_pruned: str | None = None
    channels_kept: Kept = 1.0
    images: Annotated[int, Field(ge=1)] = 6
    tokens: Annotated[int, Field(ge=1)] | None = None
    task: Literal["inference", "training"] = "inference"

    @model_validator(mode="after")
    def _prunes_once(self) -> Self:
        if self.weights_pruned is not None and self.pruned_density < 1:
            raise ValueError("give pruned_density or weights_pruned, not both")
        return self


class Recipe(RecipeFile):
    """A recipe and the name that it goes by."""

    name: str

    def options(self) -> Options:
        """Return the options of the decomposition."""
        return preset(self.preset, theta=self.theta, basis_bits=self.basis_bits)

    def pruned_share(self, layer: str) -> float:
        """Return the share of a layer's weights that its `pruned` form keeps."""
        if self.weights_pruned is None:
            return self.pruned_density
        return 1 - ratio_of(load_ratios(self.weights_pruned), layer)


class Ratios(RootModel[dict[str, Share]]):
    """The share of rows or weights to drop, by layer name; `default` for others."""


def recipe_names() -> list[str]:
    """Return the names of all recipes."""
    return _names("recipes")


def load_recipe(name: str) -> Recipe:
    """Read a shipped recipe.

    Raises:
        InputError: there is none of that name, or its file is wrong.
    """
    require("recipe", name, recipe_names())
    _, found = load(_FOLDER / "recipes" / f"{name}.yaml", RecipeFile)
    return Recipe(name=name, **found.model_dump())


def load_ratios(name: str) -> dict[str, float]:
    """Read a shipped ratio file: the share of rows or weights to drop, by layer name; `default` for
    others.

    Raises:
        InputError: there is none of that name, or its file is wrong.
    """
    require("list of ratios", name, _names("ratios"))
    _, found = load(_FOLDER / "ratios" / f"{name}.yaml", Ratios)
    return found.root


def ratio_of(ratios: dict[str, float], layer: str) -> float:
    """Return the share to drop in a layer; none where the file names neither it nor a default."""
    return ratios.get(layer, ratios.get("default", 0.0))


def _names(kind: str) -> list[str]:
    return sorted(path.stem for path in (_FOLDER / kind).glob("*.yaml"))
