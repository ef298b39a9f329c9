"""Decomposing a whole state dict, and rebuilding it."""

from dataclasses import asdict

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


def decompose_state(
    tensors: dict[str, Tensor],
    options: Options,
    form: str = "row",
    progress: Progress | None = None,
) -> Container:
    """Decompose every convolution and linear weight; all other tensors pass through unchanged.

    A weight is a floating-point tensor of two or four axes, whatever its name.

    Raises:
        InputError: a weight holds NaN or infinity, or no tensor is a weight.
    """
    check_form(form)
    chosen = [name for name, t in tensors.items() if t.is_float and is_decomposed(t.shape, options)]
    if not chosen:
        raise InputError.at(
            "state dict", "no tensor has the shape of a convolution or linear weight"
        )
    layers, errors = {}, {}
    for index, name in enumerate(chosen):
        if progress:
            progress(index, len(chosen), name)
        weight = tensors[name].array()
        layers[name] = decompose(weight, options, name=name)
        errors[name] = layers[name].error(weight.astype(np.float32))
    others = {name: t for name, t in tensors.items() if name not in layers}
    return Container(
        layers=layers, others=others, form=form, options=asdict(options), errors=errors
    )


def rebuild_state(container: Container) -> dict[str, Tensor]:
    """Return the state dict with rebuilt float32 weights; other tensors as they were.

    Raises:
        InputError: a weight is beyond float32.
    """
    return {name: _rebuilt(layer, name) for name, layer in container.layers.items()} | (
        container.others
    )


def _rebuilt(layer: Decomposition, name: str) -> Tensor:
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is refused
        weight = layer.rebuild()
    check_finite(weight, f"layer {name}", "rebuilt weights")
    return from_array(weight)
