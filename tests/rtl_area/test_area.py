"""The flow from Verilog to area, delay, energy and FPGA resources. The rebuild engine and the MAC
are done again and compared with the committed table; small circuits are held against hand sums."""

import os
import shutil
from pathlib import Path

import pytest
import yaml
from slow_cases import slow_where

from rtl.cell_power import library as powers
from rtl.fpga import counted
from rtl.modules import MODULES, Module
from rtl.netlist import fo4_ns, mapped, period_ns
from rtl.operands import brick_cycles, digits
from rtl.page import DATA
from rtl.switching import energy
from rtl.tools import LIBRARIES, PACKAGES, cell_areas, registers


@pytest.fixture(scope="module")
def osu018():
    """The library; skips, or fails where RTL_REQUIRED is set, without it and its tools."""
    missing = [PACKAGES[name] for name in PACKAGES if not shutil.which(name)]
    if not LIBRARIES["osu018"].is_file():
        missing.append("qflow-tech-osu018")
    if missing:
        message = f"apt-get install {' '.join(sorted(set(missing)))}"
        if os.environ.get("RTL_REQUIRED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return LIBRARIES["osu018"]


COMMITTED = ["mac_17", "rebuild_engine", "rebuild_engine_pipelined", "index_selector"]


@pytest.mark.parametrize("name", slow_where("mac_17".__ne__, COMMITTED))
def test_the_committed_table_is_what_the_command_makes(name, osu018, tmp_path):
    committed = yaml.safe_load((DATA / "rtl_area.yaml").read_text())["libraries"]["osu018"]
    known = committed["modules"][name]
    netlist = mapped(MODULES[name], osu018, tmp_path)
    # Another version of yosys or abc may choose other cells.
    assert netlist.area == pytest.approx(known["um2"], rel=0.05)
    assert netlist.parts["registers"] == pytest.approx(known["registers"], rel=0.02)
    assert period_ns(netlist) == pytest.approx(known["period_ns"], rel=0.1)


def test_an_adder_of_eight_bits_is_what_its_cells_are(osu018, tmp_path):
    netlist = mapped(MODULES["adder"], osu018, tmp_path)
    areas = cell_areas(osu018)
    assert areas["FAX1"] == 120  # read off the file
    assert netlist.area == sum(areas[cell] * count for cell, count in netlist.cells.items())
    assert netlist.parts["registers"] == 0
    assert registers(osu018) == {"DFFNEGX1", "DFFPOSX1", "DFFSR", "LATCH"}


def test_an_inverter_with_four_loads_takes_what_inverters_of_its_time_take(osu018, tmp_path):
    # About 0.36 ps per nm of gate length, a rule of thumb that holds within a factor of two.
    assert 0.5 < fo4_ns(osu018, tmp_path) / (0.36e-3 * 180) < 2


def test_energy_is_that_of_the_transitions_by_hand(osu018, tmp_path):
    """An adder of one bit is an XOR: where one input toggles N times, the energy is N times that of
    the cell without a load, for it drives no pin."""
    netlist = mapped(Module("adder", "1 + 1 bit", {"BITS": 1}), osu018, tmp_path, by_part=False)
    ports = {"a": 1, "b": 1}
    still = energy(netlist, ports, ["0"] * 10)
    assert still.logic == 0
    words = ["0", "2"] * 10
    found = energy(netlist, ports, words)
    assert netlist.cells == {"XOR2X1": 1}
    pin = powers(osu018).pins["XOR2X1"]["Y"]
    assert found.logic == pytest.approx(19 * pin.toggle_pj(0.0))
    assert found.registers == found.clock == 0


@pytest.mark.parametrize(
    ("value", "count"), [(0, 0), (1, 1), (3, 2), (-1, 1), (85, 4), (127, 2), (-128, 1)]
)
def test_booth_digits(value, count):
    assert digits(value) == count


@pytest.mark.parametrize(
    ("magnitudes", "cycles"), [([0, 0], 1), ([1, 2], 1), ([1, 16], 2), ([255, 1], 8), ([3, 48], 3)]
)
def test_cycles_of_a_brick(magnitudes, cycles):
    assert brick_cycles(magnitudes, reach=4) == cycles


@pytest.mark.slow
def test_a_multiplier_takes_lookup_tables_or_a_dsp(osu018, tmp_path):
    found = counted(MODULES["multiplier"], tmp_path)
    assert found["ff"] == 0
    assert found["dsp"] == 1 or found["lut"] > 32


def test_the_page_is_that_of_the_tables(tmp_path, monkeypatch):
    from rtl import page

    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    page.write()
    docs = Path(__file__).parents[2] / "docs" / "rtl_area.md"
    assert (tmp_path / "page.md").read_text() == docs.read_text()
