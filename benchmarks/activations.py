"""Bits per weight against agreement: the preset `activations` and its rivals on trained networks.

    python -m benchmarks.activations mobilenet_v2_sd --write-docs

Times are of the processor. `make data` brings the weights and the photographs.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import activations_page
from sdalgo import decompose, preset
from sdalgo.activations.inputs import layer_moments
from sdalgo.activations.network import (
    calibrated_layers,
    decompose_in_order,
    decompose_weights,
    total_bits,
)
from sdalgo.build import model_and_images
from sdalgo.decomposition import Decomposition
from sdalgo.evaluation.trial import Trial, trial
from sdalgo.networks import network
from sdalgo.photos import IMAGENET
from sdalgo.recipe import load_recipe
from sdalgo.rivals.coded import Coded
from sdalgo.rivals.gptq import gptq
from sdalgo.rivals.gptq_sequential import Form, gptq_sequential
from sdalgo.rivals.uniform import uniform

PRICES = (1.8e-8, 2.6e-8, 4e-8, 9e-8, 1.5e-7)
SEQUENTIAL_PRICES = (2.6e-8, 4e-8, 9e-8)
LEVELS = (7, 11, 15, 23, 31)
SEQUENTIAL_LEVELS = (11, 15, 23, 31)
FORMS = {"": Form(), ", W kept": Form(corrected=False)}

Row = dict[str, Any]
Way = tuple[str, Row, Callable[[], Mapping[str, Decomposition] | Mapping[str, Coded]]]
"""A method, its setting, and what makes the weights small."""


def ways(judge: Trial) -> Iterator[Way | Row]:
    """Yield all ways of making the weights small, in the order of their methods; first a row that
    says what calibration took."""
    options = preset("activations", bits=None)
    model, images = judge.model, judge.calibration.images
    began = time.process_time()
    weights, moments = calibrated_layers(model, images, options)
    spent = time.process_time() - began
    size = sum(weight.size for weight in weights.values())
    yield {"method": "calibration", "weights": size, "seconds": spent, "peak_mb": peak()}
    for price in PRICES:
        asked = options, price
        yield (
            "activations",
            {"price": price},
            lambda a=asked: decompose_weights(weights, moments, a),
        )
    for price in SEQUENTIAL_PRICES:
        asked = options, price
        yield (
            "activations, sequential",
            {"price": price},
            lambda a=asked: decompose_in_order(model, images, moments, a),
        )
    # GPTQ damps H by its own rule.
    found = layer_moments(model, images)
    plain = {name: found[name] for name in weights}
    for n in LEVELS:
        yield (
            "gptq + huffman",
            {"levels": n},
            lambda n=n: {name: gptq(weights[name], plain[name], n) for name in weights},
        )
    for note, form in FORMS.items():
        for n in SEQUENTIAL_LEVELS:
            yield (
                f"sequential gptq + huffman{note}",
                {"levels": n},
                lambda n=n, f=form: gptq_sequential(model, images, n, plain, f),
            )
    for n in (15, 31):
        yield (
            "uniform + huffman",
            {"levels": n},
            lambda n=n: {name: uniform(weights[name], n) for name in weights},
        )
    released = preset("as_released_double", largest_kernel=None)
    yield (
        "as_released_double",
        {},
        lambda: {key: decompose(weight, released) for key, weight in weights.items()},
    )


def rows(judge: Trial) -> Iterator[Row]:
    """Yield a row for each way."""
    size = 1
    for way in ways(judge):
        if isinstance(way, dict):
            size = way["weights"]
            yield way
            continue
        method, setting, make = way
        began = time.process_time()
        made = make()
        spent = time.process_time() - began
        bits = sum(
            one.huffman_bits() if isinstance(one, Coded) else total_bits({"": one}, "row")
            for one in made.values()
        )
        rebuilt = {name: one.rebuild() for name, one in made.items()}
        row = {"method": method, "bits_per_weight": bits / size, "seconds": spent, **setting}
        anew = judge.judge_refreshed(rebuilt)
        if anew is not None:
            row |= {"refreshed_cosine": anew.cosine, "refreshed_top1": anew.top1}
        yield {**row, **asdict(judge.judge(rebuilt)), "peak_mb": peak()}


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
