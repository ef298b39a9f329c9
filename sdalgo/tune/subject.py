"""The network of a search: its layers in groups, its weights, and what they become at a point."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import nn

from archsim.formats.errors import InputError
from archsim.formats.progress import Progress
from sdalgo import own_network, sparsity
from sdalgo.activations.layer import decompose_layer
from sdalgo.activations.moments import Moments
from sdalgo.activations.network import calibrated_layers
from sdalgo.activations.rounds import Search
from sdalgo.build import ready
from sdalgo.decompose import checked, decompose, is_decomposed
from sdalgo.decomposition import Decomposition
from sdalgo.graph import Node, layer_graph
from sdalgo.networks import network
from sdalgo.one_thread import products_on_one_thread
from sdalgo.options import CALIBRATED, ActivationOptions, Options, preset
from sdalgo.own_recipe import load_own
from sdalgo.pow2 import Float32
from sdalgo.pretrained import Weights
from sdalgo.ratios import is_path
from sdalgo.recipe import Recipe, load_recipe
from sdalgo.samples import reads_by_export
from sdalgo.tune.crops import ImageSets, image_sets
from sdalgo.tune.groups import groups_of
from sdalgo.tune.setting import Setting
from sdalgo.tune.spec import Plan

RAW_BITS = 32
"""Of a weight that is not decomposed."""
MOST_KEPT_BYTES = 2**30
"""Of decompositions that are kept for points to come."""
Made = dict[str, Decomposition]
"""Decompositions by layer, without those that stay raw."""


def recipe_of(plan: Plan) -> Recipe:
    """Return the recipe that a plan names, and run its network where that is the user's file.

    Raises:
        InputError: there is none, or no point of a search can be made of it.
    """
    name = str(plan.asked.recipe)
    if is_path(name):
        found = load_own(Path(name), plan.network)
        if plan.network is not None:
            own_network.run(plan.network)
    else:
        try:
            found = load_recipe(name)
        except InputError as error:
            message = "; ".join(one.message for one in error.problems)
            raise InputError.at(plan.place("recipe"), message) from error
    if found.network == "onnx" or reads_by_export(found):
        message = "its network is read as a graph (ONNX, torch.export); points run a torch module"
        raise InputError.at(plan.place("recipe"), f"recipe {found.name}: {message}")
    if found.task == "training" or found.preset == CALIBRATED:
        what = "it is of a training" if found.task == "training" else "its preset has a budget"
        message = f"{what}, and a search begins with a recipe of another kind"
        raise InputError.at(plan.place("recipe"), f"recipe {found.name}: {message}")
    return found


@dataclass
class Subject:
    """A network whose layers are decomposed, each with the setting of its group.

    Attributes:
        groups: the group of each layer with weights.
        names: of the groups, in the order of their first layers.
    """

    recipe: Recipe
    model: nn.Module
    weights: Weights
    samples: Float32
    nodes: Sequence[Node]
    groups: Mapping[str, str]
    own_images: tuple[str | None, str | None]
    _kept: "OrderedDict[tuple[str, Setting], Decomposition]" = field(default_factory=OrderedDict)
    _kept_bytes: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.groups.values()))

    @cached_property
    def images(self) -> ImageSets:
        """Cut when they are needed: a search that only goes on to its table needs none."""
        return image_sets(self.model, network(self.recipe.network), self.own_images)

    @cached_property
    def moments(self) -> Mapping[str, Moments]:
        """What the fitting images give each layer: once for all points."""
        options = preset(CALIBRATED)
        assert isinstance(options, ActivationOptions)
        return calibrated_layers(self.model, self.images.fit, options)[1]

    @cached_property
    def dense(self) -> dict[str, Float32]:
        """The weight of each layer."""
        state = self.weights.state
        found = {}
        for name in self.groups:
            held = state[key_of(name, state)].detach().float().cpu().numpy()
            found[name] = checked(held, name)
        return found

    @products_on_one_thread()
    def made(self, settings: Mapping[str, Setting], progress: Progress | None = None) -> Made:
        """Return every layer decomposed with the setting of its group."""
        found: Made = {}
        for at, (name, group) in enumerate(self.groups.items()):
            if progress:
                progress(at, len(self.groups), name)
            setting = settings[group]
            if is_decomposed(self.dense[name].shape, options := setting.options()):
                found[name] = self._layer(name, setting, options)
        return found

    def bits(self, made: Made) -> int:
        """Return what all layers take, everything counted, an index bit per row; a layer that stays
        raw takes 32 bits a weight."""
        raw = sum(weight.size for name, weight in self.dense.items() if name not in made)
        return raw * RAW_BITS + sum(layer.bits("row") for layer in made.values())

    def rebuilt(self, made: Made) -> dict[str, Float32]:
        """Return the weights that came of it, by their names in the state dict."""
        state = self.weights.state
        return {key_of(name, state): layer.rebuild() for name, layer in made.items()}

    def _layer(self, name: str, setting: Setting, options: Options) -> Decomposition:
        key = (name, setting)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = self._decomposed(name, setting, options)
        self._kept[key] = found
        self._kept_bytes += found.coef.nbytes + found.basis.nbytes + found.scale.nbytes
        while self._kept_bytes > MOST_KEPT_BYTES:
            _, old = self._kept.popitem(last=False)
            self._kept_bytes -= old.coef.nbytes + old.basis.nbytes + old.scale.nbytes
        return found

    def _decomposed(self, name: str, setting: Setting, options: Options) -> Decomposition:
        weight = self.dense[name]
        if isinstance(options, ActivationOptions):
            key = key_of(name, self.weights.state)
            if key not in self.moments:
                raise InputError.at(f"layer {name}", "the preset `activations` cannot fit it")
            search = Search.of(options, options.price)
            return decompose_layer(weight, self.moments[key], search)
        ratio = setting.row_ratio
        if ratio is None:
            ratio = self.recipe.pruning().rows_dropped(name)
        if ratio > 0:
            weight = sparsity.apply_row_mask(weight, sparsity.row_mask_by_ratio(weight, ratio))
        return decompose(weight, options, name=name)


def key_of(layer: str, state: Mapping[str, object]) -> str:
    """The name of a layer's weight in a state dict; those of an LSTM have no suffix."""
    return f"{layer}.weight" if f"{layer}.weight" in state else layer


def subject_of(plan: Plan, recipe: Recipe) -> Subject:
    """Return the network of a plan's recipe with its layers in groups.

    Raises:
        InputError: weights or photographs are missing, or a pattern names no layer.
    """
    model, samples, weights = ready(recipe, 0)
    nodes = layer_graph(model, network(recipe.network).INPUT)
    weighted = [node for node in nodes if node.has_weights and node.op != "matmul"]
    groups = groups_of(weighted, plan.asked.groups, plan.place)
    own = (plan.asked.calibration, plan.asked.evaluation)
    return Subject(
        recipe, model, weights, np.asarray(samples, np.float32), nodes, groups, own
    )  # fmt: skip
