"""Which points no other beats: the Pareto front."""

from collections.abc import Sequence

import numpy as np

from sdalgo.tune.spec import LARGEST


def dominates(one: Sequence[float], two: Sequence[float]) -> bool:
    """Return whether a point is nowhere worse and somewhere better; the smaller, the better."""
    pairs = list(zip(one, two, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def signed(values: Sequence[float], objectives: Sequence[str]) -> tuple[float, ...]:
    """Return the values such that the smaller is the better in each."""
    return tuple(
        -value if name in LARGEST else value for value, name in zip(values, objectives, strict=True)
    )


def front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Return for each point whether no other dominates it; the smaller, the better. Of points with
    the same values all are on the front, or none."""
    if not points:
        return []
    values = np.asarray(points, np.float64)
    worse_nowhere = (values[:, None] <= values[None]).all(axis=2)
    better_somewhere = (values[:, None] < values[None]).any(axis=2)
    beaten = np.asarray((worse_nowhere & better_somewhere).any(axis=0))
    return [not one for one in beaten]
