"""Bit, digit and vector sparsity against tables written out by hand."""

import numpy as np
import pytest

from sdalgo.activity import activity, weighted


def test_shares_by_hand():
    values = np.zeros((2, 2, 10), np.int8)
    values[0, 0, 0] = 1  # one bit, one digit
    values[0, 0, 9] = -1  # eight bits as a byte, one as a magnitude, one digit
    found = activity(values)
    assert found.elements == 40
    assert found.values == pytest.approx(38 / 40)
    assert found.bits == pytest.approx(1 - 9 / 320)
    assert found.magnitude_bits == pytest.approx(1 - 2 / 320)
    assert found.booth == pytest.approx(1 - 2 / 160)
    assert found.rows == pytest.approx(3 / 4)
    assert found.segments == pytest.approx(6 / 8)  # a row of ten has a tail segment
    assert found.channels == pytest.approx(1 / 2)


def test_vectors_of_a_linear_layer_are_its_values():
    found = activity(np.int8([0, 5, 0, 0]))
    assert found.rows == found.segments == found.values == 0.75


def test_means_weigh_layers_by_elements_or_by_what_is_given():
    found = {"a": activity(np.int8([0, 0, 0])), "b": activity(np.int8([1]))}
    assert weighted(found)["values"] == 0.75
    assert weighted(found, {"a": 1, "b": 3})["values"] == 0.25
