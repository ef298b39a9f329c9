"""How much is added to H's diagonal, chosen by what holds on inputs that were not fitted.

Few columns say little of many inputs: fitted to them alone, a layer errs freely where they say
nothing. Each layer is therefore fitted to one half of the calibration images and judged on the
other, with some damping values and some of its filters.
"""

from dataclasses import replace

import numpy as np

from sdalgo.activations.layer import DAMPS, layout_for
from sdalgo.activations.moments import Moments, on_diagonal, ridge, some_filters
from sdalgo.activations.problem import problem_of
from sdalgo.activations.rounds import Search, fit_layer
from sdalgo.pow2 import Float32

_FILTERS = 48


def best_damp(weight: Float32, fitted: Moments, judged: Moments, search: Search) -> float:
    """Return the value of `DAMPS` that costs least, energy and bits together, on `judged`."""
    some, moments = some_filters(weight, fitted, _FILTERS)
    _, others = some_filters(weight, judged, _FILTERS)
    count = len(DAMPS)
    judge = problem_of(some, others, layout_for(some.shape, search), search.bit_price)
    # All values are searched in the time of one.
    several = np.concatenate([some] * count)
    layout = layout_for(several.shape, search)
    found = fit_layer(problem_of(several, _by_damp(moments), layout, search.bit_price), search)
    worth = np.where(judge.rate > 0, judge.rate, 1.0)
    costs = [
        float((judge.energy(own) / worth + bits).sum())
        for own, bits in zip(
            np.split(found.rest, count, axis=1), np.split(found.bits, count), strict=True
        )
    ]
    return DAMPS[int(np.argmin(costs))]


def _by_damp(moments: Moments) -> Moments:
    """The moments of the same filters for each of `DAMPS`, one after the other, as groups."""
    count, held = len(DAMPS), moments.second
    second = np.broadcast_to(held, (count, *held.shape)).reshape(-1, *held.shape[1:])
    added = np.outer(DAMPS, ridge(held, 1.0)).ravel()
    sensitivity = None if moments.sensitivity is None else np.tile(moments.sensitivity, count)
    return replace(moments, second=on_diagonal(second, added), sensitivity=sensitivity)
