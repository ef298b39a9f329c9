"""Prices of arithmetic by the width of its operands."""

from itertools import combinations_with_replacement
from typing import ClassVar

import pytest
from loading_files import write
from tiny_networks import conv, network, run

import archsim
from archsim.arch.component import UnitPrice
from archsim.formats.errors import InputError
from archsim.formats.search import find
from archsim.machines.diannao import Nfu
from archsim.machines.systolic import SystolicArray
from archsim.results.energy import load_energy
from archsim.runs.probe import probe

TABLE = "format: archsim-energy/1\nname: x\nsource: a test\nclasses:\n"
NFU = Nfu(inputs=16, outputs=64)
MACHINES = ("diannao", "systolic", "scnn", "smartdeal", "cambricon_x", "bit_pragmatic")
SHIPPED = ("table1_28nm", "interstellar", "fpga_16nm")


def bits(activation, weight):
    return {"activation": activation, "weight": weight}


@pytest.fixture
def table(tmp_path):
    """Writes a table of classes; what it says."""
    return lambda text: load_energy(write(tmp_path, "x.yaml", TABLE + f"  {text}\n"))


def test_a_price_is_that_of_its_width(table):
    prices = table("Nfu: {mac: {8: 1, 16: 5, 8x16: 3}, psum_access: 0.5}")
    found = [prices.price(NFU, "mac", bits(*each)) for each in ((8, 8), (16, 16), (16, 8), (8, 16))]
    assert found == [1, 5, 3, 3]
    assert prices.price(NFU, "mac", bits(4, 4)) is None
    # A byte costs the same whatever it holds.
    assert [prices.price(NFU, "psum_access", bits(w, w)) for w in (4, 8, 16)] == [0.5] * 3


def test_a_plain_number_is_the_price_at_eight_bits(table):
    prices = table("Nfu: {mac: 2}")
    assert prices.price(NFU, "mac") == 2
    assert prices.price(NFU, "mac", bits(16, 16)) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Nfu: {psum_access: {8: 1, 16: 2}}", "'psum_access' of class Nfu costs as much at any"),
        ("PostProcessor: {element: {8: 1, 8x16: 2}}", "depends on the activation alone"),
        ("Nfu: {mac: {32: 1}}", "32"),
        ("Nfu: {mac: {16x8: 1}}", "16x8"),
        ("Nfu: {mac: {8: -1}}", "mac"),
        ("Nfu: {mac: {}}", "mac"),
        ("Nfu: {mac: {8: {pj: 0, reason: nothing at all}}}", "mac"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(table, text, message):
    with pytest.raises(InputError) as error:
        table(text)
    assert message in str(error.value)
    assert "x.yaml:5" in str(error.value)


def test_a_width_that_is_missing_is_named(tmp_path):
    """A later table with a plain number takes the place of all widths of an earlier one."""
    write(tmp_path, "mine.yaml", TABLE + "  Nfu: {mac: 0.2}\n")
    text = find("archs", "diannao").read_text(encoding="utf-8")
    lists = f"energy: [units/table1_28nm, {tmp_path / 'mine.yaml'}]"
    arch = write(tmp_path, "a.yaml", text.replace("energy: units/table1_28nm", lists))
    workload = network(tmp_path, conv("a", [], (3, 4), (5, 5)))
    assert run(arch, workload).energy_pj
    with pytest.raises(InputError) as error:
        run(arch, workload, {"activation_bits": 16})
    wanted = "no price for action 'mac at 8x16 bits' of class Nfu"
    assert wanted in str(error.value)
    assert "classes.Nfu.mac: {8x16: ...}" in str(error.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_prices_follow_their_rule(name):
    """0.124 ab/64 + 0.019 (a + b)/16 pJ of a multiplication and addition; Table I at 8 bits."""
    prices, scale = load_energy(find("archs/units", name)), 14 if name == "fpga_16nm" else 1
    for a, w in combinations_with_replacement((4, 8, 16), 2):
        wanted = scale * (0.124 * a * w / 64 + 0.019 * (a + w) / 16)
        for pair in (bits(a, w), bits(w, a)):
            assert prices.price(NFU, "mac", pair) == pytest.approx(wanted, rel=5e-3)
        assert SystolicArray(rows=1, columns=1).prices["mac"].by_width[
            "x".join(map(str, sorted({a, w})))
        ] == pytest.approx(wanted / scale)


def test_prices_lie_between_the_powers_that_horowitz_has():
    """ISSCC'14, 45 nm: 0.2 and 3.1 pJ for multipliers of 8 and 32 bits, 0.03, 0.05 and 0.1 for
    adders of 8, 16 and 32. Four widths are 15.5 times and 3.3 times, so two are 3.9 and 1.8."""
    prices = load_energy(find("archs/units", "table1_28nm"))
    ratio = prices.price(NFU, "mac", bits(16, 16)) / prices.price(NFU, "mac")
    assert (0.1 / 0.03) ** 0.5 < ratio < (3.1 / 0.2) ** 0.5


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("widths", [(4, 4), (16, 4)])
def test_every_shipped_machine_is_priced_at_every_width(name, widths):
    changes = dict(zip(("activation_bits", "weight_bits"), widths, strict=True))
    probe(archsim.load_arch(name, changes))


def test_a_class_may_bring_prices_by_width():
    class Own(SystolicArray):
        prices: ClassVar = {"mac": UnitPrice(1.0, "a test", {"16": 4.0})}

    prices, array = load_energy(), Own(rows=1, columns=1)
    found = [prices.price(array, "mac", bits(each, each)) for each in (8, 16, 4)]
    assert found == [1.0, 4.0, None]
    assert prices.of({"own": array}, bits(16, 16))["components"] == {"own": {"mac": 4.0}}
    assert Own.problem() is None
    Own.prices = {"mac": UnitPrice(1.0, "a test", {"16": float("nan")})}
    assert "not 0 pJ or more" in Own.problem()


def test_a_result_has_the_prices_of_its_widths(tmp_path):
    workload = network(tmp_path, conv("a", [], (3, 4), (5, 5)))
    wide = run("diannao", workload, {"activation_bits": 16, "weight_bits": 16})
    prices = wide.to_dict()["prices"]["components"]
    assert (prices["nfu"]["mac"], prices["post"]["element"]) == (0.534, 0.534)
    (row,) = wide.layers
    assert row.energy_by["nfu"] == pytest.approx(
        0.534 * row.actions["nfu"]["mac"] + 0.03 * row.actions["nfu"]["psum_access"]
    )
