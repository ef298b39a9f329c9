"""Bits per weight against agreement: the preset `activations` and its rivals on trained networks.

    python -m benchmarks.activations mobilenet_v2_sd --write-docs

Times are of the processor. `make data` brings the weights and the photographs.
"""

import argparse
import json
import math
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks import activations_page
from sdalgo import decompose, preset
from sdalgo.activations.network import (
    Priced,
    calibrated_layers,
    decompose_in_order,
    decompose_weights,
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

PRICES = (1.5e-8, 2.2e-8, 3.5e-8, 8e-8, 1.5e-7)
SEQUENTIAL_PRICES = (1.5e-8, 2.2e-8, 6e-8)
ELEMENT_PRICE = 1.8e-8
LEVELS = (7, 11, 15, 23, 31)
SEQUENTIAL_LEVELS = (11, 15, 23)
KEPT = "sequential gptq (W kept) + huffman"

Row = dict[str, Any]
Made = Mapping[str, Decomposition] | Mapping[str, Coded]
Way = tuple[str, Row, Callable[[], Made]]
"""A method, its setting, and what makes the weights small."""


def calibrated(judge: Trial) -> tuple[Row, dict[str, Any], dict[str, Any]]:
    """Return a row that says what calibration took, weights and their moments."""
    began = time.process_time()
    weights, moments = calibrated_layers(
        judge.model, judge.calibration.images, preset("activations", bits=None)
    )
    spent = time.process_time() - began
    size = sum(weight.size for weight in weights.values())
    row = {"method": "calibration", "weights": size, "seconds": spent, "peak_mb": peak()}
    return row, weights, moments


def ways(judge: Trial, weights: dict[str, Any], moments: dict[str, Any]) -> Iterator[Way]:
    """Yield all ways of making the weights small, in the order of their methods."""
    options = preset("activations", bits=None)
    model, images = judge.model, judge.calibration.images
    # GPTQ damps H by its own rule.
    plain = {name: replace(held, second=held.undamped()) for name, held in moments.items()}
    for price in PRICES:
        yield (
            "activations",
            {"price": price},
            lambda p=price: decompose_weights(weights, moments, Priced(options, p)),
        )
    for price in SEQUENTIAL_PRICES:
        yield (
            "activations, sequential",
            {"price": price},
            lambda p=price: decompose_in_order(model, images, moments, Priced(options, p)),
        )
    by_code = replace(options, index="element")
    yield (
        "activations, an index bit per code",
        {"price": ELEMENT_PRICE, "index": "element"},
        lambda: decompose_weights(weights, moments, Priced(by_code, ELEMENT_PRICE)),
    )
    yield (
        "activations, sequential, an index bit per code",
        {"price": ELEMENT_PRICE, "index": "element"},
        lambda: decompose_in_order(model, images, moments, Priced(by_code, ELEMENT_PRICE)),
    )
    for n in LEVELS:
        yield (
            "gptq + huffman",
            {"levels": n},
            lambda n=n: {name: gptq(weights[name], plain[name], n) for name in weights},
        )
    for method, levels, form in (
        ("sequential gptq + huffman", SEQUENTIAL_LEVELS, Form()),
        (KEPT, SEQUENTIAL_LEVELS[-1:], Form(corrected=False)),
    ):
        for n in levels:
            yield (
                method,
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


def rows(judge: Trial, known: list[Row]) -> Iterator[Row]:
    """Yield a row for each way; those of `known` are not measured again."""
    kept = {name_of(row): row for row in known}
    first, weights, moments = calibrated(judge)
    yield first
    for method, setting, make in ways(judge, weights, moments):
        row = {"method": method, **setting}
        yield kept.get(name_of(row)) or measured(judge, row, make)


def name_of(row: Row) -> tuple[Any, ...]:
    """Method and setting."""
    return row["method"], row.get("price"), row.get("levels")


def measured(judge: Trial, row: Row, make: Callable[[], Made]) -> Row:
    """Return the row of a way with its size, its agreement and its time."""
    began = time.process_time()
    made = make()
    spent = time.process_time() - began
    size = sum(math.prod(shape_of(one)) for one in made.values())
    form = row.get("index", "row")
    bits = sum(
        one.huffman_bits() if isinstance(one, Coded) else one.bits(form) for one in made.values()
    )
    rebuilt = {name: one.rebuild() for name, one in made.items()}
    row |= {"bits_per_weight": bits / size, "seconds": spent, "peak_mb": peak()}
    anew = judge.judge_refreshed(rebuilt)
    if anew is not None:
        row |= {"refreshed_cosine": anew.cosine, "refreshed_top1": anew.top1}
    return {**row, **asdict(judge.judge(rebuilt))}


def shape_of(made: Decomposition | Coded) -> tuple[int, ...]:
    """Shape of the weight."""
    return made.shape if isinstance(made, Coded) else made.layout.shape


def peak() -> float:
    """Most memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", default="mobilenet_v2_sd")
    parser.add_argument("--out", type=Path, default=Path("docs/results/activations"))
    parser.add_argument("--resume", action="store_true", help="keep rows that --out has already")
    parser.add_argument("--write-docs", action="store_true", help="docs/activation_aware.md")
    given = parser.parse_args()
    recipe = load_recipe(given.recipe)
    model, _ = model_and_images(recipe)
    judge = trial(model, getattr(network(recipe.network), "PIXELS", IMAGENET))
    found: list[Row] = []
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / f"{given.recipe}.json"
    known = json.loads(path.read_text())["rows"] if given.resume and path.exists() else []
    for row in rows(judge, known):
        print(row, flush=True)
        found.append(row)
        names = [name_of(each) for each in found]
        later = [each for each in known if name_of(each) not in names]
        text = json.dumps({"recipe": given.recipe, "rows": found + later}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")
    if given.write_docs:
        activations_page.write(Path("docs/activation_aware.md"), given.recipe, found)
        activations_page.draw(Path(f"docs/img/activations_{recipe.network}.svg"), found)


if __name__ == "__main__":
    main()
