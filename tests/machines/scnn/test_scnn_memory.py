"""SCNN's run-length format against an encoder, block by block."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_layers import small_cases

from archsim.machines.scnn.memory import stored_activations, stored_weights
from archsim.machines.scnn.tiling import ScnnArray
from archsim.machines.shared.run_length import SCNN_SPAN, stored_entries


def encode(values):
    """(zeros before, value) pairs with runs of at most 15, trailing zeros left out."""
    pairs, run = [], 0
    for value in values:
        if value:
            pairs.append((run, value))
            run = 0
        elif run == 15:
            pairs.append((15, 0))
            run = 0
        else:
            run += 1
    while pairs and pairs[-1][1] == 0:
        pairs.pop()
    return pairs


def decode(pairs, size):
    values = [value for run, value in pairs for value in [0] * run + [value]]
    return values + [0] * (size - len(values))


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(0, 300),
    density=st.sampled_from([0, 0.02, 0.2, 1]),
)
def test_entries_are_the_pairs_of_the_encoder(seed, size, density):
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 9, size) * (rng.random(size) < density)
    pairs = encode(values.tolist())
    assert decode(pairs, size) == values.tolist()
    assert stored_entries(values[None] != 0, SCNN_SPAN).tolist() == [len(pairs)]


@settings(max_examples=50)
@given(case=small_cases(max_filters=20), filters=st.integers(1, 9))
def test_weights_are_stored_by_filter_group_and_channel(case, filters):
    K, each = case.weights.shape[:2]
    per_group = K // case.geometry.groups
    expected = []
    for g in range(case.geometry.groups):
        for first in range(g * per_group, (g + 1) * per_group, filters):
            last = min(first + filters, (g + 1) * per_group)
            blocks = [
                [
                    case.weights[k, c, r, s]
                    for r, s in np.ndindex(case.kernel)
                    for k in range(first, last)
                ]
                for c in range(each)
            ]
            expected.append(sum(len(encode(block)) for block in blocks))
    assert stored_weights(case.weights != 0, case.geometry, filters).tolist() == expected


@settings(max_examples=50)
@given(case=small_cases(), rows=st.integers(1, 4), columns=st.integers(1, 4), wide=st.booleans())
def test_activations_are_stored_by_tile_and_channel(case, rows, columns, wide):
    inputs = np.tile(case.activations, (1, 5, 5)) if wide else case.activations
    C, H, W = inputs.shape
    tile = -(-H // rows), -(-W // columns)
    expected = []
    for i, j in np.ndindex(rows, columns):
        part = inputs[:, i * tile[0] : (i + 1) * tile[0], j * tile[1] : (j + 1) * tile[1]]
        expected.append(sum(len(encode(part[c].reshape(-1).tolist())) for c in range(C)))
    array = ScnnArray(rows=rows, columns=columns)
    assert stored_activations(inputs != 0, tile, array).tolist() == expected
