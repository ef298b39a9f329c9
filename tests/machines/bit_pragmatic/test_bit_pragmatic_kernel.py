"""Bit-Pragmatic's cycles against loops over windows, bricks and lanes, and the fixture."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_layers import fixture_layers, small_cases

from archsim.machines.bit_pragmatic import plan
from archsim.machines.bit_pragmatic.column_sync import end_times
from archsim.machines.bit_pragmatic.cycles import BitPragmaticArray, layer_cycles
from archsim.machines.bit_pragmatic.terms import term_masks
from archsim.workload.convolution import Geometry

# pallet and column of a 16-column, 32-filter array, of an 8-column, 64-filter one, and its ideal
EXPECTED = {
    "c2_3x3": (71_764, 56_835, 68_118, 55_907, 17_002),
    "c2_1x1": (32_392, 25_915, 30_761, 25_314, 7_740),
    "c4_3x3": (74_552, 59_445, 67_720, 56_010, 15_778),
    "c5_3x3": (79_840, 67_152, 69_800, 60_123, 14_297),
    "c3_proj": (64_848, 52_747, 61_616, 51_804, 15_470),
}
DENSE = {
    "c2_3x3": 112_896,
    "c2_1x1": 50_176,
    "c4_3x3": 112_896,
    "c5_3x3": 112_896,
    "c3_proj": 100_352,
}


def terms_of(value, signed_digits):
    """Positions of a magnitude's terms, found bit by bit."""
    value, positions, position = abs(int(value)), [], 0
    while value:
        if value % 2:
            digit = 2 - value % 4 if signed_digits else 1
            positions.append(position)
            value -= digit
        value //= 2
        position += 1
    return positions


def brick_time(values, array):
    left = [terms_of(value, array.signed_digits) for value in values]
    cycles = 0
    while any(left):
        base = min(terms[0] for terms in left if terms)
        for terms in left:
            if terms and terms[0] <= base + 2**array.first_stage_bits - 1:
                terms.pop(0)
        cycles += 1
    return max(1, cycles)


def walk(case, array):
    """Every step in order: a list of column durations, None where there is no window. Also terms
    times filters, and steps in which a partial sum gets something to add: one of each filter and
    column, in depthwise layers one of each lane.
    """
    C, H, W = case.activations.shape
    K, each = case.weights.shape[:2]
    (P, Q), (R, S), geo = case.out_size, case.kernel, case.geometry
    depthwise = geo.groups == C == K and geo.groups > 1
    steps, terms, macs, additions = [], 0, 0, 0

    def pixel(c, w, r, s):
        y = (w % P) * geo.stride[0] + r * geo.dilation[0] - geo.padding[0]
        x = (w // P) * geo.stride[1] + s * geo.dilation[1] - geo.padding[1]
        return case.activations[c, y, x] if 0 <= y < H and 0 <= x < W else 0

    if depthwise:
        outer = [(range(b, min(b + array.lanes, C)), 1) for b in range(0, C, array.lanes)]
    else:
        outer = [(range(g * each, (g + 1) * each), K // geo.groups) for g in range(geo.groups)]
    for channels, filters in outer:
        for first in range(0, P * Q, array.columns):
            for round_ in range(0, filters, array.filters):
                seats = min(array.filters, filters - round_)
                for s in range(S):
                    for r in range(R):
                        for brick in range(0, len(channels), array.lanes):
                            lanes = channels[brick : brick + array.lanes]
                            columns = []
                            for w in range(first, first + array.columns):
                                values = [pixel(c, w, r, s) for c in lanes] if w < P * Q else None
                                columns.append(
                                    None if values is None else brick_time(values, array)
                                )
                                if values is None or not any(values):
                                    continue
                                lane_terms = [terms_of(v, array.signed_digits) for v in values]
                                own = sum(map(len, lane_terms))
                                additions += own if depthwise else columns[-1] * seats
                            steps.append(columns)
        for w in range(P * Q):
            values = [pixel(c, w, r, s) for c in channels for r in range(R) for s in range(S)]
            terms += filters * sum(len(terms_of(v, array.signed_digits)) for v in values)
            macs += filters * sum(v != 0 for v in values)
    return steps, terms, macs, additions


def oracle(case, array):
    steps, *counts = walk(case, array)
    if array.sync == "ideal":
        return counts[0] // (array.lanes * array.columns * array.filters), *counts
    if array.sync == "pallet":
        return sum(max(t for t in step if t is not None) for step in steps), *counts
    ends, latest = [0] * array.columns, []
    for i, step in enumerate(steps):
        before = i - 1 - array.registers
        gate = latest[before] if before >= 0 else 0
        ends = [end if t is None else max(end, gate) + t for end, t in zip(ends, step, strict=True)]
        latest.append(max(*ends, latest[-1] if latest else 0))
    return latest[-1], *counts


arrays = st.builds(
    BitPragmaticArray,
    filters=st.integers(1, 4),
    columns=st.integers(2, 4),
    lanes=st.integers(1, 3),
    first_stage_bits=st.integers(0, 3),
    sync=st.sampled_from(["pallet", "column", "column", "ideal"]),
    registers=st.integers(0, 3),
    signed_digits=st.booleans(),
)


@settings(max_examples=60)
@given(case=small_cases(max_filters=6, low=-128), array=arrays)
def test_cycles_equal_the_loops(case, array):
    result = layer_cycles(case.activations, len(case.weights), case.geometry, array)
    cycles, terms, macs, additions = oracle(case, array)
    assert (result.cycles, result.terms, result.macs) == (cycles, terms, macs)
    assert result.additions == additions
    if array.sync != "ideal":
        assert result.busy == terms
        assert min(result.lost.values()) >= 0
    assert result.busy + sum(result.lost.values()) == cycles * array.multipliers


@settings(max_examples=30)
@given(case=small_cases(max_filters=6), array=arrays)
def test_a_layer_in_pieces_is_the_whole_layer(case, array):
    def found():
        return layer_cycles(case.activations, len(case.weights), case.geometry, array)

    whole = found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "HELD", 12)
        patch.setattr(plan, "PIECE", 50)
        pieces = found()
    assert pieces.pass_cycles.tolist() == whole.pass_cycles.tolist()
    assert replace(pieces, pass_cycles=None) == replace(whole, pass_cycles=None)


@settings(max_examples=30)
@given(
    case=small_cases(max_filters=4), array=arrays, first_stage_bits=st.integers(0, 4),
    seed=st.integers(0, 2**32 - 1), signed=st.booleans(),
)  # fmt: skip
def test_cycles_of_16_bits_equal_the_loops(case, array, first_stage_bits, seed, signed):
    """As above, of int16 and uint16 activations, the ends of their range among them."""
    rng, kind = np.random.default_rng(seed), np.int16 if signed else np.uint16
    ends = np.iinfo(kind)
    values = rng.integers(ends.min, ends.max + 1, case.activations.shape)
    values[rng.random(values.shape) < 0.2] = rng.choice([ends.min, ends.max, 0, 1])
    values[case.activations == 0] = 0
    case = replace(case, activations=values.astype(kind))
    array = replace(array, first_stage_bits=first_stage_bits)
    result = layer_cycles(case.activations, len(case.weights), case.geometry, array)
    assert (result.cycles, result.terms, result.macs, result.additions) == oracle(case, array)
    assert result.busy + sum(result.lost.values()) == result.cycles * array.multipliers


@pytest.mark.parametrize(("signed_digits", "mean"), [(False, 8.0), (True, 5.78)])
def test_mean_terms_of_a_16_bit_value(signed_digits, mean):
    """Half of the bits; n/3 + 4/9 digits of the shortest signed form of n bits (Arno and Wheeler,
    IEEE Trans. Computers 1993)."""
    values = np.arange(1 << 16).astype(np.uint16)
    counts = [int(mask).bit_count() for mask in term_masks(values, signed_digits)]
    assert np.mean(counts) == pytest.approx(mean, abs=0.01)
    assert counts[::997] == [len(terms_of(value, signed_digits)) for value in values[::997]]
    assert counts[-1] == (2 if signed_digits else 16)


@pytest.mark.parametrize("name", EXPECTED)
def test_fixture(name):
    case = fixture_layers()[name]
    wide = {"filters": 32, "columns": 16}
    settings_ = [
        wide | {"sync": "pallet"},
        wide,
        {"sync": "pallet"},
        {},
        {"sync": "ideal"},
    ]
    cycles = tuple(
        layer_cycles(
            case.activations,
            len(case.weights),
            case.geometry,
            BitPragmaticArray(**keys),
        ).cycles
        for keys in settings_
    )
    assert cycles == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_signed_digits_gain_what_was_measured(name):
    case = fixture_layers()[name]
    cycles = layer_cycles(
        case.activations,
        len(case.weights),
        case.geometry,
        BitPragmaticArray(signed_digits=True),
    ).cycles
    assert 2.385 <= DENSE[name] / cycles <= 2.595


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.integers(0, 700),
    columns=st.integers(1, 9),
    registers=st.integers(0, 5),
)
def test_repaired_blocks_equal_the_chain(seed, steps, columns, registers):
    rng = np.random.default_rng(seed)
    durations = rng.integers(0, 10, (steps, columns)) * (rng.random(columns) < 0.7)
    ends, latest = np.zeros(columns, int), []
    for i in range(steps):
        gate = latest[i - 1 - registers] if i > registers else 0
        ends = np.maximum(ends, gate) + durations[i]
        latest.append(ends.max())
    assert end_times(durations, registers).tolist() == latest


def test_one_slow_column_never_falls_in_step_within_a_block():
    durations = np.ones((500, 3), int)
    durations[:, 0] = 9
    assert end_times(durations, 1)[-1] == 4500


@pytest.mark.parametrize(("signed_digits", "mean"), [(False, 4.0), (True, 3.11)])
def test_mean_terms_of_an_eight_bit_value(signed_digits, mean):
    masks = term_masks(np.arange(256), signed_digits)
    counts = [int(mask).bit_count() for mask in masks]
    assert np.mean(counts) == pytest.approx(mean, abs=0.005)
    assert counts == [len(terms_of(value, signed_digits)) for value in range(256)]


def test_weights_are_read_once_a_pallet_and_activations_once_a_filter_group():
    activations = np.ones((20, 5, 1), int)
    result = layer_cycles(activations, 70, Geometry(), BitPragmaticArray(columns=4))
    assert result.weight_reads == 2 * 20 * 70
    assert result.activation_reads == 5 * 20 * 2
