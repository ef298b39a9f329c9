"""Agreement with the original network, with intervals that know which crops share a photograph."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdalgo.agreement import cosines
from sdalgo.fit import Float64

_SEED = 0
_DRAWS = 2000
_COVERED = (2.5, 97.5)  # percentiles: 95 % between them

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """What two networks' outputs have in common, on images in groups.

    Attributes:
        cosine, top1: means over images of the cosine of the outputs, and of whether the best
            class is the same.
        cosine_interval, top1_interval: 95 % intervals by bootstrap over photographs: crops of one
            photograph are drawn together.
    """

    images: int
    photographs: int
    cosine: float
    cosine_interval: Interval
    top1: float
    top1_interval: Interval


def agreed(
    original: NDArray[np.generic], other: NDArray[np.generic], groups: NDArray[np.int64]
) -> Agreed:
    """Compare outputs (N, classes) of two networks.

    Args:
        groups: the photograph of each image, (N,).
    """
    one, two = original.astype(np.float64), other.astype(np.float64)
    cosine = cosines(one, two)
    top1 = (one.argmax(axis=1) == two.argmax(axis=1)).astype(np.float64)
    return Agreed(
        images=len(one), photographs=len(np.unique(groups)),
        cosine=float(cosine.mean()), cosine_interval=_interval(cosine, groups),
        top1=float(top1.mean()), top1_interval=_interval(top1, groups),
    )  # fmt: skip


def _interval(values: Float64, groups: NDArray[np.int64]) -> Interval:
    _, place = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(place, values), np.bincount(place)
    drawn = np.random.default_rng(_SEED).integers(0, len(sums), (_DRAWS, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, _COVERED)
    return float(low), float(high)
