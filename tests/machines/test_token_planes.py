"""Tokens on the grids of SCNN and DCNN: as many rows as the grid has, and zeros behind the last."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_layers import Arrays, conv, linear

import archsim
from archsim.machines.scnn.rule import stored_bytes
from archsim.machines.shared.machine import load_machine
from archsim.machines.shared.tiles import check_tiles
from archsim.machines.shared.token_planes import folded, folded_size

GRIDS = {"scnn": "pe_array", "archs/published/dcnn.yaml": "grid"}
ROWS = 1, 3, 8


def tiles_of(machine, layer, keys, **arrays):
    arch = archsim.load_arch(machine, keys)
    (tiles,) = load_machine(arch).tiles(layer, Arrays(layer, **arrays), arch)
    check_tiles(layer, tiles, samples=1)
    return tiles


@given(tokens=st.integers(1, 200), rows=st.integers(1, 16))
def test_a_plane_of_tokens_is_folded_and_nothing_is_lost(tokens, rows):
    layer = conv(3, 2, (1, tokens), (1, 1))
    height, width = folded_size(layer, rows)
    assert height == min(rows, tokens)
    assert 0 <= height * width - tokens < height
    values = np.arange(1, 3 * tokens + 1).reshape(3, 1, tokens)
    plane = folded(values, (height, width)).reshape(3, -1)
    assert np.array_equal(plane[:, :tokens], values[:, 0])
    assert not plane[:, tokens:].any()


@pytest.mark.parametrize(
    "layer",
    [
        conv(3, 2, (2, 9), (1, 1)),
        conv(3, 2, (1, 9), (1, 3)),
        conv(3, 2, (1, 9), (1, 1), stride=(1, 2)),
        conv(3, 2, (1, 9), (1, 1), padding=(0, 1, 0, 1)),
        linear(9, 4, 7),
    ],
)
def test_what_has_neighbours_or_rows_stays(layer):
    assert folded_size(layer, 8) == layer.in_size


@pytest.mark.parametrize("tokens", [1, 2, 5, 8, 13, 31, 64, 97])
@pytest.mark.parametrize("machine", GRIDS)
def test_tokens_count_as_the_folded_plane_made_by_hand(machine, tokens):
    """Cycles and counts of a plane of grid rows with zeros at its end; products are the tokens'."""
    rng = np.random.default_rng(tokens)
    for rows in ROWS:
        grid = GRIDS[machine]
        keys = {f"{grid}.rows": rows, f"{grid}.columns": int(rng.choice([1, 2, 8]))}
        flat = conv(12, 20, (1, tokens), (1, 1))
        folds = min(rows, tokens)
        size = folds, -(-tokens // folds)
        values = rng.integers(-90, 91, (12, 1, tokens)) * (rng.random((12, 1, tokens)) < 0.6)
        weights = rng.integers(-90, 91, (20, 12, 1, 1)) * (rng.random((20, 12, 1, 1)) < 0.5)
        plane = np.zeros((12, size[0] * size[1]), int)
        plane[:, :tokens] = values[:, 0]
        arrays = {"weight": weights.astype(np.int8), "pruned": weights.astype(np.int8)}
        found = tiles_of(machine, flat, keys, input=values.astype(np.int8), **arrays)
        by_hand = conv(12, 20, size, (1, 1))
        made = tiles_of(
            machine, by_hand, keys, input=plane.reshape(12, *size).astype(np.int8), **arrays
        )
        assert found.compute_cycles == made.compute_cycles
        assert found.macs_done + found.macs_skipped == 12 * 20 * tokens
        if machine == "scnn":
            assert found.macs_done == made.macs_done
            assert found.macs_done == sum(
                np.count_nonzero(values[c]) * np.count_nonzero(weights[:, c]) for c in range(12)
            )
            assert found.moving == made.moving
            assert stored_bytes(
                conv(3, 12, (1, tokens), (1, 1)), values.astype(np.int8),
                archsim.load_arch(machine, keys),
            ) == found.moving["input"]  # fmt: skip


@pytest.mark.parametrize("machine", GRIDS)
def test_folding_keeps_the_grid_at_work(machine):
    """64 tokens on 8 x 8 elements take an eighth of what a line of them would."""
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 90, (64, 64, 1, 1)).astype(np.int8)
    arrays = {"weight": weights, "pruned": weights}
    tokens = rng.integers(1, 90, (64, 1, 64)).astype(np.int8)
    flat = tiles_of(machine, conv(64, 64, (1, 64), (1, 1)), {}, input=tokens, **arrays)
    square = tiles_of(
        machine, conv(64, 64, (8, 8), (1, 1)), {}, input=tokens.reshape(64, 8, 8), **arrays
    )
    assert flat.compute_cycles == square.compute_cycles
