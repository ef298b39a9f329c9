"""A whole network by the preset `activations`: inputs, a price, one layer after another."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archsim.formats.errors import InputError
from archsim.formats.progress import Progress, silent
from sdalgo.activations.budget import first_price, price_for
from sdalgo.activations.damping import best_damp
from sdalgo.activations.inputs import layer_moments
from sdalgo.activations.layer import DAMPS, decompose_layer
from sdalgo.activations.moments import Moments, joined, some_filters
from sdalgo.activations.passing import Reached, pass_once
from sdalgo.activations.rounds import Search
from sdalgo.activations.sensitivity import sensitivities
from sdalgo.activations.side_by_side import each_layer
from sdalgo.decompose import checked, is_decomposed
from sdalgo.decomposition import Decomposition
from sdalgo.one_thread import products_on_one_thread
from sdalgo.options import ActivationOptions
from sdalgo.pow2 import Float32

Weights = dict[str, Float32]
_MOST_FOR_GRADIENTS = 72
_SAMPLED = 196_608  # weights of a layer on which a price is sought, or
_LEAST_FILTERS = 64  # of it, if that is more
_NEAR = 1.6  # between prices at which slices are cut alike
_LEAST_RESERVE = 0.1  # damping with which targets are corrected
_KNOWN = 0.5  # share of the moments of all images where images pass one layer after another


@dataclass(frozen=True)
class Priced:
    """Options at a price of a bit.

    Attributes:
        price: as `ActivationOptions.price`, and in its place.
        heights: of the slices of each layer; of layers that are not there they are searched.
    """

    options: ActivationOptions
    price: float
    heights: Mapping[str, int] = field(default_factory=dict)

    @property
    def search(self) -> Search:
        return Search.of(self.options, self.price)


def decompose_network(
    model: nn.Module,
    images: NDArray[np.generic],
    options: ActivationOptions,
    progress: Progress = silent,
) -> dict[str, Decomposition]:
    """Decompose every convolution and linear layer of a network for these inputs.

    Args:
        model: run in eval mode.
        images: calibration inputs, (N, ...) as the network takes them.
        progress: called with (done, total, what) as inputs are read and layers are worked on.

    Returns:
        Decompositions by the name of the weight in the state dict. Weights that no input reaches
        are not among them.

    Raises:
        InputError: the images are none or not finite, or no layer can be decomposed.
    """
    if not len(images) or not np.isfinite(images).all():
        raise InputError.at("calibration", "no images, or values that are not finite")
    weights, calibrated = calibrated_layers(model, images, options, progress)
    asked = Priced(options, options.price)
    if options.bits is not None:
        asked = price_at_budget(weights, calibrated, options, progress)
    if options.sequential:
        return decompose_in_order(model, images, calibrated, asked, progress)
    return decompose_weights(weights, calibrated, asked, progress)


@products_on_one_thread()
def calibrated_layers(
    model: nn.Module,
    images: NDArray[np.generic],
    options: ActivationOptions,
    progress: Progress = silent,
) -> tuple[Weights, dict[str, Moments]]:
    """Return the weights that are decomposed, and their damped moments with sensitivities."""
    half = (len(images) + 1) // 2
    first = layer_moments(model, images[:half], progress)
    second = layer_moments(model, images[half:], progress) if half < len(images) else first
    weights = weights_of(model, first, options)
    known = {name: joined(first[name], second[name]) for name in weights}
    step = -(-len(images) // _MOST_FOR_GRADIENTS)
    found = sensitivities(model, images[::step], known, DAMPS[0], progress)
    size = sum(weight.size for weight in weights.values())
    price = options.price if options.bits is None else first_price(size, options.bits)

    def damped(name: str) -> Moments:
        sensitivity = steadied(found[name])
        halves = [replace(m, sensitivity=sensitivity) for m in (first[name], second[name])]
        damp = options.damp
        if damp is None:
            damp = best_damp(weights[name], halves[0], halves[1], Search.of(options, price, 0))
        return replace(known[name], sensitivity=sensitivity).damped(damp)

    return weights, each_layer(_sizes(weights), damped, progress, "damping of ")


def weights_of(
    model: nn.Module, moments: Mapping[str, Moments], options: ActivationOptions
) -> Weights:
    """Return the weights that are decomposed, in the order in which the network uses them."""
    held = dict(model.named_parameters())
    chosen = [name for name in moments if is_decomposed(tuple(held[name].shape), options)]
    if not chosen:
        raise InputError.at(type(model).__name__, "has no layer that the options decompose")
    return {name: checked(held[name].detach().float().cpu().numpy(), name) for name in chosen}


def steadied(sensitivity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sensitivities moved a fifth of the way to their mean: a filter that the calibration
    images hardly use is not one that nothing uses."""
    return np.asarray(0.8 * sensitivity + 0.2 * sensitivity.mean())


@products_on_one_thread()
def decompose_weights(
    weights: Weights,
    moments: Mapping[str, Moments],
    asked: Priced,
    progress: Progress = silent,
) -> dict[str, Decomposition]:
    """Decompose each weight at one price of a bit."""

    def decomposed(name: str) -> Decomposition:
        own = replace(moments[name])  # of its own factor, which goes with it
        return decompose_layer(weights[name], own, asked.search, asked.heights.get(name))

    return each_layer(_sizes(weights), decomposed, progress)


def _sizes(weights: Weights) -> dict[str, int]:
    return {name: weight.size for name, weight in weights.items()}


def total_bits(found: Mapping[str, Decomposition], form: str) -> int:
    """Return what all layers take, everything counted."""
    return sum(layer.bits(form) for layer in found.values())


@products_on_one_thread()
def price_at_budget(
    weights: Weights,
    moments: Mapping[str, Moments],
    options: ActivationOptions,
    progress: Progress = silent,
) -> Priced:
    """Return the price at which the layers have as many bits as they should, and how high their
    slices are, which is searched anew when the price has moved far.

    Of wide layers some filters stand for all.
    """
    assert options.bits is not None
    size = sum(weight.size for weight in weights.values())
    some = {name: some_filters(weights[name], own, _most(own)) for name, own in moments.items()}
    few = {name: weight for name, (weight, _) in some.items()}
    given = {name: own for name, (_, own) in some.items()}
    heights: dict[str, int] = {}
    searched, tried = 0.0, 0  # the price at which they were, and how many have been tried

    def bits_at(price: float) -> float:
        nonlocal searched, tried
        tried += 1
        if not searched / _NEAR <= price <= searched * _NEAR:
            searched = price
            heights.clear()
        search = Search.of(options, price)

        def decomposed(name: str) -> Decomposition:
            return decompose_layer(few[name], given[name], search, heights.get(name))

        found = each_layer(_sizes(few), decomposed, progress, f"price {tried}, ")
        heights.update({name: layer.layout.height for name, layer in found.items()})
        share = {name: weights[name].size / few[name].size for name in few}
        return sum(layer.bits(options.index) * share[name] for name, layer in found.items()) / size

    price = price_for(bits_at, options.bits, first_price(size, options.bits))
    return Priced(options, price, heights)


def _most(moments: Moments) -> int:
    """How many filters of a layer a price is sought on."""
    return max(_SAMPLED // moments.inputs, _LEAST_FILTERS)


@products_on_one_thread()
def decompose_in_order(
    model: nn.Module,
    images: NDArray[np.generic],
    moments: Mapping[str, Moments],
    asked: Priced,
    progress: Progress = silent,
) -> dict[str, Decomposition]:
    """Decompose each layer when the images reach it, and go on with what it has become.

    What all calibration images give the original network counts half, as inputs on which nothing
    has to be put right: few images are passing here.
    """
    found: dict[str, Decomposition] = {}

    def fit(name: str, weight: Float32, reached: Reached) -> Float32:
        progress(len(found), len(moments), name)
        known = moments[name]
        plain = known.undamped()
        mixed = reached.mixed(plain, _KNOWN)
        # What few images say of earlier layers' errors is put right with some reserve.
        reserve = max(known.damp, _LEAST_RESERVE)
        own = replace(
            known, second=mixed.second + (known.second - plain),
            target=mixed.damped(reserve).target(weight),
        )  # fmt: skip
        found[name] = decompose_layer(weight, own, asked.search, asked.heights.get(name))
        return found[name].rebuild()

    pass_once(model, images, moments, fit)
    return found
