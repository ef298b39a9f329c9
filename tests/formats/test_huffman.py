"""Huffman's code lengths against every prefix code of a few symbols, and counts by hand."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.formats.huffman import CHUNK, code_lengths, mean_length, symbol_counts


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


@settings(max_examples=50)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 3))
def test_code_lengths_are_optimal_and_decodable(counts, gaps):
    """Against every prefix code of up to five symbols; unused symbols between them get no code."""
    frequencies = np.zeros(1 + len(counts) * (gaps + 1), np.int64)
    frequencies[1 :: gaps + 1][: len(counts)] = counts
    lengths = code_lengths(frequencies)
    assert (lengths > 0).tolist() == (frequencies > 0).tolist()
    assert int(lengths @ frequencies) == best_total(counts)
    kraft = sum(Fraction(1, 2 ** int(length)) for length in lengths[lengths > 0])
    assert kraft == (1 if len(counts) > 1 else Fraction(1, 2))


def test_fibonacci_counts_give_the_longest_codes():
    """1 1 2 3 5 8 13 21: each code is a bit longer than the one before."""
    lengths = code_lengths(np.array([21, 13, 8, 5, 3, 2, 1, 1]))
    assert lengths.tolist() == [1, 2, 3, 4, 5, 6, 7, 7]


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=40))
def test_lengths_are_within_a_bit_of_the_entropy_and_a_full_code(counts):
    lengths = code_lengths(np.array(counts))
    assert sum(2.0**-length for length in lengths.tolist()) == 1
    share = np.array(counts) / sum(counts)
    entropy = -(share * np.log2(share)).sum()
    assert entropy - 1e-9 <= share @ lengths < entropy + 1


@pytest.mark.parametrize("each", [5, CHUNK // 2, CHUNK + 3])
def test_codes_are_counted_in_each_filter_by_their_bytes(each):
    codes = np.random.default_rng(0).integers(-128, 128, (3, each)).astype(np.int8)
    found = symbol_counts(codes)
    for one, counts in zip(codes, found, strict=True):
        for symbol in (-128, -1, 0, 1, 127):
            assert counts[symbol % 256] == (one == symbol).sum()
        assert counts.sum() == each


def test_mean_length_by_hand():
    """Counts 3, 2, 1 take 1, 2 and 2 bits."""
    assert mean_length(np.array([1, 1, 1, -2, -2, 3], np.int8)) == (3 + 4 + 2) / 6
    assert mean_length(np.zeros(0, np.int8)) == 0
