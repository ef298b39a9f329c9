"""Products without dead rows, against tiles listed one by one from the weights that are live."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.machines.training_accelerator.gemm import (
    TrainingArray,
    TrainingLayer,
    backward,
    forward,
    gemm_cycles,
    weight_gradient,
)
from archsim.machines.training_accelerator.skip import live_weights, skipping_cycles

DENSE = {"ff": forward, "bp": backward, "wg": weight_gradient}


def chunks(items, size):
    return [items[first : first + size] for first in range(0, len(items), size)]


class Case(NamedTuple):
    phase: str
    live: np.ndarray
    pixels: int
    groups: int
    array: TrainingArray


def listed(case, stationary):
    """(length, multiplications) of every tile, by loops over filters, channels, taps and pixels."""
    phase, live, pixels, groups, array = case
    share = len(live) // groups
    tiles = []
    for group in range(groups):
        filters = range(group * share, (group + 1) * share)
        columns = [(c, t) for c in range(live.shape[1]) for t in range(live.shape[2])]
        if phase == "bp":
            for tap in range(live.shape[2]):
                need = {c: {k for k in filters if live[k, c, tap]} for c in range(live.shape[1])}
                tiles += product(stationary, need, pixels, array)
            continue
        need = {k: {one for one in columns if live[k][one]} for k in filters}
        if phase == "ff":
            tiles += product(stationary, need, pixels, array)
        else:
            tiles += gradient(stationary, need, pixels, array)
    return tiles


def product(stationary, need, pixels, array):
    """`need` maps a row of the left operand to the depth positions where it is live."""
    rows = list(need)
    tiles = []
    if stationary == "W":
        for block in chunks(rows, array.rows):
            depth = sorted(set().union(*(need[row] for row in block)))
            tiles += [
                (pixels, len(block) * len(packed) * pixels)
                for packed in chunks(depth, array.columns)
            ]
    else:
        depth = sorted(set().union(*need.values()))
        tiles += [
            (len(rows), len(packed) * len(part) * len(rows))
            for packed in chunks(depth, array.columns)
            for part in chunks(range(pixels), array.rows)
        ]
    return tiles


def gradient(stationary, need, pixels, array):
    tiles = []
    if stationary == "W":
        for block in chunks(list(need), array.rows):
            wanted = set().union(*(need[k] for k in block))
            tiles += [
                (len(wanted), len(block) * len(part) * len(wanted))
                for part in chunks(range(pixels), array.columns)
                if wanted
            ]
    else:
        for block in chunks(sorted(set().union(*need.values())), array.rows):
            wanted = [k for k in need if need[k] & {*block}]
            tiles += [
                (len(wanted), len(block) * len(part) * len(wanted))
                for part in chunks(range(pixels), array.columns)
            ]
    return tiles


def walked(tiles, array):
    rounds = chunks(tiles, array.arrays)
    cycles = sum(max(length for length, _ in one) + array.rows for one in rounds)
    return cycles, sum(macs for _, macs in tiles)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 7), st.integers(1, 3)),
    groups=st.integers(1, 3),
    density=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    array=st.builds(TrainingArray, st.integers(1, 5), st.integers(1, 4), st.integers(1, 4)),
)
def test_cycles_and_multiplications_are_those_of_the_listed_tiles(
    seed, shape, groups, density, array
):
    rng = np.random.default_rng(seed)
    pixels = int(rng.integers(1, 21))
    live = rng.random((shape[0] * groups, shape[1], shape[2])) < density
    for phase in DENSE:
        found = skipping_cycles(phase, live, pixels, groups, array)
        case = Case(phase, live, pixels, groups, array)
        walks = {stationary: walked(listed(case, stationary), array) for stationary in "WX"}
        assert found.cycles == min(cycles for cycles, _ in walks.values())
        if live.any():
            assert (found.cycles, found.macs) == walks[found.stationary]
        slots = found.cycles * array.multipliers
        assert found.busy + sum(found.lost.values()) == slots


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    layer=st.builds(
        TrainingLayer,
        st.sampled_from([6, 12, 24]), st.integers(1, 9), st.sampled_from([(1, 1), (3, 3)]),
        st.sampled_from([(1, 1), (5, 7)]), st.integers(1, 4), st.sampled_from([1, 2, 6]),
    )
)  # fmt: skip
def test_with_all_rows_live_nothing_changes(layer):
    live = np.ones((layer.out_channels, layer.in_channels, layer.taps), bool)
    for phase, product_of in DENSE.items():
        usual = gemm_cycles(product_of(layer), TrainingArray())
        found = skipping_cycles(phase, live, layer.pixels, layer.groups, TrainingArray())
        assert found == usual


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_weight_is_live_with_its_row(kernel):
    rng = np.random.default_rng(2)
    channels, rows = 8, (5, 8, 3) if kernel == 3 else (5, 3)
    mask = (rng.random((*rows, 3)) < 0.2).astype(np.int8)
    live = live_weights(mask, (5, channels, kernel, kernel))
    assert live.shape == (5, channels, kernel**2)
    for k in range(5):
        for c in range(channels):
            for tap in range(kernel**2):
                row = mask[k, c, tap // 3] if kernel == 3 else mask[k, c // 3]
                assert live[k, c, tap] == row.any()
