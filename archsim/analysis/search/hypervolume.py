"""How much of the space of objectives a front dominates: the volume between it and a corner that is
worse than all of it (Zitzler and Thiele, PPSN 1998). The larger, the better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def hypervolume(points: npt.ArrayLike, corner: npt.ArrayLike) -> float:
    """The volume that points dominate up to a corner, all objectives the better the smaller.

    `points` is (points, objectives), `corner` (objectives,). Points that are not better than the
    corner in every objective add nothing. Exact: cut into slabs along the last objective, each of
    which is the same question with one objective less.
    """
    whole = np.asarray(corner, dtype=np.float64)
    found = np.atleast_2d(np.asarray(points, dtype=np.float64)).reshape(-1, whole.size)
    return _volume(found[(found < whole).all(axis=1)], whole)


def _volume(points: Floats, corner: Floats) -> float:
    if not len(points):
        return 0.0
    if corner.size == 1:
        return float(corner[0] - points.min())
    points = points[np.argsort(points[:, -1], kind="stable")]
    if corner.size == 2:
        # Up to each height the volume is as wide as the best point below it makes it.
        best = np.minimum.accumulate(points[:, 0])
        heights = np.diff(np.append(points[:, -1], corner[-1]))
        return float(((corner[0] - best) * heights).sum())
    bounds = np.append(points[:, -1], corner[-1])
    return sum(
        _volume(points[: at + 1, :-1], corner[:-1]) * float(bounds[at + 1] - bounds[at])
        for at in range(len(points))
        if bounds[at + 1] > bounds[at]
    )


def progress(points: Sequence[Sequence[float]]) -> list[float]:
    """The share of the last front's volume that is reached after each point, up to the worst corner
    of all points. All ones where no point is better than that corner."""
    if not points:
        return []
    values = np.array(points, dtype=np.float64)
    corner = values.max(axis=0)
    kept = np.empty((0, values.shape[1]))
    reached: list[float] = []
    for point in values:
        if not len(kept) or not (kept <= point).all(axis=1).any():
            kept = np.vstack([kept[~(point <= kept).all(axis=1)], point])
            reached.append(hypervolume(kept, corner))
        else:
            reached.append(reached[-1])
    last = reached[-1]
    return [one / last if last else 1.0 for one in reached]
