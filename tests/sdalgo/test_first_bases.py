"""Where the search of the preset `activations` starts: against loops over one slice at a time."""

import numpy as np
import pytest

from sdalgo import preset
from sdalgo.activations import first_bases as first
from sdalgo.activations.layer import decompose_layer, layout_for
from sdalgo.activations.moments import identity
from sdalgo.activations.problem import problem_of
from sdalgo.activations.rounds import Search


def drawn(shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, shape)


def problem(weight, rows):
    search = Search.of(preset("activations", slice_rows=rows), 0.0)
    return problem_of(weight, identity(weight.shape), layout_for(weight.shape, search), 0.0)


def leading(rows, rank):
    """Gram and Schmidt, one slice: the row of which most is left, as it was."""
    left, chosen = rows.copy(), []
    for _ in range(rank):
        place = max(range(len(rows)), key=lambda m: float(left[m] @ left[m]))
        chosen.append(rows[place])
        along = left[place] / np.linalg.norm(left[place])
        left = left - np.outer(left @ along, along)
    return np.array(chosen)


def distance(rows, axes):
    """Squared distance of rows from their nearest line."""
    units = [axis / np.linalg.norm(axis) for axis in axes]
    return sum(min(float(row @ row - (row @ unit) ** 2) for unit in units) for row in rows)


def test_short_slices_start_from_their_leading_rows():
    weight = drawn((5, 36, 1, 1)).astype(np.float32)
    found = first.first_bases(problem(weight, 4), 3)
    assert found.shape == (3, 3, 3, 5)
    for k in range(5):
        rows = weight[k].reshape(12, 3).astype(float)
        for index in range(3):
            own = rows[4 * index : 4 * index + 4]
            np.testing.assert_array_equal(found[index, :, :, k], leading(own, 3))


def test_tall_slices_start_from_lines_nearer_than_any_rows():
    rows = drawn((64, 3, 7), 3)
    chosen = first._leading_rows(rows, 3)
    lines = first._lines(rows, chosen)
    for k in range(7):
        assert distance(rows[:, :, k], lines[:, :, k]) < distance(rows[:, :, k], chosen[:, :, k])


def test_lines_on_which_all_rows_lie_are_found():
    axes = np.array([[1.0, 0.2, 0.0], [0.0, 1.0, -0.3], [0.4, 0.0, 1.0]])
    steps = drawn((40, 1), 5)
    rows = (axes[np.arange(40) % 3] * steps)[:, :, None]
    found = first._lines(rows, first._leading_rows(rows, 3))[:, :, 0]
    assert distance(rows[:, :, 0], found) < 1e-20
    # Each is as long as the row that lies farthest out on it.
    longest = [np.abs(rows[i::3, :, 0] @ axes[i]).max() / np.linalg.norm(axes[i]) for i in range(3)]
    np.testing.assert_allclose(sorted(np.linalg.norm(found, axis=1)), sorted(longest), rtol=1e-9)


def test_a_line_without_rows_stays_where_it_was():
    rows = np.zeros((30, 3, 2))
    rows[:, 0, 0] = 1.0  # one direction; the other filter is all zero
    found = first._lines(rows, first._leading_rows(rows, 3))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.abs(found[:, 0, 0]).max(), 1.0)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_slices_no_higher_than_their_basis_are_exact_but_for_its_rounding(rows):
    weight = drawn((8, 27, 1, 1), 7).astype(np.float32)
    search = Search.of(preset("activations", slice_rows=rows), 1e-6)
    found = decompose_layer(weight, identity(weight.shape), search)
    assert found.nonzeros == 8 * 9  # one code a row
    largest = np.abs(weight).reshape(8, -1).max(axis=1)
    # Scales of a filter's slices are powers of two of one another, at most twice what is needed.
    error = np.abs(found.rebuild() - weight).reshape(8, -1).max(axis=1)
    assert (error <= largest / 127).all()
