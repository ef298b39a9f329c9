"""Density, error and size of a network against theta, and output agreement where it can run."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np

from archsim.formats.errors import InputError
from archsim.formats.progress import Progress
from sdalgo.checkpoints import read_checkpoint
from sdalgo.decompose import decompose, is_decomposed
from sdalgo.finite import check_finite
from sdalgo.options import Options
from sdalgo.orientation import as_stored
from sdalgo.pow2 import Float32
from sdalgo.recipe import Recipe, load_recipe

Compare = Callable[[dict[str, Float32]], dict[str, Any]]
_TIMES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)


def usual_thetas(options: Options) -> tuple[float, ...]:
    """The thetas of a sweep that asks for none: around that of the options."""
    return tuple(times * options.theta for times in _TIMES)


def sweep(
    source: str | Recipe,
    options: Options,
    thetas: Sequence[float] = (),
    progress: Progress | None = None,
    entry: str | None = None,
) -> list[dict[str, Any]]:
    """Decompose a network at each theta; returns a row a theta.

    Args:
        source: a recipe or its name, whose outputs are then compared too, or a file of weights.
        options: of the decomposition, but for theta.
        thetas: none means the usual ones.
        entry: that of a checkpoint with several state dicts.
    """
    if isinstance(source, str) and _is_file(source):
        weights, compare = _from_file(Path(source), entry)
    elif entry is None:
        weights, compare = _from_recipe(source)
    else:
        raise InputError.at("--entry", "a recipe has no entries; name a checkpoint")
    rows, thetas = [], thetas or usual_thetas(options)
    for index, theta in enumerate(thetas):
        if progress:
            progress(index, len(thetas), f"theta {theta:g}")
        rows.append(_row(weights, replace(options, theta=theta), compare))
    return rows


def _is_file(source: str) -> bool:
    return source.endswith(".safetensors") or Path(source).is_file()


def _from_file(path: Path, entry: str | None) -> tuple[dict[str, Float32], Compare | None]:
    read = read_checkpoint(path, entry)
    floats = {key: t.array() for key, t in read.tensors.items() if t.is_float}
    for key, values in floats.items():
        check_finite(values, f"{path}: {key}")
    all_kernels = Options(largest_kernel=None)
    lies = read.lies
    if lies is None:
        lies = {
            k: as_stored(a.shape) for k, a in floats.items() if is_decomposed(a.shape, all_kernels)
        }
    found = {
        key: at.to_layer(floats[key]).astype(np.float32)
        for key, at in lies.items() if key in floats
    }  # fmt: skip
    if not found:
        raise InputError.at(path, "no tensor has the shape of a convolution or linear weight")
    return found, None


def _from_recipe(source: str | Recipe) -> tuple[dict[str, Float32], Compare | None]:
    recipe = load_recipe(source) if isinstance(source, str) else source
    if recipe.network == "onnx":
        from sdalgo.onnx_agreement import onnx_weights
        from sdalgo.onnx_import import file_of

        found = onnx_weights(file_of(recipe).path)
        return found.weights, lambda rebuilt: asdict(found.agreement(rebuilt))
    from sdalgo.agreement import agreement
    from sdalgo.build import model_and_images

    model, images = model_and_images(recipe)
    weights = {k: v.detach().numpy() for k, v in model.state_dict().items() if v.ndim in (2, 4)}
    return weights, lambda rebuilt: asdict(agreement(model, rebuilt, images))


def _row(weights: dict[str, Float32], options: Options, compare: Compare | None) -> dict[str, Any]:
    chosen = {k: w for k, w in weights.items() if is_decomposed(w.shape, options)}
    found = {key: decompose(weight, options, name=key) for key, weight in chosen.items()}
    nonzeros = sum(layer.nonzeros for layer in found.values())
    wrong = fsum(found[key].squared_error(weight) for key, weight in chosen.items())
    whole = fsum(float((weight.astype(np.float64) ** 2).sum()) for weight in chosen.values())
    coded = fsum(layer.bits_per_nonzero * layer.nonzeros for layer in found.values())
    row = {
        "theta": options.theta,
        "density": nonzeros / sum(layer.entries for layer in found.values()),
        "relative_error": (wrong / whole) ** 0.5 if whole else 0.0,
        "bits_per_nonzero": coded / nonzeros if nonzeros else 0.0,
        "row_bytes": sum(layer.bits("row") for layer in found.values()) / 8,
        "element_bytes": sum(layer.bits("element") for layer in found.values()) / 8,
    }
    if compare:
        row["agreement"] = compare({key: layer.rebuild() for key, layer in found.items()})
    return row
