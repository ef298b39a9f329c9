"""Building a workload from a recipe: network, weights and photographs to YAML and tensors.

Each layer is finished by itself and kept in a hidden folder beside the result, named by a hash of
everything that made it, so that a build that was stopped goes on where it was.
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.files import write_atomically
from archsim.formats.own_files import claim
from archsim.formats.progress import Progress, silent
from archsim.formats.tensor_file import write_tensors
from archsim.formats.tensor_record import Tensor, from_array
from sdalgo import build_parts, channels, photos, provenance, sparsity
from sdalgo.decompose import decompose, is_decomposed
from sdalgo.decomposition import Decomposition
from sdalgo.finite import check_finite, check_state
from sdalgo.forward import Activations, activations, calibrate_norms
from sdalgo.given_weights import given_weights
from sdalgo.graph import Node, layer_graph
from sdalgo.loss import ruined
from sdalgo.networks import network
from sdalgo.options import ActivationOptions, Options
from sdalgo.pow2 import Float32
from sdalgo.pretrained import Weights, find_weights
from sdalgo.profile import measure
from sdalgo.quantise import symmetric_scale, to_int8
from sdalgo.ratios import strangers
from sdalgo.recipe import GIVEN, Recipe
from sdalgo.samples import about, samples
from sdalgo.workload import Arrays, LayerEntry, header, workload_text

TENSORS_MARK = b'"made_by":"sdalgo'
"""What a tensor file of ours has in its header."""
_VERSION = "2"  # of what a finished layer holds; a change makes old parts useless


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build wrote."""

    yaml: Path
    tensors: Path
    layers: int
    coefficients: int
    nonzeros: int
    reused: int = 0


def build(recipe: Recipe, folder: Path, seed: int = 0, progress: Progress | None = None) -> Built:
    """Build `recipe` into `folder`, as NAME.yaml and NAME.safetensors.

    Args:
        seed: of synthetic weights, and of the drawing from profiles.
        progress: called with (done, total, layer) before each layer.

    Raises:
        InputError: a package is missing, or the folder cannot be written.
    """
    claim_workload(folder, recipe.name)
    model, images, weights = ready(recipe, seed)
    nodes = layer_graph(model, network(recipe.network).INPUT)
    inputs = activations(model, images)
    parts = folder / f".{recipe.name}.parts"
    layers = Layers(recipe, weights, inputs, parts)
    layers.fitted = _fitted(model, images, recipe.options(), progress or silent)
    entries = layers.finish(nodes, seed, progress)
    built = layers.write(folder, _header(recipe, seed, weights), entries)
    shutil.rmtree(parts, ignore_errors=True)
    return built


def _fitted(
    model: nn.Module, images: NDArray[Any], options: Options, progress: Progress
) -> dict[str, Decomposition]:
    """What the preset `activations` makes of the network for the recipe's images; else nothing."""
    if not isinstance(options, ActivationOptions):
        return {}
    from sdalgo.activations.network import decompose_network

    return decompose_network(model, images, options, progress)


def _trained_model(recipe: Recipe, seed: int) -> tuple[nn.Module, Weights]:
    if recipe.network == "onnx":
        raise InputError.at(f"recipe {recipe.name}", "an ONNX file: only `sdalgo build` reads it")
    with torch.device("meta"):  # no weight is drawn that the recipe's would only replace
        model: nn.Module = network(recipe.network).build()
    weights = (
        given_weights(recipe, model, seed)
        if recipe.given or recipe.weights == GIVEN
        else find_weights(recipe.weights, model, seed)
    )
    model.load_state_dict(weights.state, assign=True)
    if recipe.channels_kept < 1:
        named = getattr(network(recipe.network), "channel_groups", None)
        groups = named() if named else []
        weights = channels.pruned(model, groups, recipe.channels_kept, weights, seed)
    return model.eval(), weights


def model_and_images(recipe: Recipe, seed: int = 0) -> tuple[nn.Module, NDArray[Any]]:
    """Return a recipe's network, ready to run, and the images or tokens that it is run on."""
    model, images, _ = ready(recipe, seed)
    return model, images


def ready(recipe: Recipe, seed: int) -> tuple[nn.Module, NDArray[Any], Weights]:
    """Return a recipe's network, what it is run on, and where its weights are from.

    Untrained networks, and parts of trained ones that are drawn, get their normalisation set from
    the images.
    """
    model, weights = _trained_model(recipe, seed)
    check_state(model.state_dict(), recipe.name)
    images = samples(recipe)
    if not weights.trained or weights.drawn:
        calibrate_norms(model, images, weights.drawn)
        check_state(model.state_dict(), recipe.name)
    return model, images, weights


def _header(recipe: Recipe, seed: int, weights: Weights) -> dict[str, Any]:
    return header(
        recipe.name, recipe.task, 1, made_by=provenance.build_command(recipe, seed),
        weights=provenance.weights(weights.note, recipe),
        decomposition=provenance.decomposition(recipe),
        activations=about(recipe), licence=f"{weights.licence}; {photos.LICENCE}",
    )  # fmt: skip


class Layers:
    """Makes the tensors and the profile of each layer, or takes them from an earlier run.

    Attributes:
        fitted: decompositions of a whole network, by the names of its weights.
        stored: `input` and `weight` of layers of which a network holds whole numbers already.
    """

    def __init__(self, recipe: Recipe, weights: Weights, inputs: Activations, parts: Path) -> None:
        self.weights, self.inputs, self.parts = weights, inputs, parts
        self.options, self.pruning = recipe.options(), recipe.pruning()
        self.lists = (recipe.rows_pruned, recipe.weights_pruned)
        self.stored: Mapping[str, Arrays] = {}
        self.fitted: Mapping[str, Decomposition] = {}
        self.arrays: Arrays = {}
        self.reused = 0

    def finish(self, nodes: list[Node], seed: int, progress: Progress | None) -> list[LayerEntry]:
        weighted = [node for node in nodes if node.has_weights]
        self._check([node.name for node in weighted])
        entries = []
        for node in nodes:
            keys = {"name": node.name, "op": node.op, "inputs": list(node.inputs), **node.fields}
            profile: dict[str, Any] = {}
            if node.has_weights:
                if progress:
                    progress(weighted.index(node), len(weighted), node.name)
                arrays, profile = self._part(node)
                self.arrays |= {f"{node.name}/{what}": a for what, a in arrays.items()}
                keys["seed"] = seed
            entries.append(LayerEntry(keys=keys, profile=profile))
        return entries

    def _check(self, layers: list[str]) -> None:
        """Names that are no layer's would change nothing without a word."""
        self.pruning.check(layers)
        wrong = [one for shares in self.lists for one in strangers(shares, layers)]
        if wrong:
            raise InputError(dict.fromkeys(wrong))

    def write(self, folder: Path, head: dict[str, Any], entries: list[LayerEntry]) -> Built:
        """Write the workload of these layers."""
        built = write_workload(folder, head, entries, _stored(self.arrays))
        return replace(built, reused=self.reused)

    def _part(self, node: Node) -> tuple[Arrays, dict[str, Any]]:
        state = self.weights.state
        tensor = state.get(f"{node.name}.weight", state.get(node.name))  # an LSTM's has no suffix
        assert tensor is not None
        weight = tensor.to(torch.float32).numpy()
        check_finite(weight, f"layer {node.name}", "weights")
        check_finite(self.inputs[node.name], f"layer {node.name}", "inputs")
        ratio = self.pruning.rows_dropped(node.name)
        stem = self.parts / self._key(node, weight, ratio)
        if (part := build_parts.read(stem)) is not None:
            self.reused += 1
            return part
        arrays = self._arrays(node, weight, ratio)
        measured = measure(node.op, arrays, causal=bool(node.fields.get("causal")))
        build_parts.write(stem, arrays, measured)
        return arrays, measured

    def _key(self, node: Node, weight: Float32, ratio: float) -> str:
        digest = hashlib.blake2b(digest_size=16)
        kept = self.pruning.weights_kept(node.name)
        whole = self.pruning.weights is not None
        for part in (_VERSION, node, self.options, kept, whole, ratio):
            digest.update(repr(part).encode())
        if (made := self.fitted.get(f"{node.name}.weight")) is not None:
            for array in (made.coef, made.basis, made.scale):
                digest.update(np.ascontiguousarray(array).data)
        held = self.stored.get(node.name, {})
        for array in (weight, self.inputs[node.name], *(held[what] for what in sorted(held))):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _arrays(self, node: Node, weight: Float32, ratio: float) -> Arrays:
        """The tensors of a layer, under their keys in a workload file."""
        scale = symmetric_scale(weight)
        activation = self.inputs[node.name]
        arrays: Arrays = {
            "input": to_int8(activation[0], symmetric_scale(activation)),
            "weight": to_int8(weight, scale),
        }
        for what, held in self.stored.get(node.name, {}).items():
            arrays[what] = held[0] if what == "input" else held
        if node.op == "matmul":  # two operands that the network computes: nothing is pruned
            return arrays
        decomposed = is_decomposed(weight.shape, self.options)
        kept = self.pruning.weights_kept(node.name)
        if kept < 1 and (decomposed or self.pruning.weights is not None):
            arrays["pruned"] = to_int8(sparsity.magnitude_pruned(weight, kept), scale)
        if not decomposed:
            return arrays
        if ratio > 0:
            mask = sparsity.row_mask_by_ratio(weight, ratio)
            weight = sparsity.apply_row_mask(weight, mask)
        found = self.fitted.get(f"{node.name}.weight")
        found = found or decompose(weight, self.options, name=node.name)
        for line in ruined([(node.name, found.nonzeros, found.error(weight))]):
            console.note(line)
        return arrays | {"coef": found.coef, "basis": found.basis, "basis_scale": found.scale}


def claim_workload(folder: Path, name: str) -> None:
    """Refuse to write a workload over files that sdalgo did not write.

    Raises:
        InputError: there is such a file, and nothing is forced (archsim.formats.own_files).
    """
    claim(folder / f"{name}.yaml", b'made_by: "sdalgo')
    claim(folder / f"{name}.safetensors", TENSORS_MARK)


def write_workload(
    folder: Path, head: dict[str, Any], entries: list[LayerEntry], tensors: dict[str, Tensor]
) -> Built:
    """Write a workload as NAME.yaml and NAME.safetensors, named by its header; both say what made
    them.

    Raises:
        InputError: the folder cannot be written, or files of somebody else have these names.
    """
    path = folder / head["tensors"]
    claim_workload(folder, head["name"])
    write_tensors(path, tensors, {"made_by": head["source"]["made_by"]})
    write_atomically(path.with_suffix(".yaml"), workload_text(head, entries).encode())
    coefs = [tensor.array() for key, tensor in tensors.items() if key.endswith("/coef")]
    return Built(
        yaml=path.with_suffix(".yaml"), tensors=path, layers=len(entries),
        coefficients=sum(coef.size for coef in coefs),
        nonzeros=sum(int(np.count_nonzero(coef)) for coef in coefs),
    )  # fmt: skip


def _stored(arrays: Arrays) -> dict[str, Tensor]:
    return {key: from_array(array) for key, array in arrays.items()}
