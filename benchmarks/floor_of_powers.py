"""Bits that a layer takes to come so near to its outputs: one power of two a code, or a grid.

    python -m benchmarks.floor_of_powers      # docs/activation_aware.md; `make data` first

Layers of MobileNetV2 by themselves, all filters alike: the preset `activations` at many prices and
heights of slices, of which the cheapest count, and GPTQ on grids of many sizes, on one H.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.page_table import with_table
from sdalgo import preset
from sdalgo.activations.inputs import layer_moments
from sdalgo.activations.layer import decompose_layer
from sdalgo.activations.moments import Moments, some_filters
from sdalgo.activations.rounds import Search
from sdalgo.build import model_and_images
from sdalgo.evaluation.trial import trial
from sdalgo.pow2 import Float32
from sdalgo.recipe import load_recipe
from sdalgo.rivals.gptq import DAMP, gptq

LAYERS = ("features.13.conv.0.0.weight", "features.13.conv.2.weight", "features.16.conv.0.0.weight")
DECIBELS = (15, 20, 25, 30)
HEIGHTS = (3, 4, 6, 8, 11, 16, 32, 192)
PRICES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Of a bit, as shares of the energy of a filter's outputs over its weights. Near n dB a bit of an
ideal code saves 1.4 / 10^(n / 10)."""
LEVELS = (5, 7, 11, 15, 23, 31, 45, 63, 91, 127, 191, 255)
FILTERS = 128
PAGE = Path("docs/activation_aware.md")

Point = tuple[float, float]
"""Bits per weight, and energy of the outputs over that of their error, dB."""


def near(weight: Float32, made: Float32, moments: Moments) -> float:
    """Return the energy of the outputs over that of their error, dB, on H without damping."""
    held = weight.reshape(len(weight), -1).astype(np.float64)
    wrong = made.reshape(len(made), -1) - held
    second = moments.second[0]
    return float(10 * np.log10(((held @ second) * held).sum() / ((wrong @ second) * wrong).sum()))


def powers(weight: Float32, moments: Moments) -> Iterator[Point]:
    """Yield what the preset gives."""
    held = weight.reshape(len(weight), -1).astype(np.float64)
    energy = ((held @ moments.second[0]) * held).sum(axis=1) / held.shape[1]
    damped = replace(moments.damped(DAMP), sensitivity=1 / energy)
    options = preset("activations")
    for price in PRICES:
        for height in HEIGHTS:
            found = decompose_layer(weight, damped, Search.of(options, price), height)
            yield found.bits() / weight.size, near(weight, found.rebuild(), moments)


def grids(weight: Float32, moments: Moments) -> Iterator[Point]:
    """Yield what GPTQ gives."""
    for levels in LEVELS:
        found = gptq(weight, moments, levels)
        yield found.huffman_bits() / weight.size, near(weight, found.rebuild(), moments)


def bits_for(points: list[Point], decibels: float) -> float:
    """Return the bits of the cheapest point that comes as near as that, or of the cheapest mixture
    of two: some filters by the one and some by the other, so that errors and bits average."""
    held = [(bits, 10 ** (-own / 10)) for bits, own in points]
    most = 10 ** (-decibels / 10)
    enough = [point for point in held if point[1] <= most]
    mixed = [
        low + (high - low) * (worse - most) / (worse - better)
        for low, worse in held
        if worse > most
        for high, better in enough
    ]
    return min([bits for bits, _ in enough] + mixed)


def rows() -> Iterator[str]:
    """Yield the lines of the table."""
    heads = " | ".join(f"{decibels} dB" for decibels in DECIBELS)
    yield f"| layer, filters x inputs | | {heads} |"
    yield "|---|---|" + "---|" * len(DECIBELS)
    model, _ = model_and_images(load_recipe("mobilenet_v2_sd"))
    moments = layer_moments(model, trial(model).calibration.images)
    weights = dict(model.named_parameters())
    for name in LAYERS:
        whole = weights[name].detach().numpy()
        some, own = some_filters(whole, moments[name], FILTERS)
        shape = f"{whole.shape[0]} x {whole[0].size}"
        for method, points in (("activations", powers), ("GPTQ + Huffman", grids)):
            found = list(points(some, own))
            cells = " | ".join(f"{bits_for(found, decibels):.1f}" for decibels in DECIBELS)
            yield f"| `{name.removesuffix('.weight')}`, {shape} | {method} | {cells} |"


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    made = "".join(f"{line}\n" for line in rows())
    print(made, end="")
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_table(text, "floor", made), encoding="utf-8")


if __name__ == "__main__":
    main()
