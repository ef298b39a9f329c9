"""Measure a layer's `profile`: the statistics of its tensors that decide an accelerator's cycles and bytes.

The format is docs/profile.md. Everything here is counted from the tensors themselves; no machine is
modelled, so a profile serves machines that did not exist when it was measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sdalgo.errors import InputError
from sdalgo.profile_coef import measure_coef
from sdalgo.profile_input import measure_input
from sdalgo.profile_weight import measure_weight

MAX_BYTES = 4096
MAX_CLASSES = (16, 12, 8, 6, 4, 2, 1)


def measure(op: str, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, object]:
    """The profile of one layer from its arrays, ready for YAML and at most 4096 bytes as compact JSON.

    Args:
        op: conv or linear.
        arrays: any of input (C, H, W), (C,) or (positions, C); weight and pruned (K, C/groups, R, S) or
            (K, C); coef (K, C/groups, R, r) or (K, triples, r); other names are passed over.

    Raises:
        InputError: an op without tensors, or an array that is empty or not of integers.
    """
    if op not in ("conv", "linear"):
        raise InputError(op, "has no tensors to measure; a profile is of a conv or a linear layer")
    for name, array in arrays.items():
        if name in ("input", "weight", "pruned", "coef"):
            _check(name, array)
    fixed: dict[str, object] = {}
    for name in ("weight", "pruned"):
        if name in arrays:
            fixed[name] = measure_weight(arrays[name])
    if "coef" in arrays:
        fixed["coef"] = measure_coef(arrays["coef"])
    if "input" not in arrays:
        return fixed
    for classes in MAX_CLASSES:
        profile = {"input": measure_input(arrays["input"], classes), **fixed}
        if nbytes(profile) <= MAX_BYTES:
            break
    return profile


def nbytes(profile: Mapping[str, object]) -> int:
    """Length of the profile as compact JSON text."""
    return len(json.dumps(profile, separators=(",", ":")))


def _check(name: str, array: NDArray[np.generic]) -> None:
    if array.size == 0:
        raise InputError(name, f"has shape {array.shape}, and nothing can be measured from it")
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(name, f"has type {array.dtype}; a profile is measured from 8-bit integers")
