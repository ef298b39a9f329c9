"""Tell a field that all channels share from a scale that all share.

Both make pixels alike across channels. The field moves distributions, the scale stretches them;
where half the values are
cut off at zero each looks a little like the other. So two covariances across channels are measured,
of signs and of sizes, and the pair of parameters is found whose model shows both.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from archsim.formats.profile_values import normal_share
from sdalgo.profile_normal import cut

NODES = np.linspace(-3, 3, 9)
WEIGHTS = np.exp(-NODES * NODES / 2) / np.exp(-NODES * NODES / 2).sum()
# Below this a covariance of scores cannot be told from chance and changes no result.
SMALLEST = 0.002
LARGEST_SHARE, LARGEST_SPREAD = 0.98, 1.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Steps:
    """A class cut coarsely: upper share and mean score of each step, for some channels."""

    channels: int
    upper: Floats
    means: Floats
    loading: float


def common_parts(
    plane: NDArray[np.int64], classes: NDArray[np.int64], signs: float, sizes: float
) -> tuple[float, float]:
    """share of the shared field and spread of the shared scale, for values (C, H, W).

    `signs` and `sizes` are the covariances across channels, over the products of loadings, of
    first-order scores of signs and of second-order scores of values.
    """
    if max(signs, sizes) < SMALLEST:
        return 0.0, 0.0
    steps = [_steps(plane, classes, order) for order in (1, 2)]
    share, spread = 0.3, 0.3
    reach = (0.3, 0.3)
    for _ in range(6):
        shares = [min(max(share + i * reach[0] / 2, 0.0), LARGEST_SHARE) for i in range(-2, 3)]
        spreads = [min(max(spread + j * reach[1] / 2, 0.0), LARGEST_SPREAD) for j in range(-2, 3)]
        errors = np.zeros((len(shares), len(spreads)))
        for part, seen in zip(steps, (signs, sizes), strict=True):
            shown = np.stack([_covariances(part, shares, each) for each in spreads], axis=1)
            errors += ((shown - seen) / (seen + 0.01)) ** 2
        best = np.unravel_index(np.argmin(errors), errors.shape)
        share, spread = shares[best[0]], spreads[best[1]]
        reach = (reach[0] / 2, reach[1] / 2)
    return share, spread


def _steps(plane: NDArray[np.int64], classes: NDArray[np.int64], order: int) -> list[_Steps]:
    """Steps of each class: its signs (halves, where all have one sign), or tenths for order 2."""
    found = []
    for k in range(classes.max() + 1):
        members = plane[classes == k]
        counts = np.bincount((members - plane.min()).reshape(-1)).astype(float)
        share = np.cumsum(counts) / counts.sum()
        middle = share - counts / counts.sum() / 2
        signs = np.sign(np.arange(len(counts)) + plane.min())
        groups = signs if len(np.unique(signs[counts > 0])) > 1 else np.floor(middle * 2)
        if order == 2:
            groups = np.floor(middle * 10)
        ends = np.flatnonzero(np.diff(groups, append=np.inf))
        masses = np.diff(share[ends], prepend=0.0)
        masses, upper = masses[masses > 0], share[ends][masses > 0]
        if len(masses) < 2:
            continue
        shares, indicator = cut(masses)
        means = indicator[:, order - 1] / shares
        found.append(
            _Steps(int((classes == k).sum()), upper, means, float(means @ indicator[:, order - 1]))
        )
    return found


def _covariances(steps: list[_Steps], shares: list[float], spread: float) -> Floats:
    """What the model shows for each share: covariance across channels over the products of
    loadings."""
    latent, marginal = _marginal(round(spread, 3))
    scales = np.exp(spread * NODES - spread * spread)
    field, rest = (np.sqrt(each)[:, None, None, None] for each in (shares, np.subtract(1, shares)))
    total, own = np.zeros((len(shares), len(NODES), len(NODES))), np.zeros(len(shares))
    pairs = squares = 0.0
    weights = WEIGHTS[:, None] * WEIGHTS
    for part in steps:
        threshold = np.interp(part.upper[:-1], marginal, latent)
        conditional = (threshold[:, None, None] / scales[:, None] - field * NODES) / rest
        below = normal_share(conditional)
        mean = part.means[-1] - np.tensordot(below, np.diff(part.means), (1, 0))
        mean -= (mean * weights).sum(axis=(1, 2), keepdims=True)
        total += part.channels * mean
        own += part.channels * (mean * mean * weights).sum(axis=(1, 2))
        pairs += part.channels * part.loading
        squares += part.channels * part.loading**2
    shown = (total * total * weights).sum(axis=(1, 2)) - own
    return np.asarray(shown / max(pairs**2 - squares, 1e-12))


@cache
def _marginal(spread: float) -> tuple[Floats, Floats]:
    """Points of the latent and its share below them, for a scale exp(spread * e - spread**2)."""
    scales = np.exp(spread * NODES - spread * spread)
    latent = np.linspace(-5 * scales.max(), 5 * scales.max(), 1501)
    return latent, normal_share(latent[:, None] / scales) @ WEIGHTS
