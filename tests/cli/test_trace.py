"""A trace is what Perfetto reads: one row a component, times in microseconds."""

import json

from archsim.results.trace import Trace, write_traces


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
            "args": {"what": "load", "cycle": 100, "cycles": 50},
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
