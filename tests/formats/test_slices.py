"""The slice rule by hand: rows of a filter, how many slices, and which of them hold anything."""

import numpy as np
import pytest

from archsim.formats.slices import (
    even_slices,
    factor_slices,
    full_slices,
    is_vector,
    matrix_of,
    rows_per_slice,
)


@pytest.mark.parametrize(
    ("shape", "matrix"),
    [
        ((8, 16, 3, 3), (48, 3)),
        ((8, 16, 5, 2), (80, 2)),
        ((8, 16, 1, 1), (6, 3)),
        ((8, 16), (6, 3)),
        ((8, 1, 3, 3), (3, 3)),
    ],
)
def test_rows_of_a_filter(shape, matrix):
    assert matrix_of(shape) == matrix
    assert is_vector(shape) == (len(shape) == 2 or shape[2] * shape[3] == 1)


def test_a_group_of_channels_may_have_another_width():
    assert matrix_of((8, 16), 5) == (4, 5)


def test_slices_are_equal_or_strip_prime_factors():
    assert [even_slices(rows, 192) for rows in (1, 192, 193, 400)] == [1, 1, 2, 3]
    # 384 = 2 * 192; 500 = 2 * 2 * 125; 427 is padded in the released code; 197 is prime.
    assert [factor_slices(rows, 192) for rows in (192, 384, 500, 427, 197)] == [1, 2, 4, 3, 1]


def test_the_last_slices_may_hold_fewer_rows_or_none():
    """Seven rows in three slices are 3, 3 and 1; nine rows in five slices are 2, 2, 2, 2 and 1;
    six rows in four slices are 2, 2, 2 and none."""
    assert [rows_per_slice(*pair) for pair in ((7, 3), (9, 5), (6, 4))] == [3, 2, 2]
    live = np.zeros((2, 7), bool)
    live[0, 2] = live[1, 6] = True
    assert full_slices(live, 3).tolist() == [[True, False, False], [False, False, True]]
    assert full_slices(np.ones((1, 6), bool), 4).tolist() == [[True, True, True, False]]
