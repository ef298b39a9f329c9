"""Planes cut into passes: the fewest that fit, every pixel once, and cycles against the loops."""

from itertools import pairwise

import numpy as np
import pytest
import scnn_loops
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_layers import crowded_cases
from test_scnn_memory import encode

from archsim.machines.scnn import cycles as scnn
from archsim.machines.scnn.fill import Counts, Cut
from archsim.machines.scnn.operations import operands
from archsim.machines.scnn.passes import fewest_operations, planar_passes
from archsim.machines.scnn.tiling import ScnnArray
from archsim.workload.convolution import Geometry
from archsim.workload.rows import rows_read

arrays = st.builds(
    ScnnArray,
    rows=st.integers(1, 3),
    columns=st.integers(1, 3),
    banks=st.sampled_from([4, 32]),
    queue_depth=st.sampled_from([1, 8]),
    accumulators=st.sampled_from([16, 64, 1024]),
    most_filters=st.sampled_from([None, None, 1, 3]),
)


def stored_bytes(inputs, rows, columns, array):
    """Bytes of each element's part of a window: 12 bits an entry."""
    part = inputs[:, rows[0] : rows[1], columns[0] : columns[1]]
    th, tw = -(-part.shape[1] // array.rows), -(-part.shape[2] // array.columns)
    return [
        1.5
        * sum(
            len(encode(one[i * th : (i + 1) * th, j * tw : (j + 1) * tw].reshape(-1).tolist()))
            for one in part
        )
        for i in range(array.rows)
        for j in range(array.columns)
    ]


def windows(size, tile, parts, grid):
    """(first, end) along one axis: a tile's pixels dealt to the parts, times the grid."""
    ends = [grid * (part * tile // parts) for part in range(parts)] + [size]
    return list(pairwise(ends))


def outputs_of(size, geometry):
    """Outputs that a tile reaches, counted tap by tap where its first pixel has phase 0."""
    counts = []
    for axis in (0, 1):
        taps = [k * geometry.dilation[axis] for k in range(geometry.kernel[axis])]
        span = size[axis] + taps[-1]
        counts.append(-(-span // geometry.stride[axis]))
    return counts[0] * counts[1]


def best_cut(inputs, array, capacity, geometry):
    """Tries every way to cut a tile, the fewest passes first; the outputs of a filter fit the
    accumulators, where those of a pixel do."""
    H, W = inputs.shape[1:]
    th, tw = -(-H // array.rows), -(-W // array.columns)
    cuts = [(a * b, b, a) for a in range(1, th + 1) for b in range(1, tw + 1)]
    small = outputs_of((1, 1), geometry) <= array.accumulators
    for _, across, down in sorted(cuts):
        if small and outputs_of((-(-th // down), -(-tw // across)), geometry) > array.accumulators:
            continue
        found = [
            (rows, columns)
            for rows in windows(H, th, down, array.rows)
            for columns in windows(W, tw, across, array.columns)
        ]
        if max(max(stored_bytes(inputs, *one, array)) for one in found) <= capacity:
            break
    return found


@settings(max_examples=60)
@given(case=crowded_cases(), array=arrays, capacity=st.sampled_from([1, 3, 6, 12, 30, 100, 1000]))
def test_passes_equal_the_loops(case, array, capacity):
    weights, inputs = case.weights != 0, case.activations != 0
    # The loops store all rows; those that no window reads are left to test_sparse_machines.
    assume(rows_read(case.geometry, (inputs.shape[1], inputs.shape[2])).all())
    passes = planar_passes(inputs, case.geometry, array, capacity)
    expected = best_cut(inputs, array, capacity, case.geometry)
    assert len(passes.parts) == len(expected)
    walk = scnn_loops.Walk(case, array, padded=False)
    tiles = []
    for rows, columns in expected:
        walk.look_at(rows, columns)
        tiles.append((walk.th, walk.tw))
    walk.th, walk.tw = max(th for th, _ in tiles), max(tw for _, tw in tiles)
    filters = walk.filters_at_once(padded=False)
    cycles = []
    for window in expected:
        walk.look_at(*window)
        cycles.append(scnn_loops.pass_cycles(walk, filters))
    found = scnn.pass_cycles(weights, passes.parts, case.geometry, array, "exact")
    assert found.group_cycles.T.tolist() == cycles
    assert (found.macs, found.busy, found.vector_ops) == (
        walk.macs,
        walk.products,
        walk.operations,
    )
    assert found.busy + sum(found.lost.values()) == found.cycles * array.elements * array.products
    stored = [sum(stored_bytes(inputs, *window, array)) for window in expected]
    assert passes.stored == sum(stored) / 1.5


def test_one_pass_is_the_whole_plane():
    rng = np.random.default_rng(3)
    inputs = rng.random((5, 21, 13)) < 0.6
    geometry, array = Geometry(kernel=(3, 3), stride=(2, 1), padding=(1, 1, 1, 1)), ScnnArray()
    (whole,) = planar_passes(inputs, geometry, array, 10**6).parts
    weights = rng.random((70, 5, 3, 3)) < 0.5
    one = scnn.pass_cycles(weights, [whole], geometry, array, "exact")
    assert one.cycles == scnn.layer_cycles(weights, inputs, geometry, array, "exact").cycles


def busiest(weights, passes, geometry, array):
    """Operations of the busiest element, summed over groups and passes."""
    layers = operands(weights, passes.parts, geometry, array)
    return sum(int(layer.operations.max(axis=1).sum()) for layer in layers)


@settings(max_examples=40)
@given(case=crowded_cases(), array=arrays, capacity=st.sampled_from([6, 30, 1000]))
def test_more_passes_are_taken_only_where_they_save_operations(case, array, capacity):
    weights, inputs = case.weights != 0, case.activations != 0
    few = planar_passes(inputs, case.geometry, array, capacity)
    found = fewest_operations(weights, inputs, case.geometry, array, capacity)
    cost = [busiest(weights, one, case.geometry, array) for one in (few, found)]
    assert cost[1] < cost[0] or len(found.parts) == len(few.parts)


@pytest.mark.parametrize("filters", [22, 32])
def test_the_fewest_passes_stay_where_they_cut_by_columns(filters):
    """Two parts side by side fit, two one above the other do not; three save no operation."""
    geometry = Geometry(kernel=(1, 1), stride=(1, 2), padding=(0, 1, 0, 0), groups=2)
    array = ScnnArray(rows=1, columns=2, banks=4, queue_depth=1, accumulators=16)
    weights, inputs = np.ones((filters, 2, 1, 1), bool), np.ones((4, 5, 3), bool)
    assert len(planar_passes(inputs, geometry, array, 30).parts) == 2
    assert len(fewest_operations(weights, inputs, geometry, array, 30).parts) == 2


@settings(max_examples=60)
@given(case=crowded_cases(), array=arrays, capacity=st.sampled_from([3, 12, 1000]))
def test_operations_follow_from_counts(case, array, capacity):
    weights, inputs = case.weights != 0, case.activations != 0
    # The loops store all rows; those that no window reads are left to test_sparse_machines.
    assume(rows_read(case.geometry, (inputs.shape[1], inputs.shape[2])).all())
    passes = planar_passes(inputs, case.geometry, array, capacity)
    read = np.ones(inputs.shape[1], bool)
    counts = Counts(weights, inputs, read, case.geometry, array)
    origin = case.geometry.padding[:2]
    edges = []
    for axis, count in ((0, array.rows), (1, array.columns)):
        spans = {
            (one.tiling.origin[axis] - origin[axis], one.tiling.plane[axis], one.tiling.tile[axis])
            for one in passes.parts
        }
        edges.append(
            np.array(
                [
                    [min(first + i * tile, first + size) for i in range(count + 1)]
                    for first, size, tile in sorted(spans)
                ]
            )
        )
    (found,) = counts.operations([Cut(*edges, passes.filters)])
    assert found == busiest(weights, passes, case.geometry, array)


@pytest.mark.parametrize(
    ("side", "channels", "filters", "kernel"),
    [(300, 8, 128, 3), (224, 16, 16, 3), (150, 16, 32, 3), (150, 8, 8, 5), (112, 32, 16, 1)],
)
def test_a_larger_memory_costs_no_operations(side, channels, filters, kernel):
    rng = np.random.default_rng([side, channels])
    inputs = rng.random((channels, side, side)) < 0.6
    weights = rng.random((filters, channels, kernel, kernel)) < 0.5
    geometry, array = Geometry(kernel=(kernel, kernel), padding=(kernel // 2,) * 4), ScnnArray()
    work = [
        busiest(
            weights, fewest_operations(weights, inputs, geometry, array, memory), geometry, array
        )
        for memory in (5632, 2 * 5632, 4 * 5632)
    ]
    assert work[1] <= 1.01 * work[0]
    assert work[2] <= 1.01 * work[1]


def test_the_outputs_of_a_filter_fit_the_accumulators():
    inputs = np.ones((3, 512, 512), bool)
    geometry, array = Geometry(kernel=(3, 3), padding=(1, 1, 1, 1)), ScnnArray()
    passes = planar_passes(inputs, geometry, array, 10**6)
    # An element's 64 x 64 pixels reach 66 x 66 outputs, a quarter of its rows 18 x 66, more than
    # 1024; a fifth, 13 rows at most, 15 x 66.
    assert len(passes.parts) == 5
    assert max(one.tiling.tile for one in passes.parts) == (13, 64)
