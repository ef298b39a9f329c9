"""Recipes: how `sdalgo build` makes a workload; one YAML file each, found by listing."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from archsim.formats.record import Record, load
from archsim.formats.source import require
from sdalgo.option_words import read_words
from sdalgo.options import CALIBRATED, Options, preset
from sdalgo.pruning import Pruning
from sdalgo.ratios import Share, Shares, load_ratios

_FOLDER = Path(__file__).parent
Kept = Annotated[float, Field(gt=0, le=1)]
Pattern = Annotated[str, Field(min_length=1)]
GIVEN = "given"
"""The `weights` of a recipe that has none but those of `--weights`."""

OPTIONS = (
    "theta", "basis_bits", "density", "rank", "levels", "iterations", "slice_rows", "relative",
    "tol", "scaling", "exponents", "loop_basis", "slicing", "largest_kernel", "search", "starts",
    "bit_price",
)  # fmt: skip
"""Options of a decomposition that a recipe may give: all but `vector_width`, which is 3 in a
workload."""


class RecipeFile(Record):
    """A workload: network, weights, decomposition and images.

    Attributes:
        about: one line for `sdalgo list recipes`.
        network: a name of `sdalgo list networks`, or "onnx": the file that `weights` names. Where
            the recipe is a file of the user's own also that of a Python file, which only
            `--network` runs.
        weights: "synthetic", the name of a trained set (sdalgo/pretrained.py), "given" where only
            `--weights` brings them, or where the recipe is a file of the user's own a file of
            weights beside it.
        preset, basis_bits: of the decomposition; its options check them.
        theta and the options after it: likewise; None leaves them to the preset. `exponents` and
            `largest_kernel` are words (sdalgo.option_words).
        bits: bits per weight that the preset `activations` aims at.
        rows_pruned: share of coefficient rows to drop: one number for every layer, or a list of
            ratios/ by layer (a path where the recipe is a file of the user's own).
        pruned_density: share of weights kept in the `pruned` form of the layers that are
            decomposed; 1 leaves that form out, so that machines read `weight`.
        weights_pruned: share of weights to drop in the `pruned` form of every layer, decomposed or
            not: one number, or a list as of `rows_pruned`.
        dense: patterns of names of layers that lose neither rows nor weights.
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
    theta: Annotated[float, Field(allow_inf_nan=True)] | None = None
    basis_bits: int = 8
    density: float | None = None
    rank: int | None = None
    levels: int | None = None
    iterations: int | None = None
    slice_rows: int | None = None
    bits: float | None = None
    relative: bool | None = None
    tol: float | None = None
    scaling: str | None = None
    exponents: str | None = None
    loop_basis: str | None = None
    slicing: str | None = None
    largest_kernel: int | str | None = None
    search: int | None = None
    starts: int | None = None
    bit_price: float | None = None
    rows_pruned: Shares | None = None
    pruned_density: Share = 1.0
    weights_pruned: Shares | None = None
    dense: Annotated[tuple[Pattern, ...], Field(strict=False)] = ()
    channels_kept: Kept = 1.0
    images: Annotated[int, Field(ge=1)] = 6
    tokens: Annotated[int, Field(ge=1)] | None = None
    task: Literal["inference", "training"] = "inference"

    @model_validator(mode="after")
    def _prunes_once(self) -> Self:
        if self.weights_pruned is not None and self.pruned_density < 1:
            raise ValueError("give pruned_density or weights_pruned, not both")
        if self.task == "training" and self.dense:
            raise ValueError("a training has no `dense`; rows_pruned may be a list with 0 for them")
        if self.preset == CALIBRATED and self.rows_pruned is not None:
            raise ValueError("rows_pruned: prices decide which rows `activations` drops")
        if self.network == "onnx" and self.channels_kept < 1:
            raise ValueError("channels_kept: an ONNX file does not say which channels may go")
        return self


class Recipe(RecipeFile):
    """A recipe and the name that it goes by.

    Attributes:
        shipped: the name says all of it.
        command: what follows `sdalgo build` where that is not the name.
        given: the file that `--weights` names, in place of `weights`.
        drawn: modules that `--draw` names, drawn in place of what such a file has.
        place: where `dense` stands, for messages.
    """

    name: str
    shipped: bool = False
    command: str = ""
    given: str = ""
    drawn: tuple[str, ...] = ()
    place: str = "--dense"

    def options(self) -> Options:
        """Return the options of the decomposition."""
        return preset(self.preset, **read_words(self.given_options()))

    def given_options(self) -> dict[str, Any]:
        """The options that the recipe gives beside its preset, as it writes them."""
        return {
            key: value for key in (*OPTIONS, "bits") if (value := getattr(self, key)) is not None
        }

    def pruning(self) -> Pruning:
        """Return what each layer loses.

        Raises:
            InputError: a list of ratios is not there, or wrong.
        """
        weights, rows = self.weights_pruned, self.rows_pruned
        return Pruning(
            rows=load_ratios(0.0 if rows is None else rows),
            weights=None if weights is None else load_ratios(weights),
            density=self.pruned_density,
            dense=self.dense,
            place=self.place,
        )


def recipe_names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(path.stem for path in (_FOLDER / "recipes").glob("*.yaml"))


def load_recipe(name: str) -> Recipe:
    """Read a shipped recipe.

    Raises:
        InputError: there is none of that name, or its file is wrong.
    """
    require("recipe", name, recipe_names())
    _, found = load(_FOLDER / "recipes" / f"{name}.yaml", RecipeFile)
    return Recipe(name=name, shipped=True, **found.model_dump())
