"""The training accelerator's phases: its table, and a walk over tiles and arrays."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.machines.training_accelerator.exponent_codes import coded_size
from archsim.machines.training_accelerator.gemm import (
    NO_WORK,
    Gemms,
    TrainingArray,
    TrainingLayer,
    backward,
    forward,
    gemm_cycles,
    operand_reads,
    weight_gradient,
)
from archsim.machines.training_accelerator.multicast import OperandReads, waves_of_runs
from archsim.machines.training_accelerator.traffic import Results, result_blocks

TABLE = [
    (TrainingLayer(64, 3, (3, 3), (32, 32), 8), "30464X - 30464X", 14_155_776),
    (TrainingLayer(64, 64, (3, 3), (32, 32), 8), "590112W 590112W 593920W", 301_989_888),
    (TrainingLayer(128, 64, (3, 3), (16, 16), 8), "295488W 295488W 296960W", 150_994_944),
    (TrainingLayer(96, 50, (1, 1), (7, 7), 3), "1510W 1510W 1512W", 705_600),
    (TrainingLayer(10, 512, (1, 1), (1, 1), 8), "112X 144W 112X", 40_960),
]


@pytest.mark.parametrize(("layer", "expected", "macs"), TABLE)
def test_table(layer, expected, macs):
    phases = [
        gemm_cycles(phase(layer), TrainingArray()) for phase in (forward, backward, weight_gradient)
    ]
    for phase, text in zip(phases, expected.split(), strict=True):
        if text != "-":  # the first layer has no backward pass
            assert f"{phase.cycles}{phase.stationary}" == text
        assert phase.macs == phase.busy == macs
        assert phase.busy + sum(phase.lost.values()) == phase.cycles * 512


class Tile(NamedTuple):
    """The depth and the other side of the still operand that an array holds, and for which product
    of which group.
    """

    group: int
    product: int
    depth: tuple
    side: tuple


def tiles_of(gemms, array, stationary):
    """Those that take one stream after the other: of the right operand, all products of a group
    have the same.
    """
    tall = gemms.m if stationary == "W" else gemms.n
    tiles = [
        Tile(number // gemms.alike, number, tuple(depth), tuple(side))
        for number in range(gemms.count)
        for depth in chunks(range(gemms.depth), array.columns)
        for side in chunks(range(tall), array.rows)
    ]
    if stationary == "W":
        tiles.sort(key=lambda tile: (tile.group, tile.depth))
    return tiles


def chunks(items, size):
    return [items[first : first + size] for first in range(0, len(items), size)]


def walk(gemms, array, stationary):
    """Deal the still operand's tiles to the arrays in rounds; stream the other past each. Values
    read: of each round, those that differ, or those of each array.
    """
    left = stationary == "W"
    moving = gemms.n if left else gemms.m
    cycles = macs = streamed = held = 0
    for wave in chunks(tiles_of(gemms, array, stationary), array.arrays):
        cycles += moving + array.rows
        lanes, values = [], []
        for tile in wave:
            macs += len(tile.depth) * len(tile.side) * moving
            # The left operand is each product's own, the right one its group's.
            streams, holds = (tile.group, tile.product) if left else (tile.product, tile.group)
            lanes += [(streams, d) for d in tile.depth]
            values += [(holds, d, s) for d in tile.depth for s in tile.side]
        collect = set if array.multicast else list
        streamed += len(collect(lanes)) * moving
        held += len(collect(values))
    return cycles, macs, OperandReads(streamed, held)


sizes = st.integers(1, 40)


@st.composite
def products(draw):
    alike = draw(st.sampled_from([1, 1, 2, 3, 9]))
    m, depth, n = draw(sizes), draw(sizes), draw(sizes)
    return Gemms(m, depth, n, alike * draw(st.integers(1, 5)), alike)


@settings(max_examples=120)
@given(
    gemms=products(),
    array=st.builds(
        TrainingArray,
        st.integers(1, 7) | st.integers(8, 70),
        st.integers(1, 5),
        st.integers(1, 5),
        st.booleans(),
    ),
)
def test_phase_is_the_shorter_walk(gemms, array):
    walks = {stationary: walk(gemms, array, stationary) for stationary in "WX"}
    result = gemm_cycles(gemms, array)
    assert result.cycles == min(cycles for cycles, _, _ in walks.values())
    assert result.stationary == ("W" if walks["W"][0] <= walks["X"][0] else "X")
    assert {macs for _, macs, _ in walks.values()} == {result.macs}
    assert min(result.lost.values()) >= 0
    for stationary, (_, _, reads) in walks.items():
        assert operand_reads(stationary, gemms, array) == reads
    assert result.reads == walks[result.stationary][2]


@settings(max_examples=120)
@given(
    first=st.integers(0, 60), size=st.integers(1, 20), count=st.integers(1, 30),
    arrays=st.integers(1, 40),
)  # fmt: skip
def test_a_run_is_read_in_every_wave_that_it_touches(first, size, count, arrays):
    runs = chunks(range(first, first + size * count), size)
    touched = sum(len({tile // arrays for tile in run}) for run in runs)
    assert waves_of_runs(first, size, count, arrays) == touched
    many = waves_of_runs(np.array([first, first + 1]), size, count, arrays)
    assert many.tolist()[0] == touched


def test_filters_that_fill_the_arrays_once_read_their_inputs_once_a_wave():
    """128 filters are 32 blocks of four: one wave per four input positions, all of which take the
    same 1000 columns. By hand: 144 waves of 4 x 1000 values, where each array for itself reads 32
    times as many.
    """
    gemms = Gemms(128, 576, 1000, count=1)
    assert gemm_cycles(gemms, TrainingArray()).reads.streamed == 144 * 4 * 1000
    alone = gemm_cycles(gemms, TrainingArray(multicast=False))
    assert alone.reads.streamed == 144 * 4 * 1000 * 32
    assert alone.reads.held == gemm_cycles(gemms, TrainingArray()).reads.held == 128 * 576


def test_an_empty_phase_costs_nothing():
    assert gemm_cycles(Gemms(4, 0, 4, count=1), TrainingArray()) is NO_WORK
    assert NO_WORK.cycles == 0


def encode(bits, tile):
    """The bit stream itself, as text: per tile the codes 01, 10 and 11 name its three commonest
    exponents.
    """
    stream = []
    for first in range(0, len(bits), tile):
        values = bits[first : first + tile]
        found = [value >> 7 & 255 for value in values]
        top = sorted(set(found), key=lambda e: (-found.count(e), e))[:3]
        for value, exponent in zip(values, found, strict=True):
            code = top.index(exponent) + 1 if exponent in top else 0
            stream.append(f"{code:02b}{value >> 15}{value & 127:07b}")
            if code == 0:
                stream.append(f"{exponent:08b}")
    return "".join(stream)


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(0, 300),
    tile=st.integers(1, 70),
    spread=st.sampled_from([0.0, 1.0, 30.0]),
)
def test_coded_size_is_the_length_of_the_stream(seed, size, tile, spread):
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=size) * 2.0 ** rng.normal(0, spread, size)).astype(np.float32)
    bits = (values.view(np.uint32) >> 16).astype(np.uint16)
    result = coded_size(bits, tile)
    assert result.bits == len(encode(bits.tolist(), tile))
    assert result.values == size
    assert result.table_bits == -(-size // tile) * 24


def test_ratio_follows_the_hit_rate():
    same = np.full(64, 0x3F80, np.uint16)
    assert coded_size(same, 16).ratio == 10 / 16
    spread = (np.arange(64) << 7).astype(np.uint16)
    assert coded_size(spread, 64).ratio == pytest.approx((10 * 3 + 18 * 61) / (64 * 16))


def walked_reads(results, rows, columns, left, right):
    """Bytes of both operands that a walk over blocks of rows x columns results reads."""
    total = 0
    for first in range(0, results.rows, rows):
        total += right * results.columns
        for second in range(0, results.columns, columns):
            assert min(rows, results.rows - first) * min(columns, results.columns - second) > 0
            total += left * min(rows, results.rows - first)
    return total


@settings(max_examples=80)
@given(
    results=st.builds(Results, st.integers(1, 12), st.integers(1, 12), st.integers(1, 9)),
    left=st.integers(1, 50),
    right=st.integers(1, 50),
    capacity=st.integers(4, 1200),
)
def test_no_block_that_fits_reads_less(results, left, right, capacity):
    """`left` and `right` are bytes of one row and of one group of columns."""
    found = result_blocks(results, left * results.rows, right * results.columns, capacity)
    walks = [
        walked_reads(results, rows, columns, left, right)
        for rows in range(1, results.rows + 1)
        for columns in range(1, results.columns + 1)
        if 4 * rows * columns * results.width <= capacity
    ]
    assert (found is None) == (not walks)
    if found is not None:
        ours = left * results.rows * found.columns + right * results.columns * found.rows
        assert ours == min(walks)
        assert found.count >= 1


def test_a_filter_of_a_group_is_a_product_of_its_own():
    layer = TrainingLayer(8, 1, (3, 3), (4, 4), 2, groups=8)
    assert forward(layer) == Gemms(1, 9, 32, count=8)
    assert backward(layer) == Gemms(1, 1, 32, count=72, alike=9)
    assert weight_gradient(layer) == Gemms(1, 32, 9, count=8)
    phases = {phase(layer).macs for phase in (forward, backward, weight_gradient)}
    assert phases == {8 * 9 * 32}
