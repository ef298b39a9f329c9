"""What a timeline shows of a run is what its result counts, and the file is of the format.

Oracles: the result's own busy and lost cycles; a loop over every cycle for the room taken in
buffers; rules written from "Trace Event Format" (Google, 2016).
"""

import json
from collections import Counter
from itertools import pairwise

import pytest
from tiny_networks import linear, network, residual, run

import archsim
from archsim.formats.search import names
from archsim.results.trace import Trace
from archsim.runs import timeline
from archsim.timing import engine

MACHINES = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]
KEYS = {
    "X": {"ph", "name", "cat", "ts", "dur", "pid", "tid", "args"},
    "C": {"ph", "name", "ts", "pid", "args"},
    "M": {"ph", "name", "pid", "tid", "args"},
}
"""Of each kind of event that we write: complete ones, counters, metadata."""
METADATA = {
    "process_name": {"name": str},
    "process_labels": {"labels": str},
    "thread_name": {"name": str},
    "thread_sort_index": {"sort_index": int},
}


def check_event(event):
    """What the format says of one event; microseconds are numbers, processes and rows integers."""
    kind = event["ph"]
    assert set(event) == KEYS[kind], event
    assert isinstance(event["name"], str)
    for key in KEYS[kind] & {"pid", "tid"}:
        assert type(event[key]) is int, event
    for key in KEYS[kind] & {"ts", "dur"}:
        assert isinstance(event[key], (int, float)), event
        assert event[key] >= 0, event
    args = event["args"]
    if kind == "C":
        assert args
        assert all(type(value) in {int, float} and value >= 0 for value in args.values()), event
    elif kind == "M":
        assert {name: type(value) for name, value in args.items()} == METADATA[event["name"]]
    else:
        assert {"cycle", "cycles"} <= set(args), event
        assert isinstance(event["cat"], str)


def check_format(document):
    """Each event, and all together: rows have names, the slices of a row do not overlap, and the
    times of a counter rise."""
    assert document["displayTimeUnit"] in {"ms", "ns"}
    for event in document["traceEvents"]:
        check_event(event)
    events = document["traceEvents"]
    named = {
        (one["pid"], one["tid"]) for one in events if one["ph"] == "M" and "name" in one["args"]
    }
    ends, times = {}, {}
    for one in events:
        if one["ph"] == "X":
            row = one["pid"], one["tid"]
            assert row in named
            assert one["ts"] >= ends.get(row, 0) - 1e-6, one
            ends[row] = one["ts"] + one["dur"]
        elif one["ph"] == "C":
            assert one["ts"] > times.get((one["pid"], one["name"]), -1)
            times[one["pid"], one["name"]] = one["ts"]


@pytest.fixture(scope="module", params=MACHINES)
def traced(request, tmp_path_factory):
    """A run of a small network with a shortcut, its timeline as a file, and the machine."""
    folder = tmp_path_factory.mktemp("trace")
    arch = archsim.load_arch(request.param)
    trace = Trace("run", arch.clock_mhz, arch.components)
    result = run(request.param, network(folder, *residual()), {}, trace=trace)
    trace.write(folder / "t.json")
    return result, json.loads((folder / "t.json").read_text()), arch


def spent(document):
    """Cycles by row and category, of stalls by row and cause."""
    events = document["traceEvents"]
    rows = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    found = Counter()
    for event in events:
        if event["ph"] == "X":
            kind = event["name"] if event["cat"] == "stall" else "busy"
            found[rows[event["tid"]], kind] += event["args"]["cycles"]
    return found


def test_the_file_is_of_the_format(traced):
    check_format(traced[1])


def test_the_checker_refuses_what_is_not_of_the_format(traced):
    """An oracle that says yes to everything would be none."""
    document = traced[1]
    slices = [event for event in document["traceEvents"] if event["ph"] == "X"]
    for broken in (
        {**slices[0], "ph": "Y"},
        {**slices[0], "dur": -1},
        {**slices[0], "tid": 999},
        {"ph": "C", "name": "n", "pid": 1, "ts": 1, "args": {"held": "much"}},
    ):
        with pytest.raises((AssertionError, KeyError)):
            check_format(document | {"traceEvents": [*document["traceEvents"], broken]})


def test_a_run_with_a_timeline_is_the_same_run(traced, tmp_path):
    assert run(traced[2].path, network(tmp_path, *residual())) == traced[0]


def test_the_time_of_movers_is_that_of_the_result(traced):
    result, document, _ = traced
    found = spent(document)
    totals = result.totals()
    for name, kind in result.kinds.items():
        if kind in {"off_chip", "mover"}:
            assert found[name, "busy"] == totals["busy"].get(name, 0)
            assert found[name, "wait_output"] == totals["lost"].get(name, {}).get("wait_output", 0)


def test_a_memory_that_finds_no_room_stalls(tmp_path):
    """Weights of a systolic array come faster than it takes them: the DRAM waits for most of the
    run, and its row says so for as many cycles as its account."""
    layers = [linear("a", [], (1024, 2048)), linear("b", ["a"], (2048, 1024))]
    trace = Trace("run", 1000.0)
    result = run("systolic", network(tmp_path, *layers), {}, trace=trace)
    found = spent({"traceEvents": [*trace.events(1)]})
    lost = result.totals()["lost"]
    assert lost["dram"]["wait_output"] > result.cycles / 4
    for name in ("dram", "dma"):
        assert found[name, "wait_output"] == lost[name]["wait_output"]


def test_what_the_array_waited_for_is_what_the_result_lost(traced):
    result, document, arch = traced
    found, lost = spent(document), result.totals()["lost"].get(arch.compute, {})
    for cause in ("wait_input", "wait_weight", "wait_output"):
        assert found[arch.compute, cause] * result.instances[arch.compute] == lost.get(cause, 0)
    assert {kind for row, kind in found if row == arch.compute} <= {"busy", "drain", *lost}


def test_layers_stand_in_a_row_from_the_first_cycle_to_the_last_step(traced):
    result, document, _ = traced
    events = document["traceEvents"]
    (row,) = (
        e["tid"] for e in events if e["name"] == "thread_name" and e["args"]["name"] == "layers"
    )
    drawn = [e for e in events if e["ph"] == "X" and e["tid"] == row]
    assert drawn[0]["args"]["cycle"] == 0
    for one, two in pairwise(drawn):
        assert one["args"]["cycle"] + one["args"]["cycles"] == two["args"]["cycle"]
    own = [layer.name for layer in result.layers if layer.fused_into is None]
    assert [e["name"] for e in drawn] == own
    assert {e["cat"] for e in drawn} == {"inference"}


def moved(document, result, clock_mhz):
    """The bytes of each hop: its bandwidth times the length of each window, over all of them."""
    counted = [e for e in document["traceEvents"] if e["name"] == "dram [B per cycle]"]
    ends = [*(e["ts"] for e in counted[1:]), result.cycles / clock_mhz]
    found = Counter()
    for event, end in zip(counted, ends, strict=True):
        for hop, width in event["args"].items():
            found[hop] += width * (end - event["ts"]) * clock_mhz
    return found


def test_bandwidth_adds_up_to_the_bytes_of_the_run(traced):
    """And is never wider than the memory."""
    result, document, arch = traced
    found = moved(document, result, arch.clock_mhz)
    assert sum(found.values()) == pytest.approx(result.dram_bytes, rel=1e-3)
    counted = [e for e in document["traceEvents"] if e["name"] == "dram [B per cycle]"]
    width = arch.resolved["components"]["dram"]["bytes_per_cycle"]
    assert max(sum(e["args"].values()) for e in counted) <= width + 0.01


@pytest.mark.parametrize("preset", ["ddr4_2400", "hbm2", "lpddr4_3200"])
def test_a_memory_with_rows_brings_no_more_bytes_for_being_slower(tmp_path, preset):
    """Its busy cycles have rows that are opened in them, in which nothing is brought."""
    changes = [f"dram.preset={preset}"]
    arch = archsim.load_arch("diannao", changes)
    trace = Trace("run", arch.clock_mhz, arch.components)
    workload = network(tmp_path, *residual())
    result = archsim.simulate(arch, workload, trace=trace)
    trace.write(tmp_path / "trace.json")
    found = moved(json.loads((tmp_path / "trace.json").read_text()), result, arch.clock_mhz)
    assert sum(found.values()) == pytest.approx(result.dram_bytes, rel=1e-3)


@pytest.fixture
def played(monkeypatch, tmp_path):
    """What the timeline of a run is drawn from."""
    kept = []
    watched = engine.watched

    def keep(program):
        kept.append((program, *watched(program)))
        return kept[-1][1:]

    monkeypatch.setattr(engine, "watched", keep)
    arch = archsim.load_arch("smartdeal")
    run("smartdeal", network(tmp_path, *residual()), {}, trace=Trace("run", 1.0))
    return timeline.Played(*kept[0], arch, ())


def test_room_taken_is_that_of_a_loop_over_all_cycles(played):
    program, outcome = played.program, played.outcome
    for index, store in enumerate(program.stores):
        times, held = timeline.room_taken(played, index)
        taken = Counter()
        sizes = []
        for h, hop in enumerate(program.hops):
            for put in hop.puts:
                if put.store == index:
                    for k, units in enumerate(put.units):
                        taken[outcome.starts[h][k]] += units
                        sizes += [units] if units else []
        for h, hop in enumerate(program.hops):
            for take in hop.takes:
                if take.store == index:
                    given = 0
                    for k, done in enumerate(take.done):
                        for item in range(given, done):
                            taken[outcome.leaves[h][k]] -= sizes[item]
                        given = max(given, done)
        now, at = 0, 0
        for cycle in range(outcome.cycles + 1):
            now += taken[cycle]
            while at + 1 < len(times) and times[at + 1] <= cycle:
                at += 1
            assert held[at] == now
        assert 0 <= held.min() <= held.max() <= store.capacity
        assert now == 0


@pytest.mark.slow
def test_resnet50_on_a_machine_is_less_than_10_mb(tmp_path):
    """SmartDeal has the most rows and steps."""
    trace = Trace("SmartDeal", 1000.0, archsim.load_arch("smartdeal").components)
    run("smartdeal", archsim.load_workload("resnet50_sd"), {}, trace=trace)
    trace.write(tmp_path / "t.json")
    assert (tmp_path / "t.json").stat().st_size < 10e6
    check_format(json.loads((tmp_path / "t.json").read_text()))
