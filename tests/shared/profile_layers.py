"""Layers built like real ones: a photograph through random convolutions, pruned weights."""

from dataclasses import dataclass

import numpy as np
from skimage import data


@dataclass(frozen=True)
class Layer:
    """Activations (C, H, W), weights (K, C, R, R) before and after pruning, and coefficients."""

    input: np.ndarray
    weight: np.ndarray
    pruned: np.ndarray
    coef: np.ndarray

    @property
    def arrays(self):
        return {
            "input": self.input,
            "weight": self.weight,
            "pruned": self.pruned,
            "coef": self.coef,
        }


def _smooth(maps, rng, kernel=3):
    """Each map convolved with its own random 3x3 kernel."""
    taps = rng.normal(size=(len(maps), kernel, kernel))
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = maps.shape[1:]
    return sum(
        taps[:, r, s, None, None] * padded[:, r : r + height, s : s + width]
        for r in range(kernel)
        for s in range(kernel)
    )


def photo_maps(channels, side, *, relu, seed):
    """int8 (C, side, side): two random layers over a photograph, with channels of unlike scale."""
    rng = np.random.default_rng(seed)
    photo = np.moveaxis(data.astronaut() / 255.0, 2, 0)
    step = photo.shape[1] // side
    small = photo[:, : side * step, : side * step].reshape(3, side, step, side, step).mean((2, 4))
    maps = small
    for width in (32, channels):
        mixed = np.tensordot(rng.normal(size=(width, len(maps))), maps, 1)
        mixed = _smooth(mixed, rng)
        mixed -= mixed.mean(axis=(1, 2), keepdims=True)
        mixed /= mixed.std(axis=(1, 2), keepdims=True) + 1e-9
        shift, scale = rng.normal(-0.2, 0.6, width), np.exp(rng.normal(0, 0.6, width))
        maps = (mixed + shift[:, None, None]) * scale[:, None, None]
        if relu or width == 32:
            maps = np.maximum(maps, 0)
    return np.round(maps * (127 / np.abs(maps).max())).astype(np.int8)


def photo_layer(filters, channels, side, kernel, seed):
    """A layer over `photo_maps`; rows pruned in groups of 32 filters, weights by magnitude."""
    rng = np.random.default_rng([seed, 1])
    scale = np.exp(rng.normal(0, 0.3, (filters, 1, 1, 1)) + rng.normal(0, 0.3, (1, channels, 1, 1)))
    weight = rng.normal(size=(filters, channels, kernel, kernel)) * scale
    int8 = np.round(weight * (127 / np.abs(weight).max())).astype(np.int8)
    pruned = np.where(np.abs(weight) > np.quantile(np.abs(weight), 0.6), int8, 0)
    rows = weight
    if kernel == 1:
        triples = -(-channels // 3)
        rows = np.zeros((filters, 3 * triples))
        rows[:, :channels] = weight[:, :, 0, 0]
        rows = rows.reshape(filters, triples, 3)
    sizes = np.clip(np.ceil(np.log2(np.abs(rows) + 1e-9)) + 4, 0, 7)
    coef = (np.sign(rows) * sizes).astype(np.int8)
    for first in range(0, filters, 32):
        score = np.abs(rows[first : first + 32]).sum(axis=(0, -1))
        coef[first : first + 32] *= (score > np.quantile(score, 0.45))[None, ..., None]
    return Layer(photo_maps(channels, side, relu=seed % 2 == 0, seed=seed), int8, pruned, coef)
