"""An ONNX file to a workload: its weights decomposed, its activations from one run."""

from pathlib import Path

from archsim.formats.progress import Progress
from archsim.formats.source import require
from sdalgo import provenance
from sdalgo.build import Built
from sdalgo.given_weights import given_file, keys_of, licence, note
from sdalgo.importer.feeds import Wanted
from sdalgo.importer.workload import Origin, write_network
from sdalgo.onnx_graph import OnnxModel
from sdalgo.pretrained import ONNX_FILES, OnnxFile, shown_name
from sdalgo.recipe import GIVEN, Recipe


def import_onnx(
    path: Path,
    recipe: Recipe,
    folder: Path,
    progress: Progress | None = None,
    wanted: Wanted | None = None,
) -> Built:
    """Write FOLDER/NAME.yaml and .safetensors for the network of an ONNX file.

    Args:
        recipe: its name and the decomposition; network and weights are the file's.
        wanted: sizes that the file leaves open, and values of its inputs.

    Raises:
        InputError: the file is not ONNX, or holds what is not known or no workload says.
    """
    model = OnnxModel(path, wanted)
    said = model.run_alone()
    made_by = f"sdalgo import {shown_name(path)} --name {recipe.name}"
    made_by += provenance.import_options(recipe)
    origin = _own_origin(path, recipe, made_by, said)
    return write_network(model, recipe, origin, folder, progress)


def _own_origin(path: Path, recipe: Recipe, made_by: str, said: str, seed: int = 0) -> Origin:
    file = shown_name(path)
    return Origin(
        made_by=made_by,
        weights=provenance.weights(f"as found in {file}", recipe),
        activations=said,
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
        said = model.run_alone()
        made_by = provenance.build_command(recipe, seed)
        origin = _own_origin(model.path, recipe, made_by, said, seed)
        return write_network(model, recipe, origin, folder, progress)
    file = file_of(recipe)
    model = OnnxModel(file.path, Wanted(pixels=None))
    said = model.run_alone()
    origin = Origin(
        made_by=provenance.build_command(recipe, seed),
        weights=provenance.weights(file.note, recipe),
        activations=said,
        licence=file.licence,
        seed=seed,
    )
    return write_network(model, recipe, origin, folder, progress)


def file_of(recipe: Recipe) -> OnnxFile:
    """The network of a recipe that ships: of a package, or the file that `--weights` names."""
    if recipe.weights != GIVEN:
        require("ONNX file", recipe.weights, ONNX_FILES)
        return ONNX_FILES[recipe.weights]()
    path, keys = given_file(recipe), keys_of(recipe)
    return OnnxFile(path=path, note=note(keys, path), licence=licence(keys, path))
