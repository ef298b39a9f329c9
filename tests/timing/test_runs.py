"""Runs of bytes in DRAM against their addresses, laid out one by one.

Oracle: activations lie row by row with all channels of a row together, weights in the order of
their groups; what is moved in one piece of time is a set of addresses, of which a run is a stretch
without a gap.
"""

import numpy as np
import pytest
from tiny_networks import conv, linear, network, post

import archsim
from archsim.machines.shared.tables import tables_of
from archsim.timing.entries import entries_of
from archsim.timing.plan import plan_all
from archsim.timing.runs import spread

KEYS = ["nbin.banks=1", "sb.banks=1"]


def planned(folder, entries, *changes, machine="diannao", **keys):
    arch = archsim.load_arch(machine, list(changes))
    workload = network(folder, *entries, **keys)
    return plan_all(entries_of(arch, workload, tables_of(arch, workload, None)), arch)


def stretches(addresses):
    """Runs of consecutive numbers."""
    found = np.unique(np.fromiter(addresses, int))
    return int(np.count_nonzero(np.diff(found) != 1)) + 1


def rows_seen(entry):
    """Rows of a plane that some window reads, by a loop over windows."""
    (top, kernel, stride) = (entry.get("padding", [0])[0], entry["kernel"], entry["stride"])
    height, dilation = entry["in_size"][0], entry.get("dilation", [1])[0]
    reach = dilation * (kernel[0] - 1) + 1
    return {
        row
        for first in range(-top, height + top - reach + 1, stride[0])
        for row in range(first, first + reach, dilation)
        if 0 <= row < height
    }


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"), [(1, 2, 1), (1, 3, 1), (3, 1, 1), (2, 3, 1), (2, 3, 5)]
)
@pytest.mark.parametrize("batch", [1, 3])
def test_inputs_are_read_in_the_stretches_of_rows_that_windows_see(
    tmp_path, kernel, stride, dilation, batch
):
    layer = conv("a", [], (5, 8), (13, 7), kernel=(kernel, kernel), stride=[stride, stride],
                 dilation=[dilation, dilation])  # fmt: skip
    (plan,) = planned(tmp_path, [layer], batch=batch)
    seen = rows_seen(layer)
    addresses = (
        ((sample * 13 + row) * 5 + channel) * 7 + column
        for sample in range(batch)
        for row in seen
        for channel in range(5)
        for column in range(7)
    )
    assert plan.traffic.reads["a"]["input"].runs == stretches(addresses)


@pytest.mark.parametrize(("filters", "batch"), [(64, 1), (65, 1), (150, 2)])
def test_results_are_written_in_the_part_of_each_group_in_each_row(tmp_path, filters, batch):
    """DianNao makes 64 filters at a time; one group of them fills its rows without a gap."""
    (plan,) = planned(tmp_path, [conv("a", [], (4, filters), (9, 6), kernel=(1, 1))], batch=batch)
    runs = 0
    for first in range(0, filters, 64):
        runs += stretches(
            ((sample * 9 + row) * filters + channel) * 6 + column
            for sample in range(batch)
            for row in range(9)
            for channel in range(first, min(filters, first + 64))
            for column in range(6)
        )
    assert plan.traffic.writes["a"]["output"].runs == runs


def test_each_group_of_weights_is_a_run_in_each_pass_and_each_time(tmp_path):
    """130 filters are 3 groups; 18 KB of a group in 2 KB are 9 passes; inputs in 8 KB of a buffer
    of 1 KB are 8 blocks, for each of which all weights come again, unless these are held."""
    layer = conv("a", [], (32, 130), (16, 16), padding=[1, 1])
    (plan,) = planned(
        tmp_path, [layer], "nbin.banks=1", "nbin.bank_kbytes=2", "sb.banks=1", "sb.bank_kbytes=2"
    )
    groups = [64, 64, 2]
    passes = [max(1, -(-count * 32 * 9 // 2048)) for count in groups]
    span = plan.traffic.reads["a"]["weight"]
    assert span.runs == sum(passes) * plan.order.weight_reads
    assert span.nbytes == 130 * 32 * 9 * plan.order.weight_reads
    assert plan.traffic.reads["a"]["input"].runs == plan.order.blocks


def test_partial_sums_go_and_come_once_less_than_a_group_has_passes(tmp_path):
    layer = conv("a", [], (64, 64), (16, 16), padding=[1, 1])
    (plan,) = planned(
        tmp_path, [layer], "nbin.banks=1", "nbin.bank_kbytes=4", "sb.banks=1", "sb.bank_kbytes=4"
    )
    passes = -(-64 * 64 * 9 // 4096)
    for way in (plan.traffic.reads, plan.traffic.writes):
        assert way["a"]["psum"].runs == passes - 1
        assert way["a"]["psum"].nbytes == 3 * 64 * 256 * (passes - 1)


def test_operands_are_runs_of_their_own(tmp_path):
    """Of a fused sum one operand streams in; a sum and a concat on their own read all of theirs."""
    size = (6, 6)
    plans = planned(
        tmp_path,
        [
            conv("a", [], (4, 8), size, kernel=(1, 1)),
            conv("b", ["a"], (8, 8), size, kernel=(1, 1)),
            post("fused", "add", ["a", "b"]),
            conv("c", ["fused"], (8, 8), size, kernel=(1, 1)),
            conv("d", ["c"], (8, 8), size, kernel=(1, 1)),
            conv("e", ["c"], (8, 8), size, kernel=(1, 1)),
            conv("f", ["d"], (8, 8), size, kernel=(1, 1)),
            post("join", "concat", ["c", "d", "e", "f"]),
            linear("head", ["join"], (32 * 36, 10)),
        ],
    )  # fmt: skip
    reads = {name: flows for plan in plans for name, flows in plan.traffic.reads.items()}
    assert reads["fused"]["input"].runs == 1
    assert reads["join"]["input"].runs == 3
    assert reads["head"]["input"].runs == 1


def test_spans_are_the_bytes_that_are_loaded_and_stored(tmp_path):
    plans = planned(tmp_path, [conv("a", [], (32, 130), (16, 16), padding=[1, 1])], *KEYS)
    for plan in plans:
        for flow, need in plan.visits.need.items():
            assert sum(span.nbytes for span in plan.spans.get(flow, ())) == int(need[-1])
        written = sum(span.nbytes for span in plan.spans["output"])
        assert written == int(plan.visits.outputs.sum())


@pytest.mark.parametrize("whole", [0.0, 1.0, 7.3, 1000.49])
def test_what_is_left_of_a_cycle_goes_to_the_next_transfer(whole):
    sizes = np.array([100, 0, 1, 2000, 3, 700])
    cycles = spread(sizes, whole)
    assert cycles.sum() == np.ceil(whole)
    shares = whole * np.cumsum(sizes) / sizes.sum()
    assert np.all(np.cumsum(cycles) >= shares - 1e-6)
    assert np.all(np.cumsum(cycles) < shares + 1)
