"""Pareto fronts against dominance point by point."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdalgo.tune.front import dominates, front, signed

COORDINATE = st.integers(0, 4).map(float)  # few values, so that many are equal


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[COORDINATE] * n), max_size=24)))
def test_front_is_what_no_other_point_dominates(points):
    brute = [not any(dominates(other, one) for other in points) for one in points]
    assert front(points) == brute


def test_every_other_point_is_dominated_by_one_of_the_front():
    points = [tuple(row) for row in np.random.default_rng(0).random((60, 3))]
    kept = front(points)
    best = [point for point, on in zip(points, kept, strict=True) if on]
    assert 1 < len(best) < 60
    for point, on in zip(points, kept, strict=True):
        assert on or any(dominates(one, point) for one in best)


@pytest.mark.parametrize(
    ("one", "two", "found"),
    [((1, 2), (1, 3), True), ((1, 2), (1, 2), False), ((1, 3), (2, 1), False)],
)
def test_dominance_by_hand(one, two, found):
    assert dominates(one, two) is found


def test_agreement_is_the_better_the_larger():
    assert signed((3.0, 0.9, 5.0), ("size", "cosine", "energy_pj")) == (3.0, -0.9, 5.0)
