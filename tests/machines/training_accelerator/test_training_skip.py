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
from archsim.machines.training_accelerator.multicast import OperandReads
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


class Tile(NamedTuple):
    """What an array does with a tile: how long it streams, multiplications, the streams that its
    lanes take and the values that it holds; `order` sorts the tiles.
    """

    order: tuple
    length: int
    macs: int
    lanes: list
    held: list


def listed(case, stationary):
    """Every tile in its order, by loops over filters, channels, taps and pixels."""
    phase, live, pixels, groups, array = case
    share = len(live) // groups
    tiles = []
    for group in range(groups):
        filters = range(group * share, (group + 1) * share)
        columns = [(c, t) for c in range(live.shape[1]) for t in range(live.shape[2])]
        if phase == "bp":
            for tap in range(live.shape[2]):
                need = {c: {k for k in filters if live[k, c, tap]} for c in range(live.shape[1])}
                tiles += product(stationary, need, (group, tap), pixels, array)
            continue
        need = {k: {one for one in columns if live[k][one]} for k in filters}
        if phase == "ff":
            tiles += product(stationary, need, (group, 0), pixels, array)
        else:
            tiles += gradient(stationary, need, group, pixels, array)
    return sorted(tiles, key=lambda tile: tile.order)


def product(stationary, need, place, pixels, array):
    """`need` maps a row of the left operand to the depth positions where it is live; the right
    operand is the same for all taps of a group.
    """
    group, tap = place
    rows = list(need)
    tiles = []
    if stationary == "W":
        for number, block in enumerate(chunks(rows, array.rows)):
            depth = sorted(set().union(*(need[row] for row in block)))
            tiles += [
                Tile(
                    (group, packed[0], tap, number),
                    pixels,
                    len(block) * len(packed) * pixels,
                    [(group, d) for d in packed],
                    [(place, row, d) for row in block for d in packed],
                )
                for packed in chunks(depth, array.columns)
            ]
    else:
        depth = sorted(set().union(*need.values()))
        tiles += [
            Tile(
                (group, tap, packed[0], part[0]),
                len(rows),
                len(packed) * len(part) * len(rows),
                [(place, d) for d in packed],
                [(group, d, pixel) for d in packed for pixel in part],
            )
            for packed in chunks(depth, array.columns)
            for part in chunks(range(pixels), array.rows)
        ]
    return tiles


def gradient(stationary, need, group, pixels, array):
    """Blocks that want the same come after each other; a stream is a pixel of what they want."""
    if stationary == "W":
        blocks = chunks(list(need), array.rows)
        wanted = [sorted(set().union(*(need[k] for k in block))) for block in blocks]
    else:
        blocks = chunks(sorted(set().union(*need.values())), array.rows)
        wanted = [[k for k in need if need[k] & {*block}] for block in blocks]
    return [
        Tile(
            (group, wanted.index(wants), part[0], number),
            len(wants),
            len(block) * len(part) * len(wants),
            [(group, pixel, tuple(wants)) for pixel in part],
            [(group, one, pixel) for one in block for pixel in part],
        )
        for number, (block, wants) in enumerate(zip(blocks, wanted, strict=True))
        for part in chunks(range(pixels), array.columns)
        if wants
    ]


def walked(tiles, array):
    """Cycles, multiplications and values read: of each wave, those that differ, or each array's."""
    cycles = streamed = held = 0
    collect = set if array.multicast else list
    for wave in chunks(tiles, array.arrays):
        cycles += max(tile.length for tile in wave) + array.rows
        lanes = collect((lane, tile.length) for tile in wave for lane in tile.lanes)
        streamed += sum(length for _, length in lanes)
        held += len(collect(value for tile in wave for value in tile.held))
    return cycles, sum(tile.macs for tile in tiles), OperandReads(streamed, held)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 7), st.integers(1, 3)),
    groups=st.integers(1, 3),
    density=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    array=st.builds(
        TrainingArray,
        st.integers(1, 5) | st.integers(6, 40),
        st.integers(1, 4),
        st.integers(1, 4),
        st.booleans(),
    ),
)
def test_cycles_multiplications_and_reads_are_those_of_the_listed_tiles(
    seed, shape, groups, density, array
):
    rng = np.random.default_rng(seed)
    pixels = int(rng.integers(1, 21))
    live = rng.random((shape[0] * groups, shape[1], shape[2])) < density
    for phase in DENSE:
        found = skipping_cycles(phase, live, pixels, groups, array)
        case = Case(phase, live, pixels, groups, array)
        walks = {stationary: walked(listed(case, stationary), array) for stationary in "WX"}
        assert found.cycles == min(cycles for cycles, _, _ in walks.values())
        if live.any():
            assert (found.cycles, found.macs, found.reads) == walks[found.stationary]
        slots = found.cycles * array.multipliers
        assert found.busy + sum(found.lost.values()) == slots


@settings(max_examples=60)
@given(
    layer=st.builds(
        TrainingLayer,
        st.sampled_from([6, 12, 24]), st.integers(1, 9), st.sampled_from([(1, 1), (3, 3)]),
        st.sampled_from([(1, 1), (5, 7)]), st.integers(1, 4), st.sampled_from([1, 2, 6]),
    ),
    array=st.builds(TrainingArray, st.integers(1, 70), multicast=st.booleans()),
)  # fmt: skip
def test_with_all_rows_live_nothing_changes(layer, array):
    live = np.ones((layer.out_channels, layer.in_channels, layer.taps), bool)
    for phase, product_of in DENSE.items():
        usual = gemm_cycles(product_of(layer), array)
        found = skipping_cycles(phase, live, layer.pixels, layer.groups, array)
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
