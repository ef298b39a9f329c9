"""Measure activations: classes of channels, and the Gaussian fields behind their values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdalgo.profile_classes import cluster
from sdalgo.profile_fields import measure_fields
from sdalgo.profile_values import LETTERS, histogram

LONGEST_ORDER = 1024


def measure_input(values: NDArray[np.generic], most_classes: int) -> dict[str, object]:
    """The `input` section for activations (C, H, W), (positions, C) or (C,)."""
    plane = _plane(values)
    classes = cluster(plane, min(most_classes, len(LETTERS)))
    section: dict[str, object] = {
        "dtype": "uint8" if values.dtype == np.uint8 else "int8",
        "classes": [_class(plane[classes == k]) for k in range(classes.max() + 1)],
    }
    if 1 < len(plane) <= LONGEST_ORDER and classes.max() > 0:
        section["order"] = "".join(LETTERS[k] for k in classes)
    section.update(measure_fields(plane, classes))
    return section


def _plane(values: NDArray[np.generic]) -> NDArray[np.int64]:
    """(C, H, W); positions are rows, and a vector is one row of pixels."""
    if values.ndim == 3:
        return values.astype(np.int64)
    if values.ndim == 2:
        return values.T[:, :, None].astype(np.int64)
    return values[None, None, :].astype(np.int64)


def _class(members: NDArray[np.int64]) -> dict[str, object]:
    return {
        "channels": len(members),
        "zero": round(float((members == 0).mean()), 5),
        **histogram(members),
    }
