"""`sdalgo list`: what there is to build from."""

from enum import StrEnum
from typing import Annotated

import typer

from archsim.formats import console


class What(StrEnum):
    """What can be listed."""

    NETWORKS = "networks"
    RECIPES = "recipes"
    PRESETS = "presets"
    TRAININGS = "trainings"


def listing(
    what: Annotated[What, typer.Argument(help="networks, recipes, presets or trainings.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the networks, recipes, presets or shipped training files.

    \b
    Examples:
      sdalgo list recipes
      sdalgo list networks --json
    """
    kinds = {
        What.NETWORKS: _networks, What.RECIPES: _recipes, What.PRESETS: _presets,
        What.TRAININGS: _trainings,
    }  # fmt: skip
    found = kinds[what]()
    if as_json:
        console.say_json(found)
        return
    width = max(len(name) for name in found)
    for name, about in found.items():
        console.say(f"{name.ljust(width)}  {about}")


def _networks() -> dict[str, str]:
    import ast
    from importlib import resources

    from sdalgo.networks import names

    folder = resources.files("sdalgo").joinpath("networks")
    about = {}
    for name in names():  # read, not imported: torch takes seconds to load
        text = folder.joinpath(f"{name}.py").read_text(encoding="utf-8")
        about[name] = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
    return about


def _recipes() -> dict[str, str]:
    from sdalgo.recipe import load_recipe, recipe_names

    return {name: load_recipe(name).about for name in recipe_names()}


def _presets() -> dict[str, str]:
    from sdalgo.options import PRESETS, Options

    default = Options()
    return {
        name: ", ".join(
            f"{key} {value}" for key, value in vars(options).items()
            if value != getattr(default, key, None)
        ) or "the default"
        for name, options in PRESETS.items()
    }  # fmt: skip


def _trainings() -> dict[str, str]:
    from sdalgo.training.config import load_experiment, shipped

    found = {}
    for name, path in shipped().items():
        file = load_experiment(path)
        arms = ", ".join(arm.name for arm in file.arms)
        found[name] = f"{file.network} on {file.data.kind}, {file.task}: {arms}"
    return found
