"""The hypervolume against counting the cells of a grid."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.analysis.search.hypervolume import hypervolume, progress

SIDE = 5


def counted(points, corner):
    """Cells of unit size below the corner that some point is not worse than."""
    cells = product(*(range(side) for side in corner))
    return sum(
        any(all(p <= c for p, c in zip(point, cell, strict=True)) for point in points)
        for cell in cells
    )


def clouds(objectives):
    return st.lists(st.tuples(*[st.integers(0, SIDE)] * objectives), max_size=8)


@given(st.integers(1, 4).flatmap(clouds))
def test_it_is_the_number_of_cells(points):
    corner = (SIDE,) * (len(points[0]) if points else 2)
    assert hypervolume(points, corner) == counted(points, corner)


def test_it_is_what_one_reads_off_a_drawing():
    assert hypervolume([[1, 3], [2, 1]], [4, 4]) == 3 * 1 + 2 * 3 - 2 * 1
    assert hypervolume([[0, 0, 0]], [2, 3, 4]) == 24
    assert hypervolume([], [1, 1]) == 0
    assert hypervolume([[5, 0]], [4, 4]) == 0


@given(clouds(2).filter(bool))
def test_progress_is_that_of_every_beginning(points):
    corner = [max(column) for column in zip(*points, strict=True)]
    whole = counted(points, corner)
    shares = [counted(points[: n + 1], corner) / whole if whole else 1 for n in range(len(points))]
    assert progress(points) == pytest.approx(shares)
