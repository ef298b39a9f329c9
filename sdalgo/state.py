"""Decomposing a whole state dict, and rebuilding it."""

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np

from archsim.formats.errors import InputError
from archsim.formats.progress import Progress
from archsim.formats.tensor_record import Tensor, from_array
from archsim.formats.weight_bits import check_form
from sdalgo.container import Container
from sdalgo.decompose import decompose, is_decomposed
from sdalgo.decomposition import Decomposition
from sdalgo.finite import check_finite
from sdalgo.options import Options
from sdalgo.orientation import Orientation, as_stored


def decompose_state(
    tensors: dict[str, Tensor],
    options: Options,
    form: str = "row",
    progress: Progress | None = None,
    lies: Mapping[str, Orientation] | None = None,
) -> Container:
    """Decompose every convolution and linear weight; all other tensors pass through unchanged.

    A weight is a floating-point tensor of two or four axes, or of three where `is_decomposed` says
    so, whatever its name, and its first axis is that of the outputs.

    Args:
        lies: the tensors that are weights and how these lie in them, where a file says so.

    Raises:
        InputError: a weight holds NaN or infinity, or no tensor is a weight.
    """
    check_form(form)
    guessed = lies is None
    if lies is None:
        lies = {name: as_stored(t.shape) for name, t in tensors.items() if t.is_float}
    chosen = {
        name: at for name, at in lies.items()
        if tensors[name].is_float and is_decomposed(at.tensor if guessed else at.layer, options)
    }  # fmt: skip
    if not chosen:
        raise InputError.at(
            "state dict", "no tensor has the shape of a convolution or linear weight"
        )
    layers: dict[str, Decomposition] = {}
    errors: dict[str, float] = {}
    known: dict[Any, str] = {}  # tied weights: the same values are decomposed and stored once
    for index, (name, at) in enumerate(chosen.items()):
        if progress:
            progress(index, len(chosen), name)
        content = (at, tensors[name].dtype, sha256(tensors[name].data).digest())
        first = known.setdefault(content, name)
        if first != name:
            layers[name], errors[name] = layers[first], errors[first]
            continue
        weight = at.to_layer(tensors[name].array())
        layers[name] = decompose(weight, options, name=name)
        errors[name] = layers[name].error(weight.astype(np.float32))
    others = {name: t for name, t in tensors.items() if name not in layers}
    moved = {name: at for name, at in chosen.items() if not at.is_plain}
    return Container(
        layers=layers, others=others, form=form, options=asdict(options), errors=errors, lies=moved
    )


def rebuild_state(container: Container) -> dict[str, Tensor]:
    """Return the state dict with rebuilt float32 weights; other tensors as they were.

    Raises:
        InputError: a weight is beyond float32.
    """
    rebuilt = {
        name: _rebuilt(layer, name, container.lies.get(name))
        for name, layer in container.layers.items()
    }
    return rebuilt | container.others


def _rebuilt(layer: Decomposition, name: str, lies: Orientation | None) -> Tensor:
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is refused
        weight = layer.rebuild()
    check_finite(weight, f"layer {name}", "rebuilt weights")
    return from_array(lies.to_tensor(weight) if lies else weight)
