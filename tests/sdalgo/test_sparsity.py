"""Structured sparsity: who is dropped, that masks are shared, and that they survive."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdalgo import decompose, preset, sparsity


def drawn(shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)


@given(
    shape=st.sampled_from([(70, 5, 3, 3), (10, 20), (33, 17, 1, 1), (8, 1, 3, 3)]),
    ratio=st.floats(0, 1),
)
def test_each_group_loses_its_weakest_vectors(shape, ratio):
    weight = drawn(shape)
    live = sparsity.row_mask_by_ratio(weight, ratio)
    rows = live.shape[1]
    scores = sparsity.row_scores(weight)
    for group, start in enumerate(range(0, shape[0], 32)):
        block = live[start : start + 32]
        assert (block == block[0]).all()
        dropped = ~block[0]
        assert dropped.sum() == math.ceil(ratio * rows - 1e-9)
        if dropped.any() and block[0].any():
            assert scores[group][dropped].max() <= scores[group][block[0]].min()


@pytest.mark.parametrize("shape", [(40, 6, 3, 3), (40, 20, 1, 1), (12, 31)])
@pytest.mark.parametrize("name", ["as_released", "as_released_double", "as_paper", "best"])
def test_dead_vectors_survive_decomposition(shape, name):
    weight = drawn(shape)
    live = sparsity.row_mask_by_ratio(weight, 0.5)
    found = decompose(sparsity.apply_row_mask(weight, live), preset(name))
    rows = found.coef.reshape(len(weight), -1, found.coef.shape[-1])
    assert not rows[~live].any()
    assert (rows[live].any(axis=1)).mean() > 0.95


def test_scores_by_hand():
    weight = np.float32([[[[1, -1], [0, 3]]], [[[2, 0], [0, 0]]]])
    np.testing.assert_array_equal(sparsity.row_scores(weight), [[4, 3]])
    np.testing.assert_array_equal(sparsity.row_scores(weight, group=1), [[2, 3], [2, 0]])
    assert sparsity.row_mask_by_ratio(weight, 0.5).tolist() == [[True, False], [True, False]]


def test_channels_go_by_their_scale():
    live = sparsity.channels_by_scale(np.float32([0.5, -0.1, 0.2, -2.0]), 0.5)
    assert live.tolist() == [True, False, False, True]


def test_unstructured_pruning_keeps_the_largest():
    weight = drawn((10, 10))
    pruned = sparsity.magnitude_pruned(weight, 0.3)
    assert np.count_nonzero(pruned) == 30
    assert np.abs(weight[pruned == 0]).max() <= np.abs(pruned[pruned != 0]).min()
