"""Measure coefficient codes: which rows live, how many filters share them, what they hold."""

import math

import numpy as np
from numpy.typing import NDArray

from sdalgo.profile_values import quantiles, trimmed
from sdalgo.profile_weight import POINTS, measure_mask, shrunk

LARGEST_GROUP = 256
CODE_PARTS = 10_000


def measure_coef(coef: NDArray[np.generic], slices: int | None = None) -> dict[str, object]:
    """The `coef` section for codes (K, C/groups, R, r) or (K, triples, r)."""
    counts = np.count_nonzero(coef, axis=-1)
    live = counts > 0
    group = shared_by(live.reshape(len(live), -1))
    rows = np.logical_or.reduceat(live, np.arange(0, len(live), group), axis=0)
    section: dict[str, object] = {"group": group, "rows": measure_mask(rows, counted=True)}
    owned = np.repeat(rows, group, axis=0)[: len(live)].reshape(len(live), -1).sum(axis=1)
    if (live.reshape(len(live), -1).sum(axis=1) < owned).any():
        inside = live.reshape(len(live), -1).sum(axis=1)[owned > 0] / owned[owned > 0]
        section["filters"] = quantiles(shrunk(inside, max(2, int(owned.mean()))), POINTS)
    found = np.bincount(counts[live], minlength=coef.shape[-1] + 1)[1:]
    section["nonzeros"] = trimmed(found * (CODE_PARTS / max(1, found.sum()))) or [1]
    codes = coef[coef != 0].astype(np.int64)
    for name, side in (("positive", codes[codes > 0]), ("negative", -codes[codes < 0])):
        if len(side):
            section[name] = trimmed(np.bincount(side)[1:] * (CODE_PARTS / len(codes)))
    if slices:
        section["slices"] = slices
    return section


def shared_by(live: NDArray[np.bool_]) -> int:
    """How many consecutive filters share a row mask, for live rows (K, rows): the likeliest number.

    The model: a group's row is live with one chance, and then each filter's with another; with
    group 1 there is one chance only. Sizes up to 256 are tried; a larger size must explain the rows
    better than a smaller one by more than its extra parameter is worth.
    """
    best, best_score = 1, _alone(live)
    some = {1: live}
    for group in range(2, min(LARGEST_GROUP, len(live)) + 1):
        # A group is some of smaller ones side by side, which were looked at before.
        factor = next(f for f in range(2, group + 1) if group % f == 0)
        smaller = some[group // factor]
        some[group] = np.logical_or.reduceat(smaller, np.arange(0, len(smaller), factor), axis=0)
        score = _together(live, some[group], group) - 0.5 * math.log(live.size)
        if score > best_score:
            best, best_score = group, score
    return best


def _alone(live: NDArray[np.bool_]) -> float:
    """Log likelihood of rows that live or die one by one."""
    share = float(live.mean())
    return live.size * (share * _log(share) + (1 - share) * _log(1 - share))


def _together(live: NDArray[np.bool_], some: NDArray[np.bool_], group: int) -> float:
    """Log likelihood of rows whose liveness `group` consecutive filters share; `some` says of which
    rows a group has a live one."""
    starts = np.arange(0, len(live), group)
    if not some.any():
        return 0.0
    alive = float(live.sum())
    owned = float((some * np.minimum(group, len(live) - starts)[:, None]).sum())
    seen = float(some.mean())
    chance, inside = seen, alive / owned
    for _ in range(8):
        # Of the groups found dead, some are alive with all their filters dead by chance.
        unseen = chance * (1 - inside) ** group
        hidden = (1 - seen) * unseen / max(unseen + 1 - chance, 1e-12)
        chance = seen + hidden
        inside = alive / (owned + hidden * some.size * group)
    within = alive * _log(inside) + (owned - alive) * _log(1 - inside)
    dead = some.size * (1 - seen) * _log(1 - chance + chance * (1 - inside) ** group)
    return some.size * seen * _log(chance) + within + dead


def _log(x: float) -> float:
    return math.log(max(x, 1e-300))
