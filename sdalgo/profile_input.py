"""Measure activations channel by channel: classes of like channels, and their values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_models import LETTERS
from sdalgo.profile_classes import cluster
from sdalgo.profile_values import histogram

WIDE = (np.int16, np.uint16)


@dataclass(frozen=True)
class SortedChannels:
    """Activations as planes (C, H, W), the class of each channel, and the section that says so."""

    plane: NDArray[np.int64]
    classes: NDArray[np.int64]
    section: dict[str, object]


def sort_channels(
    values: NDArray[np.generic], most_classes: int, *, ordered: bool
) -> SortedChannels:
    """dtype, classes and (if `ordered`) order of activations (C, H, W), (positions, C) or (C,).

    Positions are rows of a plane; a vector is one row of pixels of a single channel.
    """
    plane = _plane(values)
    classes = cluster(plane, min(most_classes, len(LETTERS)))
    section: dict[str, object] = {
        "dtype": str(values.dtype) if values.dtype in (np.uint8, *WIDE) else "int8",
        "classes": [
            _class(plane[classes == k], wide=values.dtype in WIDE) for k in range(classes.max() + 1)
        ],
    }
    if ordered and classes.max() > 0:
        section["order"] = "".join(LETTERS[k] for k in classes)
    return SortedChannels(plane, classes, section)


def _plane(values: NDArray[np.generic]) -> NDArray[np.int64]:
    if values.ndim == 3:
        return values.astype(np.int64)
    if values.ndim == 2:
        return values.T[:, :, None].astype(np.int64)
    return values[None, None, :].astype(np.int64)


def _class(members: NDArray[np.int64], *, wide: bool) -> dict[str, object]:
    return {
        "channels": len(members),
        "zero": round(float((members == 0).mean()), 5),
        **histogram(members, wide=wide),
    }
