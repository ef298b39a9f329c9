"""Shares of area from the committed table of rtl/ against hand-made sums, and the prices that
follow from the gates."""

import pytest
import yaml

from archsim.arch.arch import load_arch
from archsim.formats.search import find
from archsim.paper.gates import Counted, engine_share, gate_libraries, serial_over_parallel, share
from archsim.paper.networks import machines
from archsim.paper.printed import data
from archsim.results.pricing import prices_of
from rtl.gate_prices import text
from rtl.page import DATA

# An engine and a line with two in nangate45 cells, and SRAM of 0.55 um2 per bit: another synthesis.
ENGINE, LINE = 1577, 10085
SRAM = 772 * 8192 * 0.55


@pytest.mark.parametrize(
    ("engines", "percent"),
    [
        ("two a line", 100 * 2048 * 1577 / (1024 * 10085 + 3_478_323)),
        ("one a line", 100 * 1024 * 1577 / (1024 * (10085 - 1577) + 3_478_323)),
        ("one a slice", 100 * 64 * 1577 / (1024 * (10085 - 3154) + 64 * 1577 + 3_478_323)),
    ],
)
def test_shares_are_those_of_sums_by_hand(engines, percent):
    found = share(ENGINE, LINE, Counted(64, 1024, SRAM), engines)
    assert found == pytest.approx(percent, rel=1e-4)


def test_one_engine_a_slice_comes_nearest_to_the_paper():
    for library in gate_libraries():
        shares = [
            engine_share(library, name) for name in ("two a line", "one a line", "one a slice")
        ]
        assert shares == sorted(shares, reverse=True)
        assert 0.64 < shares[2] < 2
        assert shares[1] > 10


def test_a_serial_multiplier_is_no_eighth_of_a_parallel_one():
    for library in gate_libraries():
        assert 0.5 < serial_over_parallel(library, 8) < serial_over_parallel(library, 17)


def test_parts_add_up():
    for library in data("rtl_area")["libraries"].values():
        for one in library["modules"].values():
            parts = sum(int(one[part]) for part in ("registers", "adders", "control"))
            assert abs(parts - int(one["um2"])) <= 1


def table_of(name):
    return yaml.safe_load(find("archs/units", name).read_text())


def test_gate_prices_are_the_measured_ratios():
    measured = yaml.safe_load((DATA / "rtl_energy.yaml").read_text())
    assert find("archs/units", "gate_ratio").read_text() == text(measured)
    actions = measured["actions"]
    unit = actions["multiply"]["pj"]
    classes = table_of("gate_ratio")["classes"]
    # By hand: a digit without the register of its sum, and 24-bit additions in the tree of a slice.
    step = actions["booth_step_17"]
    expected = 0.124 * (step["pj"] - step["kept_pj"]) / unit
    assert classes["BitSerialMacArray"]["booth_step"] == pytest.approx(expected, abs=1e-4)
    expected = 0.124 * actions["add_24"]["pj"] / unit
    assert classes["PeSlices"]["tree_add"] == pytest.approx(expected, abs=1e-4)


def test_gate_prices_are_of_every_action_and_memories_are_those_of_table_1():
    gates, table1 = table_of("gate_ratio"), table_of("table1_28nm")
    assert gates["sram"] == table1["sram"]
    assert gates["classes"]["Dram"] == table1["classes"]["Dram"]
    for name, actions in table1["classes"].items():
        assert gates["classes"][name].keys() == actions.keys()


@pytest.mark.parametrize("name", machines())
def test_every_machine_has_gate_prices(name):
    arch = load_arch(name, {"energy": "units/gate_ratio"})
    assert prices_of(arch).price(arch.components[arch.compute], "psum_access") is not None
