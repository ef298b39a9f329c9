"""Sort channels into a few classes of like distribution."""

import numpy as np
from numpy.typing import NDArray

from sdalgo.profile_normal import probit

ROUNDS = 50


def cluster(plane: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Class of each channel of (C, H, W), numbered from 0 by falling share of zeros.

    k-means over the normal quantile of the share of zeros and the logarithm of the mean magnitude
    of the rest; all-zero channels are a class of their own. The start is spread over the sorted
    features, so the result is the same each time.
    """
    flat = plane.reshape(len(plane), -1)
    zero = (flat == 0).mean(axis=1)
    live = zero < 1
    classes = np.zeros(len(plane), dtype=np.int64)
    if live.any():
        size = np.abs(flat[live]).sum(axis=1) / (flat[live] != 0).sum(axis=1)
        edge = 0.5 / flat.shape[1]
        features = np.stack([probit(np.clip(zero[live], edge, 1 - edge)), np.log2(size)], axis=1)
        room = max(1, most - (not live.all()))
        classes[live] = _means(features, room) + (not live.all())
    ranks = {int(k): zero[classes == k].mean() for k in np.unique(classes)}
    order = sorted(ranks, key=lambda k: (-ranks[k], k))
    place = np.zeros(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place[classes]


def _means(features: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    if len(features) <= most:
        return np.arange(len(features))
    start = np.lexsort((features[:, 1], features[:, 0]))
    centres = features[start[np.linspace(0, len(start) - 1, most).round().astype(int)]]
    member = np.zeros(len(features), dtype=np.int64)
    for index in range(ROUNDS):
        distance = ((features[:, None] - centres) ** 2).sum(axis=2)
        found = distance.argmin(axis=1)
        if index and (found == member).all():
            break
        member = found
        for k in np.unique(member):
            centres[k] = features[member == k].mean(axis=0)
    return np.unique(member, return_inverse=True)[1]
