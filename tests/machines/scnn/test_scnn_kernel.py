"""SCNN's cycles against loops over products, the fixture, and layers made to crowd the banks."""

import numpy as np
import pytest
import scnn_loops
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_layers import Case, crowded_cases, fixture_layers

from archsim.machines.scnn import cycles as scnn
from archsim.machines.scnn import dnnsim as scnn_dnnsim
from archsim.machines.scnn import linear as scnn_linear
from archsim.machines.scnn.banks import bank_of
from archsim.machines.scnn.certificate import never_waits, tile_origins
from archsim.machines.scnn.operations import Limits, operands
from archsim.machines.scnn.queues import BLOCK, Segments, run_queues
from archsim.machines.scnn.tiling import Pass, ScnnArray, grid_tiling
from archsim.machines.scnn.waits import followed
from archsim.workload.convolution import Geometry

# the queued rule, and DNNsim's
EXPECTED = {
    "c2_3x3": (26_448, 87_693),
    "c2_1x1": (14_241, 35_137),
    "c4_3x3": (56_686, 73_379),
    "c5_3x3": (134_689, 291_342),
    "c3_proj": (34_853, 78_093),
}
# (K, C, R, S, H, W, stride, padding): queued at depth 8, at depth 4, DNNsim's rule
CROWDED = {
    (90, 6, 3, 3, 24, 40, 1, 1): (1853, 2221, 5356),
    (90, 6, 3, 3, 48, 80, 2, 1): (1954, 2509, 5027),
    (100, 24, 1, 1, 24, 24, 1, 0): (1038, 1046, 1148),
    (90, 4, 5, 3, 30, 50, 2, 2): (778, 935, 3188),
    (90, 6, 3, 3, 70, 70, 3, 1): (1669, 1952, 2699),
}

arrays = st.builds(
    ScnnArray,
    rows=st.integers(1, 4),
    columns=st.integers(1, 3),
    weights=st.integers(1, 4),
    activations=st.integers(1, 4),
    banks=st.sampled_from([1, 2, 4, 8, 32, 64]),
    queue_depth=st.sampled_from([1, 2, 2, 3, 4, 8]),
    accumulators=st.sampled_from([1, 16, 64, 1024]),
    most_filters=st.sampled_from([None, None, 1, 3, 8]),
)


@pytest.mark.parametrize("keys", [{"banks": 48}, {"banks": 128}, {"queue_depth": 112}])
def test_arrays_the_queues_cannot_hold_are_refused(keys):
    with pytest.raises(ValueError, match="SCNN"):
        ScnnArray(**keys)


def accounts_balance(result, array):
    multipliers = array.elements * array.products
    assert result.busy + sum(result.lost.values()) == result.cycles * multipliers
    assert min(result.lost.values()) >= 0


def check_counts(result, walk):
    assert (result.macs, result.busy) == (walk.macs, walk.products)
    assert result.vector_ops == walk.operations


@settings(max_examples=100)
@given(case=crowded_cases(), array=arrays, model=st.sampled_from(["auto", "exact"]))
def test_queued_rule_equals_the_loops(case, array, model):
    cycles, walk = scnn_loops.queued(case, array)
    result = scnn.layer_cycles(
        case.weights != 0, case.activations != 0, case.geometry, array, model
    )
    assert result.group_cycles.tolist() == cycles
    check_counts(result, walk)
    accounts_balance(result, array)


@settings(max_examples=50)
@given(case=crowded_cases(), array=arrays)
def test_dnnsims_rule_equals_the_loops(case, array):
    cycles, walk = scnn_loops.dnnsim(case, array)
    result = scnn_dnnsim.layer_cycles(
        case.weights != 0, case.activations != 0, case.geometry, array
    )
    assert result.group_cycles.tolist() == cycles
    check_counts(result, walk)
    accounts_balance(result, array)


@pytest.mark.parametrize("name", EXPECTED)
def test_fixture(name):
    case = fixture_layers()[name]
    masks = case.weights != 0, case.activations != 0, case.geometry, ScnnArray()
    results = scnn.layer_cycles(*masks, "exact"), scnn_dnnsim.layer_cycles(*masks)
    assert tuple(result.cycles for result in results) == EXPECTED[name]
    for result in results:
        accounts_balance(result, ScnnArray())


def crowded_layers():
    """Every fourth filter and every other column of activations: few banks get all products."""
    rng = np.random.default_rng(11)
    for K, C, R, S, H, W, stride, padding in CROWDED:
        weights = (rng.random((K, C, R, S)) < 0.9) & (np.arange(K) % 4 == 1)[:, None, None, None]
        inputs = (rng.random((C, H, W)) < 0.9) & (np.arange(W) // stride % 2 == 0)
        geometry = Geometry(
            kernel=weights.shape[2:], stride=(stride, stride), padding=(padding,) * 4
        )
        yield Case(weights, inputs, geometry)


def test_crowded_layers():
    for case, expected in zip(crowded_layers(), CROWDED.values(), strict=True):
        masks = case.weights, case.activations, case.geometry
        found = (
            scnn.layer_cycles(*masks, ScnnArray(), "exact").cycles,
            scnn.layer_cycles(*masks, ScnnArray(queue_depth=4), "exact").cycles,
            scnn_dnnsim.layer_cycles(*masks, ScnnArray()).cycles,
        )
        assert found == expected


def stream(operations):
    """Operations as one stream: products by bank, or a number of products to bank 3."""
    counts = np.zeros((len(operations), 32), np.uint8)
    for row, operation in zip(counts, operations, strict=True):
        for bank, products in as_banks(operation).items():
            row[bank] = products
    return Segments(counts.view(np.uint64), np.array([0]), np.array([len(counts)]), np.array([0]))


def as_banks(operation):
    return operation if isinstance(operation, dict) else {3: operation}


@pytest.mark.parametrize(
    ("operations", "cycles"),
    [
        ([16, 1, 2], 12),
        ([{0: 16}, {7: 16}, {8: 16}, {31: 16}], 4),
        ([4, 4, 4, 4, 4, 4], 17),
        ([12, 0, 0, 0, 0, 2], 7),
    ],
)
def test_queue_by_hand(operations, cycles):
    waited, _ = run_queues(stream(operations), np.zeros((1, 4), np.uint64), depth=8)
    assert len(operations) + waited[0] == cycles


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    banks=st.sampled_from([1, 3, 8]),
    sizes=st.lists(st.integers(0, 700), min_size=1, max_size=4),
    products=st.integers(0, 12),
)
def test_blocks_of_long_streams_equal_one_queue_after_another(seed, banks, sizes, products):
    rng = np.random.default_rng(seed)
    operations = [
        rng.integers(0, banks, rng.integers(0, products + 1)).tolist() for _ in range(sum(sizes))
    ]
    counts = np.zeros((len(operations), 32), np.uint8)
    for row, banks_hit in zip(counts, operations, strict=True):
        np.add.at(row, banks_hit, 1)
    ends = np.cumsum(sizes)
    segments = Segments(
        counts.view(np.uint64), ends - sizes, np.array(sizes), np.arange(len(sizes))
    )
    waited, _ = run_queues(segments, np.zeros((len(sizes), 4), np.uint64), depth=5)
    for end, size, waits in zip(ends, sizes, waited, strict=True):
        alone = scnn_loops.queue_cycles(operations[end - size : end], banks, 5)
        assert alone == size + waits


def test_queues_that_never_meet_are_repaired_block_after_block():
    # One product a cycle keeps a queue at 7 for ever, or at 0 had the first burst been missed.
    operations = [16] + [1] * 3000 + [2]
    waited, _ = run_queues(stream(operations), np.zeros((1, 4), np.uint64), depth=8)
    assert waited[0] == 8 + 1


def test_a_repaired_block_stays_right_when_it_is_repaired_again():
    # Bank 3 brings a backlog through two blocks; the third, already repaired for what bank 0 left
    # it, is repaired again, and falls in step only where a pause lets bank 3 drain.
    operations = [16] + [1] * (3 * BLOCK)
    operations[2 * BLOCK - 1] = {3: 1, 0: 12}
    operations[2 * BLOCK] = {3: 1, 0: 2}
    operations[2 * BLOCK + 100 : 2 * BLOCK + 120] = [0] * 20
    waited, _ = run_queues(stream(operations), np.zeros((1, 4), np.uint64), depth=8)
    hit = [[b for b, n in as_banks(each).items() for _ in range(n)] for each in operations]
    assert len(operations) + waited[0] == scnn_loops.queue_cycles(hit, 32, 8)


@pytest.mark.parametrize("banks", [1, 2, 4, 8, 16, 32, 64])
def test_bank_hash(banks):
    k, x, y = np.indices((16, 16, 16)).reshape(3, -1)
    expected = [scnn_loops.bank_of(*at, banks) for at in zip(*(k, x, y), strict=True)]
    found = bank_of(k, x, y, banks)
    assert found.tolist() == expected
    assert set(found.tolist()) == set(range(banks))


def test_queues_carry_over_between_segments():
    parts = [16, 1], [2]
    queues, total = np.zeros((1, 4), np.uint64), 0
    for part in parts:
        waited, queues = run_queues(stream(part), queues, depth=8)
        total += waited[0]
    assert total + 3 == 12


def proof_and_truth(case, array):
    tiling = grid_tiling(case.activations.shape[1:], case.geometry, array)
    whole = Pass(case.activations != 0, tiling)
    (layer,) = operands(case.weights != 0, [whole], case.geometry, array)
    return never_waits(layer), followed(layer, np.arange(layer.groups)).max(axis=1)


@settings(max_examples=60)
@given(
    case=crowded_cases(),
    depth=st.integers(1, 4),
    banks=st.sampled_from([4, 8, 32, 64]),
)
def test_what_is_proven_free_of_waiting_never_waits(case, depth, banks):
    array = ScnnArray(rows=8, columns=6, banks=banks, queue_depth=depth, weights=3)
    proven, waits = proof_and_truth(case, array)
    assert not waits[proven].any()


@settings(max_examples=60)
@given(case=crowded_cases(), operations=st.integers(1, 60), depth=st.integers(1, 3))
def test_cutting_the_work_into_batches_changes_nothing(case, operations, depth):
    array = ScnnArray(rows=2, columns=2, banks=4, queue_depth=depth)
    tiling = grid_tiling(case.activations.shape[1:], case.geometry, array)
    whole = Pass(case.activations != 0, tiling)
    (layer,) = operands(case.weights != 0, [whole], case.geometry, array)
    groups = np.arange(layer.groups)
    small = followed(layer, groups, Limits(table_bytes=1, operations=operations))
    assert small.tolist() == followed(layer, groups).tolist()


@pytest.mark.parametrize(
    ("side", "stride", "kinds"), [(14, 1, 1), (7, 1, 4), (14, 2, 4), (28, 2, 1)]
)
def test_the_proof_covers_every_kind_of_tile(side, stride, kinds):
    geometry, array = Geometry(stride=(stride, stride)), ScnnArray()
    whole = Pass(np.ones((1, side, side), bool), grid_tiling((side, side), geometry, array))
    (layer,) = operands(np.ones((2, 1, 1, 1), bool), [whole], geometry, array)
    origins = tile_origins(layer)
    assert len(origins) == kinds
    tile, period = layer.tiling.tile, 2 * stride
    every = {(i * tile[0] % period, j * tile[1] % period) for i in range(7) for j in range(7)}
    assert {(row % period, column % period) for row, column in origins} == every


def test_the_proof_covers_the_deep_layers_of_the_fixture():
    for name in ("c4_3x3", "c5_3x3"):
        case = fixture_layers()[name]
        result = scnn.layer_cycles(
            case.weights != 0, case.activations != 0, case.geometry, ScnnArray(), "auto"
        )
        assert result.banks == "proven"


def test_without_banks_a_layer_costs_its_operations():
    case = fixture_layers()["c2_1x1"]
    masks = case.weights != 0, case.activations != 0, case.geometry, ScnnArray()
    assert scnn.layer_cycles(*masks, "none").cycles == 14_130
    assert scnn.layer_cycles(*masks, "none").lost["bank_conflict"] == 0


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 30), st.integers(1, 12), st.integers(1, 3)),
    array=arrays,
)
def test_linear_rule_equals_the_loops(seed, shape, array):
    K, C, positions = shape
    rng = np.random.default_rng(seed)
    weights, inputs = rng.random((K, C)) < 0.4, rng.random((positions, C)) < 0.6
    cycles = []
    for row in inputs:
        for first in range(0, K, array.accumulators):
            times = [0] * array.elements
            for c in np.flatnonzero(row):
                live = int(weights[first : first + array.accumulators, c].sum())
                times[c % array.elements] += -(-live // array.weights)
            cycles.append(max(times))
    result = scnn_linear.layer_cycles(weights, inputs, array)
    assert result.group_cycles.tolist() == cycles
    assert result.macs == sum(int((weights & row).sum()) for row in inputs)
    accounts_balance(result, array)
