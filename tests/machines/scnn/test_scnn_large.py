"""Large layers on SCNN: the memory they take, and work in blocks against work on the whole."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_layers import crowded_cases

from archsim.machines.scnn import cycles as scnn
from archsim.machines.scnn import elements, fill, linear, tiling
from archsim.machines.scnn.forecast import Noise, Seen, forecast
from archsim.machines.scnn.operations import operands
from archsim.machines.scnn.passes import fewest_operations
from archsim.machines.scnn.probe import PARTS, Probe
from archsim.machines.scnn.sample import sampled_waits
from archsim.machines.scnn.tiling import Pass, ScnnArray, grid_tiling
from archsim.workload.convolution import Geometry

SMALL = ((elements, "BLOCK"), (fill, "PIXELS"), (fill, "SUMS"), (tiling, "PACKED"))


def worked_through(case, array, capacity):
    """Passes and cycles of a case, the activations being values of which a mask is made."""
    passes = fewest_operations(case.weights, case.activations, case.geometry, array, capacity)
    cycles = scnn.pass_cycles(case.weights, passes.parts, case.geometry, array, "exact")
    lost = sorted(cycles.lost.items())
    return len(passes.parts), passes.stored, cycles.group_cycles.tolist(), cycles.macs, lost


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=crowded_cases(), capacity=st.sampled_from([6, 30, 1000]))
def test_work_in_blocks_is_the_work_on_the_whole(monkeypatch, case, capacity):
    array = ScnnArray(rows=2, columns=3, banks=4, queue_depth=2)
    whole = worked_through(case, array, capacity)
    with monkeypatch.context() as patch:
        for module, name in SMALL:
            patch.setattr(module, name, 1)
        assert worked_through(case, array, capacity) == whole


def test_positions_in_blocks_are_all_positions(monkeypatch):
    rng = np.random.default_rng(0)
    weights, inputs = rng.integers(-1, 2, (70, 150)), rng.integers(0, 2, (21, 150))
    array = ScnnArray(accumulators=32)
    results = []
    for held in (linear.OPERATIONS, 1):
        monkeypatch.setattr(linear, "OPERATIONS", held)
        one = linear.layer_cycles(weights, inputs, array)
        stored = linear.stored_inputs(inputs, array)
        results.append((one.group_cycles.tolist(), one.macs, one.vector_ops, one.lost, stored))
    assert results[0] == results[1]
    # Oracle: products are counted one by one.
    macs = sum(int(w != 0 and x != 0) for x_row in inputs for row in weights
               for w, x in zip(row, x_row, strict=True))  # fmt: skip
    assert results[0][1] == macs


@pytest.mark.parametrize("tile", [(15, 17), (16, 16), (5, 51), (1, 1)])
def test_counts_are_narrow_and_do_not_overflow(tile):
    array, filters = ScnnArray(rows=2, columns=2), 6
    side = 2 * tile[0], 2 * tile[1]
    part = Pass(np.ones((3, *side), np.int8), grid_tiling(side, Geometry(), array))
    (layer,) = operands(np.ones((filters, 3, 1, 1), bool), [part], Geometry(), array)
    pixels = tile[0] * tile[1]
    counts = elements.run_counts(part, Geometry(), array)
    assert counts.tolist() == np.full((4, 3, 1), pixels).tolist()
    # Closed form: a full tile is ceil(pixels / 4) vectors, each met by those of a group's filters.
    each = max(1, array.accumulators // pixels)
    sizes = [min(each, filters - first) for first in range(0, filters, each)]
    expected = [[3 * -(-pixels // 4) * -(-size // 4)] * 4 for size in sizes]
    assert layer.operations.tolist() == expected
    assert layer.multiplications == 4 * 3 * pixels * filters


def test_groups_that_nobody_followed_do_not_change_a_forecast():
    rng = np.random.default_rng(3)
    for _ in range(30):
        groups, elements_ = int(rng.integers(16, 400)), int(rng.choice([12, 32, 64]))
        issued = rng.integers(0, 3000, (groups, elements_))
        followed = np.zeros(issued.shape, bool)
        followed[:3] = rng.random((3, elements_)) < 0.5
        waited = rng.integers(0, 200, issued.shape) * followed
        probe = Probe(*rng.integers(0, 90, (2, PARTS, elements_)))
        weight = issued.sum(axis=0)
        # Oracle: the fit over all groups.
        every = forecast(probe, Seen(issued, waited, followed, weight), Noise(2.0, 3.0))
        first = Seen(issued[:7], waited[:7], followed[:7], weight)
        some = forecast(probe, first, Noise(2.0, 3.0))
        np.testing.assert_array_equal(some.waiting(issued), every.waiting(issued))
        np.testing.assert_array_equal(some.variance, every.variance)


def test_a_layer_of_many_passes_takes_little_more_memory_than_its_values():
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2, (48, 224, 224), np.int8)
    weights = rng.integers(0, 2, (16, 48, 3, 3), np.int8)
    geometry, array = Geometry(kernel=(3, 3), padding=(1, 1, 1, 1)), ScnnArray()
    tracemalloc.start()
    passes = fewest_operations(weights, values, geometry, array, 5632)
    layers = operands(weights, passes.parts, geometry, array)
    found = sampled_waits(layers, affordable=100_000)
    cycles = sum(int(waits.group_cycles.sum()) for waits in found.passes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.how == "sampled"
    assert len(passes.parts) >= 6
    assert cycles > 0
    # The values are 2.4 MB; sums over the plane, at four bytes a pixel, would be 10 MB alone, and
    # the vectors of all passes, at eight bytes a code, as much again.
    assert peak < 15e6
