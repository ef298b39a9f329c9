"""Each check that is always on, broken on purpose: by a machine file that loses something, or by
records that do not agree."""

from dataclasses import replace

import pytest
from tiny_networks import conv, network, post

import archsim
from archsim.formats.errors import CheckFailed, Deadlock, InputError
from archsim.machines.shared.tables import tables_of
from archsim.results.accounts import EntryRun, Times
from archsim.results.checks import check_bytes, check_result, check_time
from archsim.timing import engine
from archsim.timing.entries import entries_of, rows_of
from archsim.timing.plan import plan_entry
from archsim.timing.program import Hop, Port, Program, Put, ServerSpec, StoreSpec, Take
from archsim.timing.queueing import queue_all
from archsim.timing.runs import Span

BROKEN = """
from dataclasses import replace

import numpy as np

from archsim.machines import diannao

FLOWS = diannao.FLOWS


def tiles(layer, tensors, arch):
    (table,) = diannao.tiles(layer, tensors, arch)
    lost = table.lost["nfu"]
    return (replace(table, {change}),)
"""
LAYERS = [conv("a", [], (5, 9), (6, 7)), post("pool", "pool", ["a"], kind="max", kernel=[2, 2])]
# Multiplications 5 * 9 * 3 * 3 * 4 * 5, outputs 9 * 4 * 5, cycles 4 * 5 * 3 * 3.
CASES = {
    "a lost multiplication": (
        "macs_done=layer.macs - 1",
        "layer 'a': 8099 multiplications done and 0 skipped are not its 8100",
    ),
    "a multiplication skipped twice": (
        "macs_done=layer.macs + 2, macs_skipped=-2",
        "layer 'a': negative multiplications",
    ),
    "a lost output": (
        "outputs=table.outputs - np.eye(1, table.outputs.shape[1], dtype=np.int64)",
        "layer 'a': 179 outputs written, it has 180",
    ),
    "an output written twice": (
        "outputs=table.outputs + np.eye(1, table.outputs.shape[1], dtype=np.int64)",
        "layer 'a': 181 outputs written, it has 180",
    ),
    "a negative loss": (
        "lost={'nfu': lost | {'unmapped': lost['unmapped'] + 7, 'drain': -7}}",
        "layer 'a', nfu: busy and lost make 184320 instance-cycles of 184320",
    ),
    "time that is nobody's": (
        "lost={'nfu': lost | {'unmapped': lost['unmapped'] - 1}}",
        "layer 'a', nfu: busy and lost make 184319 instance-cycles of 184320",
    ),
    "time counted twice": (
        "busy={'nfu': layer.macs + 1}",
        "layer 'a', nfu: busy and lost make 184321 instance-cycles of 184320",
    ),
    "negative time": ("cycles=table.cycles - 10**6", "layer 'a': negative cycles"),
    "a limit that speeds up": (
        "limited=table.limited - 1",
        "layer 'a': a tile is shorter with bandwidth limits than without",
    ),
    "a negative side": ("side={'sb': -table.cycles}", "layer 'a': negative sb"),
    "negative bytes": ("moving={'input': -1}", "layer 'a': negative bytes"),
    "more rows again than there are": (
        "halo_bytes=211",
        "layer 'a': a cut brings 211 bytes again, and its inputs are 210",
    ),
    "negative weights": ("stationary={'weight': np.array([-1])}", "layer 'a': negative weight"),
    "negative work": (
        "busy={'nfu': -1}, lost={'nfu': {'unmapped': 184321}}",
        "layer 'a': negative busy cycles",
    ),
    "a negative action": (
        "actions=table.actions | {'nfu': {'mac': -1}}",
        "layer 'a': a negative count",
    ),
    "more busy engines than there are": (
        "busy=table.busy | {'sb': 10**9}",
        "sb: busy 1000000000 and lost 0 instance-cycles exceed",
    ),
}


@pytest.mark.parametrize(("change", "message"), CASES.values(), ids=CASES)
def test_a_rule_that_breaks_an_invariant_ends_the_run(tmp_path, change, message):
    (tmp_path / "broken.py").write_text(BROKEN.format(change=change))
    arch = archsim.load_arch("diannao", {"machine": "broken"}, machines=tmp_path)
    with pytest.raises(InputError) as failed:
        archsim.simulate(arch, network(tmp_path, *LAYERS))
    place, _, told = str(failed.value).partition("is not right: ")
    assert place.startswith(f"{tmp_path / 'broken.py'}:")  # the fault is the rule's, with its line
    assert told.startswith(message)


def test_the_rule_is_sound_before_it_is_broken(tmp_path):
    (tmp_path / "sound.py").write_text(BROKEN.format(change="halo_bytes=table.halo_bytes"))
    arch = archsim.load_arch("diannao", {"machine": "sound"}, machines=tmp_path)
    workload = network(tmp_path, *LAYERS)
    shipped = archsim.simulate(archsim.load_arch("diannao"), workload)
    assert archsim.simulate(arch, workload).cycles == shipped.cycles


@pytest.fixture
def planned(tmp_path):
    """The machine, and everything about one layer up to its queue of loads and steps."""
    arch, workload = archsim.load_arch("diannao"), network(tmp_path, *LAYERS)
    entries = entries_of(arch, workload, tables_of(arch, workload, None))
    rows = rows_of(entries, workload.layers)
    plans = [plan_entry(entry, arch) for entry in entries]
    (queued,), _ = queue_all(plans, arch, rows, 1.0)
    run = EntryRun(plans[0], queued)
    check_bytes(run, arch)
    return arch, run


def check_with(planned, **changes):
    arch, run = planned
    check_bytes(EntryRun(run.planned, replace(run.queued, **changes)), arch)


def check_counted(planned, **changes):
    arch, run = planned
    traffic = replace(run.planned.traffic, **changes)
    check_bytes(EntryRun(replace(run.planned, traffic=traffic), run.queued), arch)


def test_a_load_that_never_comes(planned):
    loads = planned[1].queued.loads
    with pytest.raises(
        CheckFailed, match=r"layer 'pool': \d+ bytes of weight brought .* traffic rule has 405"
    ):
        check_with(planned, loads=loads | {"weight": loads["weight"][1:]})


def test_bytes_that_are_never_given_up(planned):
    done = planned[1].queued.done
    with pytest.raises(CheckFailed, match="layer 'pool': bytes of input stay in their buffer"):
        check_with(planned, done=done | {"input": [0] * len(done["input"])})


def test_results_that_never_leave(planned):
    with pytest.raises(CheckFailed, match="0 bytes of results stored, the traffic rule has 108"):
        check_with(planned, stores=planned[1].queued.stores * 0)


# Inputs 5 * 6 * 7, weights 9 * 5 * 3 * 3, outputs of the pool 9 * 3 * 4.
COUNTED = {
    "inputs that are lost": (
        {"reads": {"a": {"input": Span(209, 1), "weight": Span(405, 1)}}},
        "layer 'pool': 209 bytes of input counted, the traffic rule has 210",
    ),
    "weights read twice": (
        {"reads": {"a": {"input": Span(210, 1), "weight": Span(810, 1)}}},
        "layer 'pool': 810 bytes of weight counted, the traffic rule has 405",
    ),
    "bytes that come in no run": (
        {"reads": {"a": {"input": Span(210, 0), "weight": Span(405, 1)}}},
        "layer 'pool': bytes of input come in no run of DRAM",
    ),
    "an operand that there is none of": (
        {
            "reads": {
                "a": {"input": Span(210, 1), "weight": Span(405, 1)},
                "pool": {"input": Span(7, 1)},
            }
        },
        "layer 'pool': 217 bytes of input counted, the traffic rule has 210",
    ),
    "partial sums of a layer of one pass": (
        {"spilled": 3},
        "layer 'pool': 3 bytes of partial sums counted, the traffic rule has 0",
    ),
    "results that are kept and written": (
        {"kept": 108},
        "layer 'pool': 216 bytes of results counted, the traffic rule has 108",
    ),
}


@pytest.mark.parametrize(("changes", "message"), COUNTED.values(), ids=COUNTED)
def test_bytes_that_are_not_those_of_the_rule(planned, changes, message):
    with pytest.raises(CheckFailed) as failed:
        check_counted(planned, **changes)
    assert str(failed.value) == message


TIMES = Times({"a": 2, "b": 1}, [{"a": 7}, {"b": 4}], [{"a": {"drain": 1}}, {}], {"a": 5, "b": 4})


def test_time_that_adds_up_leaves_the_rest_idle():
    assert check_time(TIMES, cycles=9, latencies=0) == {"a": 18 - 8, "b": 5}


@pytest.mark.parametrize(
    ("cycles", "message"),
    [
        (3, "a: busy 7 and lost 1 instance-cycles exceed 3 cycles of 2"),
        (4, "4 cycles lie outside what the components need: 5 at least, 11 at most"),
        (12, "12 cycles lie outside what the components need: 5 at least, 11 at most"),
    ],
)
def test_a_run_too_short_or_too_long(cycles, message):
    with pytest.raises(CheckFailed, match=message):
        check_time(TIMES, cycles, latencies=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energy_pj": 1.0}, "layer 'a': energy parts do not add up to 1.0 pJ"),
        ({"dram_bytes": 3}, "layer 'a': DRAM bytes by flow do not add up to 3"),
        ({"sram_bytes": -1}, "layer 'a': a negative count"),
        ({"cycles": 1}, "the layers' cycles do not add up to"),
    ],
)
def test_a_result_that_does_not_add_up(tmp_path, change, message):
    result = archsim.simulate(archsim.load_arch("diannao"), network(tmp_path, *LAYERS))
    layers = [replace(result.layers[0], **change), *result.layers[1:]]
    with pytest.raises(CheckFailed, match=message):
        check_result(layers, result.cycles, result.energy_by)


def test_energy_that_belongs_to_no_layer(tmp_path):
    result = archsim.simulate(archsim.load_arch("diannao"), network(tmp_path, *LAYERS))
    more = result.energy_by | {"dram": 1e9}
    with pytest.raises(CheckFailed, match="the components' energies do not add up to"):
        check_result(result.layers, result.cycles, more)


def stuck():
    """A consumer whose only task needs two items at once, of which the store holds one."""
    servers = (ServerSpec(Port("dram")), ServerSpec(Port("array")))
    store = StoreSpec("gb (input)", ahead=10, capacity=10)
    load = Hop("input to gb", [0], [[3, 3]], [0, 0], [0, 0], (), (Put(0, [10, 10]),))
    compute = Hop("compute", [1], [[5]], [0], [0], (Take(0, [2], [2], "wait_input"),))
    return Program(servers, (store,), (load, compute), 1)


def test_a_deadlock_says_who_waits_for_whom():
    with pytest.raises(Deadlock) as found:
        engine.run(stuck())
    assert str(found.value).split("\n") == [
        "deadlock, nothing can move any more:",
        "  input to gb, task 1 of 2: waits for 10 bytes of space in gb (input) (10 of 10 held), "
        "which compute empties",
        "  compute, task 0 of 1: waits for item 1 of gb (input), which input to gb brings",
    ]
