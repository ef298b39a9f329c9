"""A network that has run to a workload: its weights decomposed, its activations from that run."""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import archsim.formats
from archsim.formats.errors import InputError, Problem
from archsim.formats.files import make_folder, move
from archsim.formats.lifeline import run_module
from archsim.formats.progress import Progress
from sdalgo import photos, provenance
from sdalgo.build import Built, Layers, claim_workload
from sdalgo.importer.run import NetworkRun
from sdalgo.pretrained import Weights
from sdalgo.recipe import Recipe
from sdalgo.workload import header


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a workload's `source` says, and the seed of drawing from its profiles.

    Attributes:
        activations: what the run was on.
    """

    made_by: str
    weights: str
    activations: str
    licence: str
    seed: int = 0


def write_network(
    run: NetworkRun, recipe: Recipe, origin: Origin, folder: Path, progress: Progress | None = None
) -> Built:
    """Decompose and write what a run of a network has found, as FOLDER/NAME.yaml and .safetensors.

    Raises:
        InputError: it has no layers, or the folder cannot be written.
    """
    weights = Weights(
        state={f"{name}.weight": torch.from_numpy(w) for name, w in run.weights.items()},
        note=origin.weights,
        licence=origin.licence,
        trained=True,
    )
    parts = folder / f".{recipe.name}.parts"
    claim_workload(folder, recipe.name)
    if not run.layers:
        raise InputError.at(run.network.label, "no operator in it is a layer of a workload")
    try:
        make_folder(parts)
        layers = Layers(recipe, weights, run.inputs, parts)
        layers.stored = run.stored
        entries = layers.finish(run.layers, origin.seed, progress)
        built = layers.write(parts / "whole", _header(recipe, origin, run), entries)
        validate(built.yaml)
        tensors, yaml = folder / built.tensors.name, folder / built.yaml.name
        move(built.tensors, tensors)
        move(built.yaml, yaml)
        built = replace(built, tensors=tensors, yaml=yaml)
    except OSError as error:
        shutil.rmtree(parts, ignore_errors=True)
        raise InputError.at(folder, f"cannot be written: {error.strerror}") from error
    except Exception:  # an interrupted import may go on from its parts; a failed one may not
        shutil.rmtree(parts, ignore_errors=True)
        raise
    shutil.rmtree(parts)
    return built


def validate(yaml: Path) -> None:
    """Have `archsim validate` read a workload before anyone is told that it is made.

    It is another process because nothing but file formats is shared (docs/decisions.md).

    Raises:
        InputError: a workload of this kind cannot be run.
    """
    root = str(Path(archsim.formats.__file__).parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    words = ["archsim", "validate", "--quiet", str(yaml)]
    found = run_module(words, os.environ | {"PYTHONPATH": path})
    if found.returncode:
        lines = [line.removeprefix("archsim: ") for line in found.stderr.splitlines()]
        raise InputError(Problem("archsim validate", line) for line in lines)


def _header(recipe: Recipe, origin: Origin, run: NetworkRun) -> dict[str, Any]:
    notes = {"notes": "; ".join(run.notes)} if run.notes else {}
    licence = origin.licence
    if "photograph" in origin.activations:
        licence += f"; {photos.LICENCE}"
    return header(
        recipe.name, "inference", 1, made_by=origin.made_by, weights=origin.weights,
        decomposition=provenance.decomposition(recipe),
        activations=f"{origin.activations}, int8 symmetric, per-tensor maximum",
        licence=licence, **notes,
    )  # fmt: skip
