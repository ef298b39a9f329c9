"""A trace is what Perfetto reads: one row a component, times in microseconds."""

import gzip
import json

import pytest

from archsim.formats.errors import InputError
from archsim.results.trace import Trace, claim_trace, write_traces


def slices(path):
    events = json.loads(path.read_text())["traceEvents"]
    return [event for event in events if event["ph"] == "X"], events


def test_a_cycle_is_as_long_as_the_clock_makes_it(tmp_path):
    trace = Trace("SmartDeal", 500.0, ["dram", "dma"])
    trace.add("dma", "conv1", "load", 100, 150)
    trace.write(tmp_path / "t.json")
    drawn, _ = slices(tmp_path / "t.json")
    assert drawn == [
        {
            "ph": "X",
            "name": "conv1",
            "cat": "load",
            "pid": 1,
            "tid": 2,
            "ts": 0.2,
            "dur": 0.1,
            "args": {"cycle": 100, "cycles": 50},
        }
    ]


def test_every_component_has_a_named_row_in_the_order_given(tmp_path):
    trace = Trace("SmartDeal", 1000.0, ["dram", "dma"])
    trace.add("mac_array", "a", "compute", 0, 1)
    trace.write(tmp_path / "t.json")
    _, events = slices(tmp_path / "t.json")
    names = [
        (event["tid"], event["args"]["name"]) for event in events if event["name"] == "thread_name"
    ]
    assert names == [(1, "dram"), (2, "dma"), (3, "mac_array")]


def test_a_component_that_did_nothing_has_a_row_and_one_with_two_sides_two():
    trace = Trace("SmartDeal", 1000.0, ["dram", "input_gb", "post"])
    trace.add("input_gb.read", "a", "input", 4, 5)
    trace.add("input_gb.write", "a", "input", 0, 2)
    assert trace.rows() == ["dram", "input_gb.read", "input_gb.write", "post"]


def test_two_machines_are_two_processes(tmp_path):
    traces = [Trace("A", 1000.0), Trace("B", 1000.0)]
    for trace in traces:
        trace.add("dram", "a", "load", 0, 2)
    write_traces(tmp_path / "t.json", traces)
    drawn, events = slices(tmp_path / "t.json")
    assert [event["pid"] for event in drawn] == [1, 2]
    assert [event["args"]["name"] for event in events if event["name"] == "process_name"] == [
        "A",
        "B",
    ]


def test_an_empty_trace_is_valid_json(tmp_path):
    write_traces(tmp_path / "t.json", [])
    assert slices(tmp_path / "t.json") == ([], [])


def test_a_stall_is_called_by_its_cause_and_stands_on_the_row_of_its_component(tmp_path):
    trace = Trace("A", 1000.0, ["dram"])
    trace.add("dram", "a", "load", 0, 2)
    trace.stall("dram", "a", "wait_output", 2, 5)
    trace.write(tmp_path / "t.json")
    drawn, _ = slices(tmp_path / "t.json")
    assert [(event["name"], event["cat"], event["tid"]) for event in drawn] == [
        ("a", "load", 1),
        ("wait_output", "stall", 1),
    ]
    assert drawn[1]["args"] == {"cycle": 2, "cycles": 3, "layer": "a"}


def test_layers_are_the_first_row(tmp_path):
    trace = Trace("A", 1000.0, ["dram"])
    trace.add("dram", "a", "load", 0, 2)
    trace.add_layer("a", "inference", 0, 5)
    assert trace.rows() == ["layers", "dram"]


def test_slices_of_one_kind_without_a_pause_are_one(tmp_path):
    trace = Trace("A", 1000.0, ["dram"])
    for start, end, layer in ((0, 2, "a"), (2, 4, "a"), (5, 6, "a"), (6, 7, "b")):
        trace.add("dram", layer, "load", start, end)
    trace.write(tmp_path / "t.json")
    drawn, _ = slices(tmp_path / "t.json")
    assert [(event["name"], event["args"]) for event in drawn] == [
        ("a", {"cycle": 0, "cycles": 4, "tasks": 2}),
        ("a", {"cycle": 5, "cycles": 1}),
        ("b", {"cycle": 6, "cycles": 1}),
    ]


def test_of_too_many_slices_short_ones_are_drawn_together_and_no_cycle_is_lost(tmp_path):
    """Loads of one cycle and stalls of one cycle in turn, 4 cycles from start to start, and one
    long load: three slices are allowed, and windows of 16 cycles do."""
    trace = Trace("A", 1000.0, ["dram"], limit=3)
    for start in range(0, 32, 4):
        trace.add("dram", "a", "load", start, start + 1)
        trace.stall("dram", "a", "wait_output", start + 2, start + 3)
    trace.add("dram", "a", "load", 40, 90)
    trace.write(tmp_path / "t.json")
    drawn, events = slices(tmp_path / "t.json")
    assert [event["args"] for event in drawn] == [
        {"cycle": 0, "cycles": 8, "tasks": 8, "load": 4, "wait_output": 4},
        {"cycle": 16, "cycles": 8, "tasks": 8, "load": 4, "wait_output": 4},
        {"cycle": 40, "cycles": 50},
    ]
    assert [event["cat"] for event in drawn] == ["mixed", "mixed", "load"]
    (label,) = (event for event in events if event["name"] == "process_labels")
    assert label["args"] == {"labels": "slices shorter than 16 cycles are drawn together"}


def test_a_name_that_ends_in_gz_is_packed_and_the_same_bytes_each_time(tmp_path):
    trace = Trace("A", 1000.0, ["dram"])
    trace.add("dram", "a", "load", 0, 2)
    for name in ("t.json", "t.json.gz", "u.json.GZ"):
        trace.write(tmp_path / name)
    packed = (tmp_path / "t.json.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "t.json").read_bytes()
    assert packed == (tmp_path / "u.json.GZ").read_bytes()


def test_a_packed_file_of_somebody_else_is_not_written_over(tmp_path):
    path = tmp_path / "t.json.gz"
    path.write_bytes(gzip.compress(b"{}"))
    with pytest.raises(InputError, match="this program did not write it"):
        claim_trace(path)
    path.unlink()
    Trace("A", 1000.0).write(path)
    claim_trace(path)
