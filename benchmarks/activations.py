"""Bits per weight against agreement: the preset `activations` and its rivals on trained networks.

    python -m benchmarks.activations mobilenet_v2_sd --write-docs

Times are of the processor. `make data` brings the weights and the photographs.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import activations_page
from sdalgo import decompose, preset
from sdalgo.activations.inputs import layer_moments
from sdalgo.activations.network import calibrated_layers, decompose_weights, total_bits
from sdalgo.build import model_and_images
from sdalgo.evaluation.trial import Trial, trial
from sdalgo.networks import network
from sdalgo.photos import IMAGENET
from sdalgo.recipe import load_recipe
from sdalgo.rivals.gptq import gptq
from sdalgo.rivals.uniform import uniform

PRICES = (1.8e-8, 2.6e-8, 4e-8, 9e-8, 1.5e-7)
LEVELS = (7, 11, 15, 23, 31)


def rows(judge: Trial) -> Iterator[dict[str, Any]]:
    """Yield a row for each way of making the weights small, in the order of their methods."""
    options = preset("activations")
    began = time.process_time()
    weights, moments = calibrated_layers(judge.model, judge.calibration.images, options)
    calibrated = time.process_time() - began
    size = sum(weight.size for weight in weights.values())
    yield {"method": "calibration", "weights": size, "seconds": calibrated, "peak_mb": peak()}

    def row(method: str, made: Any, bits: int, began: float) -> dict[str, Any]:
        spent = time.process_time() - began
        found = asdict(judge.judge({name: one.rebuild() for name, one in made.items()}))
        return {"method": method, "bits_per_weight": bits / size, "seconds": spent, **found}

    for price in PRICES:
        began = time.process_time()
        layers = decompose_weights(weights, moments, (options, price))
        bits = total_bits(layers, "row")
        yield {**row("activations", layers, bits, began), "price": price, "peak_mb": peak()}
    # GPTQ damps H by its own rule.
    plain = layer_moments(judge.model, judge.calibration.images)
    for levels in LEVELS:
        began = time.process_time()
        coded = {name: gptq(weights[name], plain[name], levels) for name in weights}
        bits = sum(one.huffman_bits() for one in coded.values())
        yield {**row("gptq + huffman", coded, bits, began), "levels": levels}
    for levels in (15, 31):
        began = time.process_time()
        coded = {name: uniform(weights[name], levels) for name in weights}
        bits = sum(one.huffman_bits() for one in coded.values())
        yield {**row("uniform + huffman", coded, bits, began), "levels": levels}
    for name in ("as_released_double",):
        began = time.process_time()
        released = preset(name, largest_kernel=None)
        layers = {key: decompose(weight, released) for key, weight in weights.items()}
        yield row(name, layers, total_bits(layers, "row"), began)


def peak() -> float:
    """Most memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", default="mobilenet_v2_sd")
    parser.add_argument("--out", type=Path, default=Path("docs/results/activations"))
    parser.add_argument("--write-docs", action="store_true", help="docs/activation_aware.md")
    given = parser.parse_args()
    recipe = load_recipe(given.recipe)
    model, _ = model_and_images(recipe)
    judge = trial(model, getattr(network(recipe.network), "PIXELS", IMAGENET))
    found = []
    given.out.mkdir(parents=True, exist_ok=True)
    for row in rows(judge):
        print(row, flush=True)
        found.append(row)
        text = json.dumps({"recipe": given.recipe, "rows": found}, indent=1)
        (given.out / f"{given.recipe}.json").write_text(text + "\n", encoding="utf-8")
    if given.write_docs:
        activations_page.write(Path("docs/activation_aware.md"), given.recipe, found)
        activations_page.draw(Path(f"docs/img/activations_{recipe.network}.svg"), found)


if __name__ == "__main__":
    main()
