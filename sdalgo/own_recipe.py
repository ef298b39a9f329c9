"""A recipe from a file of the user's own: checked with its places before anything is built.

Paths in it start at its folder. A network that is a Python file is not run because a recipe names
it, for a recipe may come from anyone: only the command line runs it (`sdalgo build --network`).
"""

from pathlib import Path
from typing import Any

from archsim.formats import workload_names
from archsim.formats.errors import InputError, Problem
from archsim.formats.record import load
from archsim.formats.source import in_file_order, unknown
from archsim.formats.yaml12 import Document
from sdalgo import networks, ratios
from sdalgo.recipe import Recipe, RecipeFile

LISTS = ("rows_pruned", "weights_pruned")


def load_own(path: Path, network: Path | None = None) -> Recipe:
    """Read the recipe at `path`; its name is the file's.

    Args:
        network: the Python file to run as its network, as the user has asked on the command line.

    Raises:
        InputError: everything wrong with the file, each with its place.
    """
    document, found = load(path, RecipeFile)
    values: dict[str, Any] = found.model_dump() | {"name": workload_names.suggested(path.stem)}
    problems = [*_network(document, found, network), *_weights(document, found, path.parent)]
    for key in LISTS:
        shares = values[key]
        if isinstance(shares, str):
            values[key] = shares = _beside(path, shares)
            try:
                ratios.checked(shares, f"{document.place(key)}: {key}")
            except InputError as error:
                problems += error.problems
    recipe = Recipe(**values, place=f"{document.place('dense')}: dense")
    problems += _options(document, recipe)
    if problems:
        raise InputError(in_file_order(problems))
    command = path.name if network is None else f"{path.name} --network {network.name}"
    told = {"command": command, "weights": _beside(path, found.weights)}
    return recipe.model_copy(update=told | ({"network": str(network)} if network else {}))


def _is_file(word: str) -> bool:
    """Whether a word names a file of the user's own: it has a suffix or a folder."""
    return bool(Path(word).suffix) or ratios.is_path(word)


def _beside(path: Path, word: str) -> str:
    return str(path.parent / word) if _is_file(word) else word


def _network(document: Document, found: RecipeFile, network: Path | None) -> list[Problem]:
    place, named = document.place("network"), found.network
    if Path(named).suffix == ".py":
        if network is None:
            message = f"network: {named} is Python, which runs: to have that, add --network {named}"
            return [Problem(place, message)]
        if Path(named).name != network.name:
            return [Problem(place, f"network: {named} is not {network}, which --network names")]
        return []
    if network is not None:
        cure = f"write `network: {network.name}` for that of --network"
        return [Problem(place, f"network: {named} is not a Python file; {cure}")]
    legal = [*networks.names(), "onnx"]
    return (
        [] if named in legal else [Problem(place, f"network: {unknown('network', named, legal)}")]
    )


def _weights(document: Document, found: RecipeFile, folder: Path) -> list[Problem]:
    from sdalgo.pretrained import ONNX_FILES, SOURCES

    place = document.place("weights")
    if _is_file(found.weights):
        file = folder / found.weights
        if found.task == "training":
            return [Problem(place, "weights: a training starts from a named set, not from a file")]
        return [] if file.is_file() else [Problem(place, f"weights: there is no file {file}")]
    legal = ONNX_FILES if found.network == "onnx" else SOURCES
    what = "ONNX file" if found.network == "onnx" else "set of weights"
    if found.weights in legal:
        return []
    cure = "; a file beside the recipe is named with its suffix: weights.safetensors"
    return [Problem(place, f"weights: {unknown(what, found.weights, legal)}{cure}")]


def _options(document: Document, recipe: Recipe) -> list[Problem]:
    """What the decomposition says of its options, at the keys of the file."""
    try:
        recipe.options()
    except InputError as error:
        return [_placed(document, problem) for problem in error.problems]
    return []


def _placed(document: Document, problem: Problem) -> Problem:
    key = problem.place.removeprefix("option ")
    if key not in document.value:  # a preset's message begins with its own name
        key = "preset"
    return Problem(document.place(key), f"{key}: {problem.message}")
