"""Assumptions one at a time: each reaches its machine, and the factors follow from the runs."""

import math

import pytest

from archsim.arch.arch import load_arch
from archsim.paper import kept, sensitivity
from archsim.paper.assumptions import DEFAULT, listed, scenario
from archsim.paper.context import Wanted
from archsim.paper.context import context as context_of
from archsim.paper.networks import machines, networks
from archsim.paper.runs import Runner

pytestmark = pytest.mark.slow  # every assumption is run, with one process and with two
MACHINES = machines()
SWITCHES = listed("assumptions")
PRICES = {"DRAM energy", "SRAM table", "prices of operations"}


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_a_switch_changes_what_it_names_and_nothing_else(switch):
    changed = {name for name in MACHINES if switch.load(name).hash != load_arch(name).hash}
    if switch.dram_energy != 1.0:
        assert changed == set()
    elif any(not change.machine for change in switch.changes):
        assert changed == {*MACHINES}
    else:
        assert changed == {change.machine for change in switch.changes}


@pytest.mark.parametrize("name", ["as_published", "ideal_lanes"])
def test_scenarios_load_on_every_machine(name):
    found = scenario(name)
    assert {change.machine for change in found.changes} <= {"", *MACHINES}
    for machine in MACHINES:
        found.load(machine)
    assert found.load("diannao").hash == load_arch("diannao").hash


def test_every_question_of_the_paper_has_a_switch():
    groups = {switch.group for switch in SWITCHES}
    assert {"DRAM bandwidth", "DRAM energy", "SRAM table", "synchronisation", "buffer split",
            "interlayer", "pruning of the baselines", "Ti x Tn"} <= groups  # fmt: skip
    assert len({switch.name for switch in SWITCHES}) == len(SWITCHES)


@pytest.fixture(scope="module")
def measured():
    """Price switches and DianNao's shape on the smallest network."""
    runner = Runner()
    found = networks(["VGG19"])
    only = {*PRICES, "Ti x Tn"}
    return runner, found, sensitivity.measure(runner, found, DEFAULT, [*only])


def test_factors_are_values_over_the_base(measured):
    _, _, found = measured
    for move in found.moves:
        for name in sensitivity.RATIOS:
            expected = move.values[name] / found.base.values[name]
            assert move.factors[name] == pytest.approx(expected)
    assert all(factor == 1 for factor in found.base.factors.values())


def test_prices_move_energy_alone(measured):
    _, _, found = measured
    for move in found.moves:
        if move.group in PRICES:
            assert move.factors[sensitivity.ENERGY] != 1
            for name in sensitivity.RATIOS:
                assert name == sensitivity.ENERGY or move.factors[name] == 1


def test_dram_energy_by_hand(measured):
    runner, found, moved = measured
    grid = runner.grid(found, DEFAULT)["VGG19"]
    half = next(move for move in moved.moves if move.name == "DRAM 50 pJ/B")
    energy = {
        name: grid[name].energy_pj - 50 * grid[name].dram_bytes for name in ("diannao", "smartdeal")
    }
    ours = half.values[sensitivity.ENERGY]
    assert ours == pytest.approx(energy["diannao"] / energy["smartdeal"])


def test_diannao_32_x_32_by_its_closed_form(measured):
    """Channels of VGG19 are multiples of 32 but the first layer's 3: only that layer changes."""
    runner, found, moved = measured
    shape = next(move for move in moved.moves if move.group == "Ti x Tn")
    base = runner.result(found[0], load_arch("diannao"))
    keys = ["nfu.inputs=32", "nfu.outputs=32", "nbin.bytes_per_cycle=32"]
    square = runner.result(found[0], load_arch("diannao", keys))
    for before, after in zip(base.layers, square.layers, strict=True):
        grown = 2 if before is base.layers[0] else 1
        assert after.compute_cycles == grown * before.compute_cycles
    assert shape.factors[sensitivity.SPEED] == pytest.approx(square.cycles / base.cycles)


def test_the_largest_move_and_the_order(measured):
    _, _, found = measured
    largest = found.largest(sensitivity.ENERGY)
    assert all(
        abs(math.log(move.factors[sensitivity.ENERGY]))
        <= abs(math.log(largest.factors[sensitivity.ENERGY]))
        for move in found.moves
    )
    assert found.base.energy_order[0] == "smartdeal"
    assert set(found.base.speed_order) == {*MACHINES}


def test_it_is_read_back_as_it_was_kept(measured, tmp_path):
    _, _, found = measured
    kept.write(tmp_path, kept.SENSITIVITY, found.to_dict())
    assert kept.sensitivity(tmp_path).to_dict() == found.to_dict()


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({}, True),
        ({"networks": ("VGG19", "ResNet50")}, False),
        ({"scenario": "ideal_lanes"}, False),
        ({"conv_only": False}, False),
    ],
)
def test_it_answers_the_question_that_it_was_measured_for(measured, tmp_path, changes, known):
    _, _, found = measured
    kept.write(tmp_path, kept.SENSITIVITY, found.to_dict())
    wanted = Wanted(**{"networks": ("VGG19",), "out": tmp_path, **changes})
    context = context_of(wanted, cached=False)
    assert (context.known is not None) == known


def test_processes_do_not_show(measured):
    _, found, alone = measured
    heard = []
    runner = Runner(processes=2, tick=lambda *said: heard.append(said))
    together = sensitivity.measure(runner, found, DEFAULT, ["Ti x Tn"])
    (move,) = together.moves
    assert together.base == alone.base
    assert move == next(one for one in alone.moves if one.name == move.name)
    assert [done for done, _, _ in heard] == list(range(1, 7))  # five machines and one more
    assert {total for _, total, _ in heard} == {6}


def test_every_network_of_the_paper_is_asked(tmp_path):
    context = context_of(Wanted(out=tmp_path), cached=False)
    assert [network.name for network in context.networks] == [one.name for one in networks()]
    assert len(context.networks) == 7
