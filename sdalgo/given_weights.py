"""Trained weights for a shipped recipe, from a file of the user's own: `sdalgo build --weights`."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from archsim.formats.errors import InputError
from archsim.formats.regular import open_input
from sdalgo.checkpoints import read_weights
from sdalgo.pretrained import Weights, drawn_note, shown_name, with_drawn
from sdalgo.recipe import GIVEN, Recipe, load_recipe
from sdalgo.weight_keys import WeightKeys, fitted, weight_keys


def keys_of(recipe: Recipe) -> WeightKeys:
    """The keys of the files that `--weights` takes for a recipe."""
    return weight_keys(recipe.name if recipe.network == "onnx" else recipe.network)


def with_weights(recipe: Recipe, path: Path, drawn: Sequence[str] = ()) -> Recipe:
    """The recipe with the weights of a file.

    Args:
        drawn: modules to draw, whatever the file has of them.

    Raises:
        InputError: the recipe takes none.
    """
    option, why = f"--weights {shown_name(path)}", ""
    if not recipe.shipped:
        why = "names its weights in its own file: weights: FILE"
    elif recipe.task == "training":
        why = "is a step of training, which starts from its own weights (see sdalgo train)"
    elif recipe.channels_kept < 1:
        why = "cuts channels by scales that it draws, which would spoil trained weights"
    elif recipe.network == "onnx" and recipe.weights != GIVEN:
        why = "has a package for its weights; sdalgo import FILE takes any ONNX file"
    elif recipe.network == "onnx" and drawn:
        why = "is an ONNX file, of which nothing is drawn: leave out --draw"
    if why:
        raise InputError.at(option, f"{recipe.name} {why}")
    words = [recipe.name, option, *(f"--draw {one}" for one in drawn)]
    told = {"given": str(path), "drawn": tuple(drawn), "command": " ".join(words)}
    return recipe.model_copy(update=told | {"shipped": False})


def given(name: str, path: Path) -> Recipe:
    """A shipped recipe with the weights of a file.

    Raises:
        InputError: there is no such recipe, or it takes none.
    """
    return with_weights(load_recipe(name), path)


def given_file(recipe: Recipe) -> Path:
    """The file of a recipe that takes its weights from one.

    Raises:
        InputError: none was given, or it is not there.
    """
    if not recipe.given:
        message = (
            f"its trained weights are in no package; add --weights FILE: {keys_of(recipe).found}"
        )
        raise InputError.at(f"recipe {recipe.name}", message)
    return Path(recipe.given)


def given_weights(recipe: Recipe, model: nn.Module, seed: int) -> Weights:
    """The weights of the file that `--weights` names, as those of `model`.

    Args:
        seed: of the modules that are drawn.

    Raises:
        InputError: there is no such file, or its tensors do not fit, each named.
    """
    path, keys = given_file(recipe), keys_of(recipe)
    found = {name: held.array() for name, held in read_weights(path).items()}
    drawn = tuple(dict.fromkeys((*keys.drawn, *recipe.drawn)))
    return Weights(
        state=with_drawn(fitted(found, model, keys, drawn, path), model, drawn, seed, path),
        note=note(keys, path) + drawn_note(drawn, seed),
        licence=licence(keys, path),
        trained=True,
        drawn=drawn,
    )


def note(keys: WeightKeys, path: Path) -> str:
    """What a workload's `source` says of a file: whose network it is of, and its hash."""
    try:
        with open_input(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror or error}") from error
    differs = f"; that network is {keys.differs}" if keys.differs else ""
    return f"trained: {keys.whose} ({shown_name(path)}, sha256 {digest}){differs}"


def licence(keys: WeightKeys, path: Path) -> str:
    """What a workload's `source` says of the licence of a file."""
    return f"weights {keys.licence}" if keys.licence else f"weights: that of {shown_name(path)}"
