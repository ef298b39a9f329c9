"""Booth digits and set bits against the value itself and numbers written out by hand."""

import numpy as np
import pytest

from archsim.formats.digits import booth_digits, count_table, counts


@pytest.mark.parametrize("value", range(-128, 256))
def test_booth_digits_are_the_value(value):
    digits = booth_digits(value)
    assert sum(digit * 4**place for place, digit in enumerate(digits)) == value
    assert all(-2 <= digit <= 2 for digit in digits)
    assert value > 127 or digits[4] == 0


def test_known_counts():
    known = {0: 0, 1: 1, 2: 2, 3: 2, 5: 2, 64: 1, 127: 2, 85: 4, -1: 1, -128: 1, 7: 2, 15: 2}
    values = np.array(list(known), np.int8)
    assert counts(values, "booth").tolist() == list(known.values())
    assert counts(values, "bits").tolist() == [abs(value).bit_count() for value in known]
    assert counts(np.array([[255, 128], [0, 85]], np.uint8), "booth").tolist() == [[2, 2], [0, 4]]


def test_a_byte_means_another_value_when_it_is_signed():
    assert count_table("bits", signed=True)[0xFF] == 1
    assert count_table("bits", signed=False)[0xFF] == 8
    assert count_table("booth", signed=False)[0xFF] == 2
