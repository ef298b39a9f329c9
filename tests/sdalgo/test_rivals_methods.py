"""Rivals against brute force on small arrays, and their sizes against counts made here."""

import heapq
import itertools
import math
from collections import Counter

import numpy as np
import pytest

from sdalgo.rivals.blocks import BLOCK, block_means, pruned_blocks
from sdalgo.rivals.coded import stream_bits
from sdalgo.rivals.methods import METHODS, points
from sdalgo.rivals.powers import powers
from sdalgo.rivals.shared_values import shared_values
from sdalgo.rivals.uniform import uniform


def drawn(shape, seed=0, spread=0.1):
    return np.random.default_rng(seed).normal(0, spread, shape).astype(np.float32)


def huffman(symbols):
    """Bits of a stream, by merging weights: each merge costs what it merges."""
    heap = list(Counter(symbols).values())
    heapq.heapify(heap)
    if len(heap) == 1:
        return heap[0]
    total = 0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both
        heapq.heappush(heap, both)
    return total


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_takes_what_merging_says(seed):
    codes = np.random.default_rng(seed).geometric(0.3, 200).astype(np.int16)
    table = 5 * len(set(codes.tolist()))
    assert stream_bits(codes) == huffman(codes.tolist()) + table
    assert stream_bits(np.zeros(7, np.int16)) == 7 + 5


@pytest.mark.parametrize("bits", range(2, 9))
def test_a_uniform_grid_takes_the_nearest_of_all_its_values(bits):
    weight = drawn((5, 13), bits)
    made = uniform(weight, 2**bits - 1)
    most = 2 ** (bits - 1) - 1
    for row, scale, rebuilt in zip(weight, made.scale, made.rebuild(), strict=True):
        grid = [scale * place for place in range(-most, most + 1)]
        for value, found in zip(row, rebuilt, strict=True):
            least = min(abs(float(value) - float(each)) for each in grid)
            assert abs(float(value) - float(found)) == pytest.approx(least, abs=1e-9)
    assert made.huffman_bits() == (
        huffman(made.codes.ravel().tolist()) + 5 * len(np.unique(made.codes)) + 16 * 5
    )
    assert made.fixed_bits() <= bits * weight.size + 16 * 5


@pytest.mark.parametrize("bits", [2, 3, 4, 5])
@pytest.mark.parametrize("spread", [0.02, 0.1, 3.0])
def test_powers_are_the_nearest_of_the_grid_that_inq_prints(bits, spread):
    weight = drawn((4, 3, 3, 3), bits, spread)
    made = powers(weight, bits)
    largest = float(np.abs(weight.astype(float)).max())
    first = math.floor(math.log2(4 * largest / 3))
    last = first + 1 - 2 ** (bits - 1) // 2
    sizes = [2.0**n for n in range(last, first + 1)]
    assert 2 * len(sizes) == 2 ** (bits - 1)  # b - 1 bits beside the one that says zero
    grid = [0.0, *sizes, *(-s for s in sizes)]
    for value, found in zip(weight.ravel().tolist(), made.rebuild().ravel().tolist(), strict=True):
        assert found in grid
        assert abs(value - found) == min(abs(value - each) for each in grid)
    assert made.fixed_bits() == bits * weight.size + 8
    symbols = made.rebuild().ravel().tolist()
    assert made.huffman_bits() == huffman(symbols) + 5 * len(set(symbols)) + 8


def test_a_power_at_its_threshold_goes_up_as_inq_says():
    # Midpoints 0.25, 0.75 of 0, 0.5, 1: (alpha + beta) / 2 <= |w| < 3 beta / 2.
    weight = np.float32([[0.25, 0.2499, -0.75, 0.7499, 1.4, -0.25]])
    np.testing.assert_array_equal(powers(weight, 3).rebuild(), [[0.5, 0, -1, 0.5, 1, -0.5]])
    assert not powers(np.zeros((2, 3), np.float32), 4).rebuild().any()


def lloyd(values, count):
    """k-means from evenly spaced values, each step by looking at every pair."""
    book = np.linspace(values.min(), values.max(), count)
    before = None
    while True:
        near = [int(np.argmin(np.abs(book - value))) for value in values]
        if near == before:
            return book, near
        before = near
        for place in range(count):
            own = [v for v, n in zip(values, near, strict=True) if n == place]
            if own:
                book[place] = np.mean(own)


@pytest.mark.parametrize(("shape", "count"), [((4, 9), 4), ((3, 2, 3, 3), 8), ((2, 5), 16)])
def test_shared_values_are_those_of_lloyd_by_brute_force(shape, count):
    weight = drawn(shape, count)
    made = shared_values(weight, count)
    book, near = lloyd(weight.ravel().astype(float), count)
    held = np.sort(made.values.astype(float))
    assert all(np.abs(held - value).min() <= abs(value) / 256 for value in book)
    # The stored book is bfloat16; each weight has the nearest entry of that.
    for value, found in zip(weight.ravel(), made.rebuild().ravel(), strict=True):
        assert abs(float(value) - float(found)) == np.abs(held - float(value)).min()
    symbols = made.codes.tolist()
    used = len(set(symbols))
    assert used <= len(set(near)) + 1
    assert made.huffman_bits() == huffman(symbols) + (5 + 16) * used


def test_no_split_of_a_line_in_two_beats_two_shared_values_by_much():
    weight = drawn((1, 12), 3)
    line = np.sort(weight.ravel().astype(float))
    best = min(
        ((part - part.mean()) ** 2).sum() + ((rest - rest.mean()) ** 2).sum()
        for part, rest in ((line[:cut], line[cut:]) for cut in range(1, 12))
    )
    wrong = ((weight - shared_values(weight, 2).rebuild().astype(float)) ** 2).sum()
    assert best - 1e-9 <= wrong <= 1.3 * best  # Lloyd ends in a local minimum, on a bfloat16 book


def test_a_weight_of_one_value_needs_one_entry():
    made = shared_values(np.full((3, 4), 0.25, np.float32), 8)
    assert (made.values.tolist(), made.huffman_bits()) == ([0.25], 12 + 5 + 16)


@pytest.mark.parametrize(("shape", "density"), [((40, 3, 3, 3), 0.5), ((16, 8), 0.3), ((5, 7), 1)])
def test_the_blocks_of_least_mean_magnitude_go(shape, density):
    weight = drawn(shape, 5)
    made = pruned_blocks(weight, density)
    flat = weight.reshape(len(weight), -1).astype(float)
    means = {}
    for block, column in itertools.product(range(-(-len(flat) // BLOCK)), range(flat.shape[1])):
        held = [
            abs(flat[k, column]) for k in range(block * BLOCK, min(len(flat), (block + 1) * BLOCK))
        ]
        means[block, column] = sum(held) / len(held)
    np.testing.assert_allclose(
        block_means(weight.reshape(len(weight), -1)).ravel(), list(means.values())
    )
    kept = set(sorted(means, key=means.get, reverse=True)[: max(1, round(density * len(means)))])
    assert {tuple(map(int, at)) for at in np.argwhere(made.kept)} == kept
    rebuilt = made.rebuild().reshape(flat.shape)
    symbols = []
    for (k, column), value in np.ndenumerate(rebuilt):
        if (k // BLOCK, column) in kept:
            assert abs(value - flat[k, column]) <= np.abs(flat[k]).max() / 127
            symbols.append(int(made.coded.codes[k, column]))
        else:
            assert value == 0
    index = 1 if density == 1 else 1 + len(means)
    expected = huffman(symbols) + 5 * len(set(symbols)) + index + 16 * len(flat)
    assert made.huffman_bits() == expected


def test_a_layer_of_one_input_a_filter_stays_whole():
    assert pruned_blocks(drawn((32, 1, 3, 3)), 0.2).kept.all()


def test_points_have_names_of_their_own():
    found = points()
    assert {point.method for point in found} == set(METHODS)
    named = [(name, point.setting) for point in found for name in point.rows]
    assert len(named) == len(set(named))
