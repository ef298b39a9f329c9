"""Rounding to powers of two and the codes of a coefficient, against plain arithmetic."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdalgo.pow2 import decode, encode, round_to_pow2


@given(st.floats(min_value=2.0**-100, max_value=2.0**100, width=32))
def test_the_nearest_power_is_found_and_ties_go_down(value):
    low = 2.0 ** math.floor(math.log2(value))
    expected = low if value - low <= 2 * low - value else 2 * low
    assert round_to_pow2(np.float32([value]))[0] == expected
    assert round_to_pow2(np.float32([-value]))[0] == -expected


def test_known_values():
    values = np.float32([0, 1.5, 1.5000001, 3, -0.75, -0.7500001, 100, 1e-40])
    expected = [0, 1, 2, 2, -0.5, -1, 128, 0]
    np.testing.assert_array_equal(round_to_pow2(values), expected)
    np.testing.assert_array_equal(round_to_pow2(values, 32.0)[-2:], [32, 0])


@given(st.lists(st.tuples(st.sampled_from((-1, 0, 1)), st.integers(-25, 20)), min_size=1))
def test_codes_come_back_as_the_same_powers(entries):
    values = np.float32([sign * 2.0**power for sign, power in entries])
    codes, p_min = encode(values)
    np.testing.assert_array_equal(decode(codes, p_min), values)


def test_codes_by_hand():
    codes, p_min = encode(np.float32([0.25, -1, 0, 2]))
    assert p_min == -2
    assert codes.tolist() == [1, -3, 0, 4]
    assert codes.dtype == np.int8
