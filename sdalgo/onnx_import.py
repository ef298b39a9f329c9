"""An ONNX file to a workload: its weights decomposed, its activations from one run."""

from pathlib import Path

from archsim.formats.progress import Progress
from archsim.formats.source import require
from sdalgo.build import Built
from sdalgo.importer.feeds import Wanted
from sdalgo.importer.workload import Origin, write_network
from sdalgo.onnx_graph import OnnxModel
from sdalgo.pretrained import ONNX_FILES
from sdalgo.recipe import Recipe


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
    file = path.name.encode(errors="replace").decode()  # a name may hold bytes that are no text
    origin = Origin(
        made_by=f"sdalgo import {file} --name {recipe.name}",
        weights=f"as found in {file}",
        activations=said,
        licence=f"weights: that of {file}",
    )
    return write_network(model, recipe, origin, folder, progress)


def build_onnx(
    recipe: Recipe, folder: Path, seed: int = 0, progress: Progress | None = None
) -> Built:
    """Build a recipe whose network is an ONNX file of an installed package.

    Args:
        seed: of the drawing from profiles; the weights are the file's.

    Raises:
        InputError: the package or onnx is missing, or the folder cannot be written.
    """
    require("ONNX file", recipe.weights, ONNX_FILES)
    file = ONNX_FILES[recipe.weights]()
    model = OnnxModel(file.path, Wanted(pixels=None))
    said = model.run_alone()
    origin = Origin(
        made_by=f"sdalgo build {recipe.name} --seed {seed}",
        weights=file.note,
        activations=said,
        licence=file.licence,
        seed=seed,
    )
    return write_network(model, recipe, origin, folder, progress)
