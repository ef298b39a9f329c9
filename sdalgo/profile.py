"""Measure a layer's `profile`: statistics of its tensors that decide cycles and bytes.

The format is docs/reference/profile.md. Everything here is counted from the tensors themselves; no
machine is modelled, so a profile serves machines that did not exist when it was measured.
"""

import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from sdalgo.profile_coef import measure_coef
from sdalgo.profile_fields import measure_fields
from sdalgo.profile_input import sort_channels
from sdalgo.profile_weight import measure_weight

MAX_BYTES = 4096
# What the fields of an input may take of MAX_BYTES.
FIELD_BYTES = 330
CHOICES = [(classes, True) for classes in (16, 12, 8, 6)]
CHOICES += [(classes, False) for classes in (16, 12, 8, 6, 4, 2, 1)]


def measure(
    op: str, arrays: Mapping[str, NDArray[np.generic]], *, causal: bool = False
) -> dict[str, object]:
    """The profile of one layer, ready for YAML and at most 4096 bytes as compact JSON.

    Args:
        op: conv, deconv, linear or matmul.
        arrays: any of input, weight, pruned, coef and basis, shaped as in
            docs/reference/formats.md; other names are passed over.
        causal: rows of a matmul's `input` see no further than themselves; what lies beyond is
            not measured, as it is not drawn.

    Raises:
        InputError: an op without tensors, or an array that is empty or not of integers.
    """
    if op not in ("conv", "deconv", "linear", "matmul"):
        raise InputError.at(
            op, "has no tensors to measure; a profile is of a conv, deconv, linear or matmul layer"
        )
    for name in ("input", "weight", "pruned", "coef"):
        if name in arrays:
            _check(name, arrays[name])
    if op == "matmul":
        arrays = _operands(arrays, causal=causal)
    weights: dict[str, object] = {
        name: measure_weight(arrays[name]) for name in ("weight", "pruned") if name in arrays
    }
    if "coef" in arrays:
        slices = arrays["basis"].shape[1] if "basis" in arrays else None
        weights["coef"] = measure_coef(arrays["coef"], slices)
    if "input" not in arrays:
        return weights
    room = MAX_BYTES - FIELD_BYTES - nbytes(weights)
    return {"input": _input(arrays["input"], room), **weights}


def _operands(
    arrays: Mapping[str, NDArray[np.generic]], *, causal: bool
) -> dict[str, NDArray[np.generic]]:
    """The operands of a product as activations and weights: columns of the second are filters."""
    found = {}
    if "input" in arrays:
        found["input"] = _mirrored(arrays["input"]) if causal else arrays["input"]
    if "weight" in arrays:
        found["weight"] = arrays["weight"].reshape(-1, arrays["weight"].shape[-1])
    return found


def _mirrored(scores: NDArray[np.generic]) -> NDArray[np.generic]:
    """Scores (heads, M, K) with what a row does not see replaced by what its mirror image does.

    Zeros there would count twice: in the share that is drawn, and as what is then set to zero.
    """
    rows, seen = scores.shape[1:]
    square = scores[:, :, seen - rows :]
    lower = np.tril(np.ones((rows, rows), bool))
    whole = np.where(lower, square, square.transpose(0, 2, 1))
    return np.concatenate([scores[:, :, : seen - rows], whole], axis=2)


def _input(values: NDArray[np.generic], room: int) -> dict[str, object]:
    """The input section with as many classes, and their order, as `room` bytes hold."""
    for classes, ordered in CHOICES:
        sorted_channels = sort_channels(values, classes, ordered=ordered)
        if nbytes(sorted_channels.section) <= room:
            break
    return {**sorted_channels.section, **measure_fields(sorted_channels)}


def nbytes(profile: Mapping[str, object]) -> int:
    """Length of the profile as compact JSON text."""
    return len(json.dumps(profile, separators=(",", ":")))


def _check(name: str, array: NDArray[np.generic]) -> None:
    if array.size == 0:
        raise InputError.at(name, f"has shape {array.shape}, and nothing can be measured from it")
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError.at(
            name, f"has type {array.dtype}; a profile is measured from integers of 8 or 16 bits"
        )
