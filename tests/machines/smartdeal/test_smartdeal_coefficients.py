"""Rebuild cycles of coefficient rows, by hand."""

import numpy as np
import pytest

from archsim.machines.smartdeal.coefficients import decomposed


@pytest.mark.parametrize(
    ("per_cycle", "expected"), [(1, [3, 1, -1]), (2, [2, 1, -1]), (65536, [1, 1, -1])]
)
def test_rebuilds_take_a_cycle_for_every_few_codes(per_cycle, expected):
    coef = np.array([[[1, -2, 3], [0, 4, 0], [0, 0, 0]]], np.int8)
    rows = decomposed(coef, (1, 1, 3, 3), "row").rows(slice(0, 1), per_cycle, keep_dead=False)
    assert rows.need.tolist() == [expected]
