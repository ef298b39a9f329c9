"""Bits of SmartDeal's weights: optimal codes by enumeration, totals by hand."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.machines.smartdeal.coefficients import decomposed
from archsim.machines.smartdeal.weight_bits import huffman_lengths, weight_bits

ROW_SCALE = 16


def best_total(counts):
    """Least bits of any prefix code, over all lengths that satisfy Kraft's inequality."""
    if len(counts) == 1:
        return counts[0]
    legal = (
        lengths
        for lengths in product(range(1, len(counts)), repeat=len(counts))
        if sum(Fraction(1, 2**length) for length in lengths) <= 1
    )
    return min(
        sum(n * length for n, length in zip(counts, lengths, strict=True)) for lengths in legal
    )


@settings(max_examples=120, derandomize=True, deadline=None, database=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 3))
def test_code_lengths_are_optimal_and_decodable(counts, gaps):
    """Against every prefix code of up to five symbols; unused symbols between them get no code."""
    frequencies = np.zeros(1 + len(counts) * (gaps + 1), np.int64)
    frequencies[1 :: gaps + 1][: len(counts)] = counts
    lengths = huffman_lengths(frequencies)
    assert (lengths > 0).tolist() == (frequencies > 0).tolist()
    assert int(lengths @ frequencies) == best_total(counts)
    kraft = sum(Fraction(1, 2 ** int(length)) for length in lengths[lengths > 0])
    assert kraft == (1 if len(counts) > 1 else Fraction(1, 2))


def test_fibonacci_counts_give_the_longest_codes():
    """1 1 2 3 5 8 13 21: each code is a bit longer than the one before."""
    lengths = huffman_lengths(np.array([21, 13, 8, 5, 3, 2, 1, 1]))
    assert lengths.tolist() == [1, 2, 3, 4, 5, 6, 7, 7]


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


@pytest.mark.parametrize(
    ("per_cycle", "expected"), [(1, [3, 1, -1]), (2, [2, 1, -1]), (65536, [1, 1, -1])]
)
def test_rebuilds_take_a_cycle_for_every_few_codes(per_cycle, expected):
    coef = np.array([[[1, -2, 3], [0, 4, 0], [0, 0, 0]]], np.int8)
    rows = decomposed(coef, (1, 1, 3, 3), "row").rows(slice(0, 1), per_cycle, keep_dead=False)
    assert rows.need.tolist() == [expected]
