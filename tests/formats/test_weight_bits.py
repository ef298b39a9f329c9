"""Bits of SmartDeal's weights by hand."""

import numpy as np
import pytest

from archsim.formats.errors import InputError
from archsim.formats.weight_bits import weight_bits

ROW_SCALE = 16


def test_rows_by_hand():
    """Two filters of three rows of two codes; dead rows cost their index bit alone.

    Live codes: 5 5 | 5 0 | 5 -2, so 5 (4 times) has 1 bit, 0 and -2 have 2 bits.
    """
    coef = np.array([[[5, 5], [0, 0], [5, 0]], [[0, 0], [5, -2], [0, 0]]], np.int8)
    bits = weight_bits(coef, (2, 1, 2, 3), "row")
    assert bits.codes.tolist() == [1 + 1 + 1 + 2, 1 + 2]
    assert bits.basis.tolist() == [2 * 3 * 8 + ROW_SCALE] * 2
    assert (bits.index.tolist(), bits.table) == ([3, 3], 3 * 5)
    assert bits.index_bytes == 1
    assert bits.weight_bytes == -(-(5 + 3 + 2 * 64 + 15) // 8)


def test_elements_by_hand():
    """One bit a code; Huffman over 5 (4 times) and -2, a bit each."""
    coef = np.array([[[5, 5], [0, 0], [5, 0]], [[0, 0], [5, -2], [0, 0]]], np.int8)
    bits = weight_bits(coef, (2, 1, 2, 3), "element")
    assert bits.codes.tolist() == [3, 2]
    assert (bits.index.tolist(), bits.table) == ([6, 6], 2 * 5)


@pytest.mark.parametrize("granularity", ["row", "element"])
def test_a_lone_symbol_takes_one_bit(granularity):
    bits = weight_bits(np.full((3, 4, 3), 2, np.int8), (3, 1, 3, 3), granularity)
    assert bits.codes.tolist() == [12] * 3
    assert bits.table == 5


@pytest.mark.parametrize("granularity", ["row", "element"])
def test_an_empty_layer_takes_its_index_alone(granularity):
    bits = weight_bits(np.zeros((2, 9, 3), np.int8), (2, 3, 3, 3), granularity)
    assert bits.weight_bytes == 0
    assert bits.index_bytes == -(-2 * 9 * (1 if granularity == "row" else 3) // 8)


def test_only_slices_with_a_live_row_carry_a_basis():
    """Seven rows in three slices of ceil(7 / 3) = 3, 3 and 1 rows."""
    coef = np.zeros((4, 7, 3), np.int8)
    coef[0, 0, 1] = coef[0, 2, 1] = 1  # slice 0
    coef[1, 3, 0] = coef[1, 6, 0] = 1  # slices 1 and 2
    coef[2, :, 0] = 1
    per_slice = 3 * 3 * 8 + ROW_SCALE
    bits = weight_bits(coef, (4, 3, 3, 3), "row")
    assert bits.basis.tolist() == [per_slice, 2 * per_slice, 3 * per_slice, 0]


def test_the_code_minus_127_is_a_symbol_like_others():
    coef = np.array([[[-127, 127, 1]]], np.int8)
    bits = weight_bits(coef, (1, 1, 3, 3), "row")
    assert bits.codes.tolist() == [5]
    assert bits.table == 15


def test_a_basis_of_float32_has_no_scale_and_the_parts_add_up():
    coef = np.array([[[5, 5], [0, 0], [5, 0]], [[0, 0], [5, -2], [0, 0]]], np.int8)
    bits = weight_bits(coef, (2, 1, 2, 3), "element", 32)
    assert bits.parts == {"index": 12, "codes": 5, "table": 10, "basis": 2 * 2 * 3 * 32}
    assert bits.total == sum(bits.parts.values())
    assert weight_bits(coef, (2, 1, 2, 3), "element", 16).parts["basis"] == 2 * (6 * 16 + ROW_SCALE)


def test_another_form_is_refused():
    with pytest.raises(InputError, match="'bit' is neither row nor element"):
        weight_bits(np.zeros((1, 1, 3), np.int8), (1, 1, 3, 3), "bit")
