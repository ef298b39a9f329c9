"""Cambricon-X's cycles against loops over the stored weights, the fixture, and what dense weights
must give.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_layers import fixture_layers, small_cases

from archsim.machines.cambricon_x.cycles import CambriconXArray, layer_cycles

EXPECTED = {
    "c2_3x3": 50_176,
    "c2_1x1": 25_088,
    "c4_3x3": 46_844,
    "c5_3x3": 46_109,
    "c3_proj": 50_176,
}


def stored_positions(vector, step_bits):
    """Positions of the entries of one filter, written one by one as an encoder would."""
    stored, last = [], -1
    for position, weight in enumerate(vector):
        if weight == 0:
            continue
        if step_bits is not None:
            while position - last > 2**step_bits - 1:
                last += 2**step_bits - 1
                stored.append(last)
        stored.append(position)
        last = position
    return stored


def oracle(case, array):
    """Cycles and entries by loops over pixels' worth of work: filters, elements, segments."""
    K, each, R, S = case.weights.shape
    vectors = [
        [case.weights[k, c, r, s] for r in range(R) for s in range(S) for c in range(each)]
        for k in range(K)
    ]
    stored = [stored_positions(vector, array.step_bits) for vector in vectors]
    entries = [len(positions) for positions in stored]
    if array.sync == "none":
        loads = [0] * array.pes
        for k, count in enumerate(entries):
            loads[k % array.pes] += -(-count // array.multipliers)
        return max(loads) * case.pixels, entries
    cycles = 0
    window = 16 * array.multipliers if array.sync == "segment" else each * R * S
    for first in range(0, K, array.pes):
        for start in range(0, each * R * S, window):
            slowest = 1
            for positions in stored[first : first + array.pes]:
                inside = sum(start <= position < start + window for position in positions)
                slowest = max(slowest, -(-inside // array.multipliers))
            cycles += slowest
    return cycles * case.pixels, entries


def multiplying(case, array):
    """Cycles in which an element has an entry, filter by filter and segment by segment."""
    cycles = 0
    for weights in case.weights:
        vector = weights.transpose(1, 2, 0).reshape(-1).tolist()
        window = 16 * array.multipliers if array.sync == "segment" else len(vector)
        positions = stored_positions(vector, array.step_bits)
        for start in range(0, len(vector), window):
            inside = sum(start <= position < start + window for position in positions)
            cycles += -(-inside // array.multipliers)
    return cycles * case.pixels


arrays = st.builds(
    CambriconXArray,
    pes=st.integers(1, 5),
    multipliers=st.integers(1, 4),
    sync=st.sampled_from(["group", "segment", "none"]),
    step_bits=st.sampled_from([None, 1, 2, 4]),
)


@settings(max_examples=120)
@given(case=small_cases(), array=arrays)
def test_cycles_and_entries_equal_the_loops(case, array):
    result = layer_cycles(case.weights != 0, case.pixels, case.geometry.groups, array)
    cycles, entries = oracle(case, array)
    assert result.cycles == cycles
    assert result.entries.tolist() == entries
    assert result.macs == np.count_nonzero(case.weights) * case.pixels
    assert result.element_cycles == multiplying(case, array)
    assert result.filler_slots == (sum(entries) - np.count_nonzero(case.weights)) * case.pixels
    assert min(result.lost.values()) >= 0
    slots = result.cycles * array.pes * array.multipliers
    assert result.busy + sum(result.lost.values()) == slots


@pytest.mark.parametrize("name", EXPECTED)
def test_fixture_without_fillers(name):
    case = fixture_layers()[name]
    array = CambriconXArray(step_bits=None)
    assert layer_cycles(case.weights != 0, case.pixels, 1, array).cycles == EXPECTED[name]


@pytest.mark.parametrize("sync", ["group", "segment", "none"])
@pytest.mark.parametrize("shape", [(64, 64, 3, 3), (100, 50, 1, 1), (65, 3, 7, 7)])
def test_dense_weights_cost_what_diannao_costs(shape, sync):
    K, C, R, S = shape
    result = layer_cycles(np.ones(shape, bool), 10, 1, CambriconXArray(sync=sync))
    groups = -(-K // 64)
    assert result.cycles == 10 * groups * -(-C * R * S // 16)
    if C % 16 == 0:
        assert result.cycles == 10 * R * S * (C // 16) * groups  # DianNao with Ti = 16, Tn = 64


@settings(max_examples=50)
@given(case=small_cases())
def test_looser_synchronisation_is_never_slower(case):
    by_sync = [
        layer_cycles(
            case.weights != 0, case.pixels, case.geometry.groups, CambriconXArray(4, 2, sync)
        ).cycles
        for sync in ("none", "group", "segment")
    ]
    assert by_sync == sorted(by_sync)
    assert by_sync[0] >= case.pixels * np.count_nonzero(case.weights) / 8


def test_fillers_stand_at_the_zeros_they_replace():
    weights = np.zeros((1, 300, 1, 1), bool)
    weights[0, [15, 280]] = True  # distances 16 and 265: one filler, then 17 at 30, 45 ... 270
    result = layer_cycles(weights, 1, 1, CambriconXArray(sync="segment"))
    assert result.entries.tolist() == [1 + 1 + 17 + 1]
    assert result.cycles == 2 + 1  # 18 entries below position 256, 2 from there on
    assert result.stored_bits.tolist() == [20 * 12]


def test_neurons_are_read_once_for_each_group_of_elements_and_convolution_group():
    weights = np.ones((6, 4, 1, 1), bool)  # three groups of two filters on four elements
    result = layer_cycles(weights, 5, 3, CambriconXArray(pes=4))
    assert result.neuron_reads.tolist() == [2 * 4 * 5, 1 * 4 * 5]
    assert result.weight_reads == 6 * 4 * 5
