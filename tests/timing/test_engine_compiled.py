"""What the compiled loop over events finds against SimPy's events, to the last number, and against
the oracles of time. Without numba there is nothing to hold."""

from dataclasses import replace
from functools import partial

import compiled_ways
import numpy as np
import pytest
from test_engine_oracles import every_cycle, max_plus, random_program

from archsim.formats import compiled as choice
from archsim.formats.errors import Deadlock
from archsim.timing import engine, engine_compiled
from archsim.timing.engine_compiled import LOOPS
from archsim.timing.program import Hop, Port, Program, Put, ServerSpec, StoreSpec, Take

pytest.importorskip("numba", reason="numba, the extra `fast`, is not installed")

both = partial(compiled_ways.both, loops=partial(choice.compiled, LOOPS))


@pytest.fixture(autouse=True)
def however_few(monkeypatch):
    monkeypatch.setattr(engine_compiled, "FEW", 0)


def outcome(program):
    """All that a run finds, with the order in which waits were booked; or what it is stuck on."""
    try:
        found = vars(engine.run(program))
    except Deadlock as error:
        return str(error)
    return {**found, "waits": [[[*one.items()] for one in hop] for hop in found["waits"]]}


def varied(program, rng):
    """The program with layers, gates between hops, results that stay on chip and so overtake, and
    tasks that bring nothing."""
    layers = int(rng.integers(1, 4))
    hops = []
    for at, hop in enumerate(program.hops):
        n = len(hop)
        changes = {"layer": np.sort(rng.integers(0, layers, n)).tolist()}
        if rng.random() < 0.5:
            changes["latency"] = (rng.integers(0, 2, n) * rng.integers(0, 30)).tolist()
        if at and rng.random() < 0.3:
            other = int(rng.integers(at))
            counts = np.sort(rng.integers(0, len(program.hops[other]) + 1, n)).tolist()
            changes["gates"] = [((other, count),) if count else () for count in counts]
        hops.append(replace(hop, **changes))
    return replace(program, hops=tuple(hops), layers=layers)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own"])
@pytest.mark.parametrize("block", range(4))
def test_all_that_is_found_is_what_simpy_finds(block, shared):
    events = stuck = 0
    for case in range(60):
        rng = np.random.default_rng([11, block, case])
        program = varied(random_program(rng, shared), rng)
        compiled, simpy = both(lambda program=program: outcome(program))
        assert compiled == simpy, (block, case)
        stuck += isinstance(simpy, str)
        events += 0 if isinstance(simpy, str) else simpy["events"]
    assert events > 600
    assert stuck < 55


@pytest.mark.parametrize(
    ("shared", "oracle"), [(False, max_plus), (True, every_cycle)], ids=["own", "shared"]
)
def test_the_compiled_loop_keeps_the_oracles_of_time(shared, oracle, monkeypatch):
    monkeypatch.setenv(choice.VARIABLE, "1")
    choice.compiled.cache_clear()
    for case in range(60):
        program = random_program(np.random.default_rng([12, case]), shared)
        assert engine_compiled.loop_for(program) is not None
        assert engine.run(program).starts == oracle(program), case
    choice.compiled.cache_clear()


def a_load_and_a_step(cycles, capacity=10**30):
    """One load of `cycles`, and one step of 5 that takes it."""
    servers = [ServerSpec(Port("memory")), ServerSpec(Port("array"))]
    load = Hop("load", [0], [[cycles]], [0], [7], puts=(Put(0, [1]),))
    step = Hop("step", [1], [[5]], [0], [0], takes=(Take(0, [1], [1], "wait"),))
    return Program(servers, [StoreSpec("store", 0, capacity)], [load, step], 1)


def test_a_load_and_a_step_by_hand():
    """The load's data arrive after its 100 cycles and the latency of 7, one event, and the step
    leaves after 5 more, another."""
    for found in both(lambda: engine.run(a_load_and_a_step(100))):
        assert found.starts == [[0], [107]]
        assert found.cycles == 112
        assert found.waits == [[{}], [{"wait": 107}]]
        assert found.events == 2


def test_cycles_beyond_a_word_stay_with_simpy():
    compiled, simpy = both(lambda: outcome(a_load_and_a_step(2**61)))
    assert compiled == simpy
    assert simpy["cycles"] == 2**61 + 12
