"""What a workload's `source` and its command say of a recipe.

A shipped recipe is named and says all by its name; what a user asked for is spelled out.
"""

from pathlib import Path

from sdalgo.options import CALIBRATED
from sdalgo.recipe import OPTIONS, Recipe
from sdalgo.sparsity import FILTER_GROUP

_OPTIONS = {
    **{key: f"--{key.replace('_', '-')}" for key in ("preset", *OPTIONS)},
    "weights_pruned": "--prune", "rows_pruned": "--row-ratio",
}  # fmt: skip
"""The options of `sdalgo import` by the keys of a recipe that they set."""


def build_command(recipe: Recipe, seed: int) -> str:
    """The command that builds a recipe."""
    return f"sdalgo build {recipe.command or recipe.name} --seed {seed}"


def decomposition(recipe: Recipe) -> str:
    """Preset and theta, and every other option that is not left to the preset."""
    given = {"theta": recipe.options().theta} | recipe.given_options()
    if recipe.basis_bits == Recipe.model_fields["basis_bits"].default:
        del given["basis_bits"]
    if recipe.density is not None or recipe.preset == CALIBRATED:
        del given["theta"]  # it is searched, layer by layer, or of no use
    words = [f"{key} {value}" for key, value in given.items()]
    return ", ".join([recipe.preset, *words])


def weights(note: str, recipe: Recipe) -> str:
    """`note`, and what was taken from the weights; every output of a run repeats it."""
    if recipe.shipped:
        return note
    said = []
    if recipe.rows_pruned is not None:
        rows = _part("weakest", recipe.rows_pruned)
        said.append(f"`coef` without {rows} each layer's rows, by groups of {FILTER_GROUP} filters")
    if recipe.weights_pruned is not None:
        said.append(
            f"`pruned` without {_part('smallest', recipe.weights_pruned)} each layer's weights"
        )
    elif recipe.pruned_density < 1:
        part = _part("smallest", 1 - recipe.pruned_density)
        said.append(f"`pruned` without {part} the weights of each decomposed layer")
    if not said:
        return note
    whole = f", {', '.join(recipe.dense)} left whole" if recipe.dense else ""
    return f"{note}; not re-trained after pruning: {'; '.join(said)}{whole}"


def import_options(recipe: Recipe) -> str:
    """The options that ask for the recipe, each with a space before it; none for what is usual."""
    words = []
    for key, option in _OPTIONS.items():
        value = getattr(recipe, key)
        if value == Recipe.model_fields[key].default:
            continue
        if isinstance(value, bool):
            words.append(f" {option}" if value else " --absolute")
        else:
            words.append(f" {option} {value}")
    return "".join([*words, *(f" --dense '{pattern}'" for pattern in recipe.dense)])


def _part(which: str, shares: str | float) -> str:
    if isinstance(shares, str):
        return f"the {which} (shares: {Path(shares).name}) of"
    return f"the {which} {100 * shares:.4g} % of"
