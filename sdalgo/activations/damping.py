"""How much is added to H's diagonal, chosen by what holds on inputs that were not fitted.

Few columns say little of many inputs: fitted to them alone, a layer errs freely where they say
nothing. Each layer is therefore fitted to one half of the calibration images and judged on the
other, with some damping values and some of its filters.
"""

from dataclasses import replace

import numpy as np

from sdalgo.activations.layer import DAMPS, layout_for
from sdalgo.activations.moments import Moments, some_filters
from sdalgo.activations.problem import Problem, problem_of
from sdalgo.activations.rounds import Search, fit_layer
from sdalgo.pow2 import Float32

_FILTERS = 48


def best_damp(weight: Float32, fitted: Moments, judged: Moments, search: Search) -> float:
    """Return the value of `DAMPS` that costs least, energy and bits together, on `judged`."""
    some, moments = some_filters(weight, fitted, _FILTERS)
    _, others = some_filters(weight, judged, _FILTERS)
    layout = layout_for(some.shape, search)
    judge = problem_of(some, others, layout, search.bit_price)
    problem = _side_by_side(
        [problem_of(some, moments.damped(damp), layout, search.bit_price) for damp in DAMPS]
    )
    found = fit_layer(problem, search)
    worth = np.where(judge.rate > 0, judge.rate, 1.0)
    costs = [
        float((judge.energy(own) / worth + bits).sum())
        for own, bits in zip(
            np.split(found.rest, len(DAMPS), axis=1), np.split(found.bits, len(DAMPS)), strict=True
        )
    ]
    return DAMPS[int(np.argmin(costs))]


def _side_by_side(problems: list[Problem]) -> Problem:
    """Problems of the same filters as one whose filters are those of all, so that all are searched
    in the time of one."""
    layout = problems[0].layout
    return Problem(
        weight=np.concatenate([one.weight for one in problems], axis=1),
        second=np.concatenate([one.second for one in problems]),
        rate=np.concatenate([one.rate for one in problems]),
        layout=replace(layout, shape=(layout.filters * len(problems), *layout.shape[1:])),
    )
