"""How long runs take: steps and events, overlap, bandwidths that bind, and where the time went."""

import json
import subprocess
import sys
from math import ceil

import pytest
from tiny_networks import conv, linear, network, post, residual, run, write

import archsim
from archsim.formats.search import names
from archsim.machines.shared.tables import tables_of
from archsim.results.trace import Trace
from archsim.timing import engine
from archsim.timing.entries import entries_of, rows_of
from archsim.timing.plan import plan_entry
from archsim.timing.program import Hop, Port, Program, ServerSpec
from archsim.timing.queueing import MAX_STEPS, queue_all
from archsim.timing.schedule import Schedule

INFERENCE = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]
EVENTS_A_STEP = 25


def played(arch, workload):
    """(steps, SimPy events, notes) of a run, step by step as `simulate` does it."""
    entries = entries_of(arch, workload, tables_of(arch, workload, None))
    rows = rows_of(entries, workload.layers)
    queued, notes = queue_all([plan_entry(one, arch) for one in entries], arch, rows, 1.0)
    outcome = engine.run(Schedule(arch).program(queued, len(rows)))
    return [len(plan.steps) for plan in queued], outcome.events, notes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shape")


@pytest.fixture(scope="module")
def block(folder):
    return network(folder, *residual(), name="block")


@pytest.fixture(scope="module")
def planes(folder):
    """Large planes that are cut into many steps, compute- and memory-bound layers in turn."""
    return network(
        folder,
        conv("a", [], (3, 24), (64, 64), padding=[1, 1]),
        conv("b", ["a"], (24, 64), (64, 64), kernel=(1, 1)),
        conv("c", ["b"], (64, 24), (64, 64), kernel=(1, 1)),
        post("sum", "add", ["a", "c"]),
        conv("d", ["sum"], (24, 40), (64, 64), padding=[1, 1], stride=[2, 2]),
        name="planes",
    )


@pytest.mark.parametrize("name", INFERENCE)
def test_steps_and_events_are_few(name, block, planes):
    for workload in (block, planes):
        steps, events, notes = played(archsim.load_arch(name), workload)
        assert min(steps) >= 1
        assert sum(steps) <= MAX_STEPS == 20_000
        assert events <= EVENTS_A_STEP * sum(steps)
        assert not notes


def test_a_layer_has_eight_steps_where_it_has_as_many_tiles(folder):
    """DianNao's tiles are 32 pixels of 64 filters: 3 groups of 8 x 9 pixels are 9 tiles."""
    few = network(folder, conv("a", [], (4, 192), (8, 9), kernel=(1, 1)), name="few")
    assert played(archsim.load_arch("diannao"), few)[0] == [9]
    one = network(folder, conv("a", [], (4, 4), (4, 4), kernel=(1, 1)), name="one")
    assert played(archsim.load_arch("diannao"), one)[0] == [1]


def test_a_network_of_too_many_steps_takes_larger_ones_and_says_so(folder):
    """Eight layers of 5.8 MB of results through a buffer of 4 KB: 2813 steps each."""
    layers = [conv(f"l{i}", [], (1, 64), (300, 300), kernel=(1, 1)) for i in range(8)]
    steps, events, notes = played(
        archsim.load_arch("diannao"), network(folder, *layers, name="many")
    )
    assert sum(steps) <= MAX_STEPS
    assert events <= EVENTS_A_STEP * sum(steps)
    assert len(notes) == 1
    assert "to stay under 20000" in notes[0]


@pytest.mark.parametrize("name", INFERENCE)
def test_step_size_hardly_moves_cycles(name, planes):
    arch = archsim.load_arch(name)
    usual, halved = (archsim.simulate(arch, planes, step_scale=scale) for scale in (1.0, 0.5))
    assert abs(halved.cycles / usual.cycles - 1) < 0.02
    assert halved.dram_bytes == usual.dram_bytes


# --- overlap and bandwidth ---

STREAM = [linear("a", [], (1024, 2048))]
"""2 MB of weights in 32 groups of 64 filters, each a quarter of DianNao's SB."""
WEIGHTS = 1024 * 2048


def busy_at_once(workload, overrides):
    """Cycles in which DianNao loads weights and computes at the same time."""
    trace = Trace("DianNao", 1000)
    result = run("diannao", workload, overrides, trace=trace)
    events = [one for one in trace.events(1) if one["ph"] == "X"]
    rows = {
        one["tid"]: one["args"]["name"]
        for one in trace.events(1)
        if one["ph"] == "M" and one["name"] == "thread_name"
    }

    def spans(row, what):
        for one in events:
            at = one["args"]
            if rows[one["tid"]] == row and one["cat"].startswith(what):
                yield range(at["cycle"], at["cycle"] + at["cycles"])

    loading = {cycle for span in spans("dram", "weight") for cycle in span}
    computing = {cycle for span in spans("nfu", "compute") for cycle in span}
    return result.cycles, len(loading), len(computing), len(loading & computing)


def test_two_slots_overlap_and_one_does_not(folder):
    """Groups of 128 KB, half of SB, take 2048 cycles to come at 64 bytes a cycle and to compute."""
    layer = [conv("a", [], (2048, 512), (1, 16), kernel=(1, 1))]
    workload = network(folder, *layer, name="slots")
    both, loading, computing, at_once = busy_at_once(workload, {})
    assert loading == computing == 8 * 2048
    assert at_once > 0.8 * min(loading, computing)
    alone, loading, computing, at_once = busy_at_once(workload, {"sb.slots": 1, "nbin.slots": 1})
    assert at_once == 0
    assert alone >= loading + computing > 1.3 * both


@pytest.mark.parametrize("halved", ["dram", "dma", "sb"])
def test_half_a_bandwidth_that_binds_is_twice_the_time(folder, halved):
    """Weights of 2 MB pass DRAM, DMA and SB one after the other; the slowest decides."""
    workload = network(folder, *STREAM, name="stream")
    width = {"dram": 64, "dma": 64, "sb": 64}
    usual = run("diannao", workload, {f"{n}.bytes_per_cycle": w for n, w in width.items()})
    width[halved] = 32
    slow = run("diannao", workload, {f"{n}.bytes_per_cycle": w for n, w in width.items()})
    assert usual.cycles == pytest.approx(WEIGHTS / 64, rel=0.05)
    assert slow.cycles == pytest.approx(2 * usual.cycles, rel=0.04)


def test_half_a_post_processor_is_twice_the_time(folder):
    pool = post("pool", "pool", [], kind="max", kernel=[8, 8], in_channels=64, in_size=[64, 64])
    workload = network(folder, pool, name="pool")
    work = 64 * 57 * 57 * 64
    cycles = {n: run("diannao", workload, {"post.elements_per_cycle": n}).cycles for n in (16, 32)}
    assert cycles[32] == pytest.approx(ceil(work / 32), rel=0.02)
    assert cycles[16] == pytest.approx(2 * cycles[32], rel=0.02)


def test_latency_delays_and_never_occupies(folder):
    """Once for the first load of all and once for the last store, not once for each of 32 loads."""
    workload = network(folder, *STREAM, name="stream")
    near, far = (run("diannao", workload, {"dram.latency_cycles": n}).cycles for n in (0, 1000))
    assert far - near == pytest.approx(2000, abs=2)


def bussed(folder, width):
    """DianNao with a bus between the DMA and SB: two lines of YAML."""
    path = archsim.load_arch("diannao").path
    text = path.read_text()
    for old, new in (
        ("[dram, dma, sb, nfu]", "[dram, dma, wire, sb, nfu]"),
        ("components:\n", f"components:\n  wire: {{class: Bus, bytes_per_cycle: {width}}}\n"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    target = folder / f"bussed{width}.yaml"
    target.write_text(text)
    return target


def test_two_equal_movers_in_a_row_are_as_fast_as_one(folder, block):
    with_one = run("diannao", block, {"dma.bytes_per_cycle": 2**40})
    with_two = run("diannao", block)
    assert with_one.cycles == with_two.cycles
    assert run(bussed(folder, 64), block).cycles == with_two.cycles


def test_a_bus_is_yaml_alone(folder):
    """A bus of a quarter of the DMA's width quarters the speed, and has a time of its own."""
    workload = network(folder, *STREAM, name="stream")
    usual, slow = run("diannao", workload), run(bussed(folder, 16), workload)
    assert slow.cycles == pytest.approx(4 * usual.cycles, rel=0.02)
    assert slow.totals()["busy"]["wire"] == WEIGHTS // 16
    assert slow.instances["wire"] == 1


# --- where time went ---


@pytest.mark.parametrize("name", INFERENCE)
def test_every_instance_cycle_is_somewhere(name, block, planes):
    """busy + lost + idle = cycles x instances; an array idles where only a pool runs."""
    arch = archsim.load_arch(name)
    for workload in (block, planes):
        result = archsim.simulate(arch, workload)
        totals = result.totals()
        assert set(totals["instances"]) == set(arch.components)
        for part, instances in totals["instances"].items():
            lost = sum(totals["lost"].get(part, {}).values())
            spent = totals["busy"].get(part, 0) + lost + totals["idle"][part]
            assert spent == result.cycles * instances
            assert min(totals["idle"][part], lost, totals["busy"].get(part, 0)) >= 0
        alone = sum(one.cycles for one in result.layers if not one.macs and not one.fused_into)
        alone += result.cycles // 100  # results without work in a machine that skips zeros
        assert totals["idle"][arch.compute] <= alone * totals["instances"][arch.compute]
        assert sum(layer.cycles for layer in result.layers) == result.cycles
        assert max(totals["busy"].values()) > 0


@pytest.mark.parametrize("name", INFERENCE)
def test_the_trace_has_every_component_and_its_busy_time(name, block):
    """What a row shows adds up to what the result says, for parts with a single instance."""
    arch = archsim.load_arch(name)
    trace = Trace(arch.name, arch.clock_mhz, arch.components)
    result = archsim.simulate(arch, block, trace=trace)
    rows = {
        one["tid"]: one["args"]["name"] for one in trace.events(1) if one["name"] == "thread_name"
    }
    shown = dict.fromkeys(rows.values(), 0)
    for one in trace.events(1):
        if one["ph"] == "X":
            shown[rows[one["tid"]]] += one["args"]["cycles"] if one["cat"] != "stall" else 0
            assert one["args"]["cycle"] + one["args"]["cycles"] <= result.cycles
    assert {row.partition(".")[0] for row in shown} == {"layers", *arch.components}
    for part in ("dram", "dma", "post"):
        assert shown[part] == result.totals()["busy"][part]


# --- the same again ---


@pytest.mark.parametrize("name", INFERENCE)
def test_the_same_run_gives_the_same_result(name, folder, block):
    """Twice in this process, and in one that hashes text otherwise."""
    path = write(folder, residual(), name="block")
    first = archsim.simulate(archsim.load_arch(name), block).to_dict()
    assert archsim.simulate(archsim.load_arch(name), archsim.load_workload(path)).to_dict() == first
    if name not in {"smartdeal", "diannao"}:
        return
    code = (
        "import archsim, json, sys\n"
        "arch, workload = archsim.load_arch(sys.argv[1]), archsim.load_workload(sys.argv[2])\n"
        "print(json.dumps(archsim.simulate(arch, workload).to_dict()))"
    )
    fresh = subprocess.run(
        [sys.executable, "-c", code, name, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "17", "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert json.loads(fresh.stdout) == json.loads(json.dumps(first))


def test_an_event_is_a_cycle_that_somebody_waits_for():
    servers = [ServerSpec(Port(name)) for name in "abc"]
    lasting = [[4, 1, 0], [4, 2, 0], [4, 2, 0]]
    hop = Hop("all", [0, 1, 2], lasting, [0] * 3, [0, 0, 5])
    outcome = engine.run(Program(servers, [], [hop], 1))
    # By hand: the second task starts when all three are free, at 4, and the third at 6; that one of
    # them was free at 5, and what arrives 5 cycles after the end, concerns nobody.
    assert outcome.events == 2
    assert outcome.leaves == [[4, 6, 6]]
    assert outcome.arrives == [[4, 6, 11]]
    assert outcome.busy == [[5], [6], [6]]
