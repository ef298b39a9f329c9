"""Shapes and weights that several tables need."""

import numpy as np
import torch

from archsim.formats.huffman import mean_length
from sdalgo import sparsity
from sdalgo.decompose import decompose, is_decomposed
from sdalgo.networks import network
from sdalgo.options import Options
from sdalgo.pow2 import Codes, Float32
from sdalgo.pretrained import SOURCES
from sdalgo.recipe import load_recipe


def weight_shapes(name: str) -> list[tuple[int, ...]]:
    """Return the shapes of a network's weights without making them."""
    with torch.device("meta"):
        parameters = network(name).build().parameters()
    return [tuple(p.shape) for p in parameters if p.ndim in (2, 4)]


def recipe_weights(name: str) -> dict[str, Float32]:
    """Return a recipe's weights after its row pruning, by layer name."""
    recipe = load_recipe(name)
    with torch.device("meta"):
        model = network(recipe.network).build()
    state = SOURCES[recipe.weights](model, 0).state
    pruning = recipe.pruning()
    found = {}
    for key, value in state.items():
        if value.ndim not in (2, 4):
            continue
        layer = key.removesuffix(".weight")
        weight = value.to(torch.float32).numpy()
        ratio = pruning.rows_dropped(layer)
        if ratio and is_decomposed(weight.shape, recipe.options()):
            mask = sparsity.row_mask_by_ratio(weight, ratio)
            weight = sparsity.apply_row_mask(weight, mask)
        found[layer] = weight
    return found


def network_codes(weights: dict[str, Float32], options: Options) -> Codes:
    """Return all coefficients of a network as codes over one range of exponents.

    The paper's tables charge one code table per network, so every layer's codes must share p_min.
    """
    parts = []
    for name, weight in weights.items():
        if is_decomposed(weight.shape, options):
            found = decompose(weight, options, name=name)
            parts.append((found.coef.ravel(), found.p_min))
    low = min(p_min for _, p_min in parts)
    shifted = [
        np.where(codes == 0, 0, codes + np.sign(codes) * (p_min - low)).astype(np.int8)
        for codes, p_min in parts
    ]
    return np.concatenate(shifted)


def mean_code_bits(codes: Codes, *, with_zero: bool) -> float:
    """Return the mean Huffman code length: of non-zeros, or of all with zero as a symbol."""
    return mean_length(codes if with_zero else codes[codes != 0])
