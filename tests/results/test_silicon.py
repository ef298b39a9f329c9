"""Area of the parts of a chip and what they draw at rest: per unit, over time, and said where a
table does not know them."""

from dataclasses import replace
from typing import ClassVar

import pytest
import yaml
from loading_files import ARCH, problems, write
from tiny_networks import conv, network

import archsim
from archsim.analysis.roles import energy_by_role
from archsim.arch.component import UnitPrice
from archsim.arch.components.dram import Dram
from archsim.formats.search import find, names
from archsim.paper.gates import gate_area, gate_periods
from archsim.results.energy import load_energy
from archsim.results.pricing import prices_of
from archsim.results.result import Result
from archsim.results.silicon import Silicon, unit_count
from archsim.runs.probe import probe

TABLE = "format: archsim-energy/1\nname: x\nsource: a test\n"
PRICES = "extends: units/table1_28nm\n"
AREAS = (
    "areas: {Nfu: {multiplier: 0.002}, GlobalBuffer: {bank: 0.5}, PostProcessor: {lane: 0.001}}\n"
)
LEAKAGE = "leakage: {Nfu: {multiplier: 0.01}, GlobalBuffer: {bank: 2}, Dram: {copy: 70}}\n"
CACTI = {"energy": "units/cacti_28nm"}
MACHINES = list(names("archs"))
GIGABYTE = 2.0**20


@pytest.fixture
def ran(tmp_path):
    """A layer on the arch of `loading_files` under a table: 1024 multipliers, 64 lanes, two banks
    in each of three buffers, at 1 GHz."""

    def run(text, keys=()):
        write(tmp_path, "mine.yaml", TABLE + PRICES + text)
        path = write(tmp_path, "arch.yaml", ARCH)
        arch = archsim.load_arch(path, ["energy=mine", *keys])
        return archsim.simulate(arch, network(tmp_path, conv("a", [], (4, 8), (6, 6))))

    return run


def areas(name, keys=()):
    """mm2 of the parts of a shipped machine under CACTI's table."""
    arch = archsim.load_arch(name, {**CACTI, **dict(keys)})
    return prices_of(arch).silicon.area_mm2(arch.components, arch.clock_mhz)


def test_without_areas_a_result_is_as_it_was(ran):
    """Not a key more: files and tables of the default prices stay what they were."""
    found = ran("").to_dict()
    assert not {key for key in found["totals"] if "area" in key or "leak" in key or "mm2" in key}
    assert not {key for layer in found["layers"] for key in layer if "leak" in key}
    assert {*found["prices"]} == {"sram", "components"}


def test_area_is_units_times_their_area(ran):
    found = ran(AREAS)
    assert found.area_by == {
        "dma": None, "input_gb": 1.0, "weight_gb": 1.0, "output_gb": 1.0,
        "nfu": pytest.approx(1024 * 0.002), "post": pytest.approx(64 * 0.001),
    }  # fmt: skip
    assert found.area_mm2 == pytest.approx(3 + 2.048 + 0.064)
    assert found.without_area == ["dma"]
    assert found.gops_per_mm2 == pytest.approx(found.gops / 5.112)


@pytest.mark.parametrize("gone", ["Nfu", "GlobalBuffer", "PostProcessor"])
def test_a_part_without_an_area_is_said_and_not_zero(ran, gone):
    kept = yaml.safe_load(AREAS)["areas"]
    del kept[gone]
    found = ran(f"areas: {kept}\n".replace("'", ""))
    names_gone = {"Nfu": {"nfu"}, "PostProcessor": {"post"}}
    expected = names_gone.get(gone, {"input_gb", "weight_gb", "output_gb"})
    assert {*found.without_area} == expected | {"dma"}
    assert all(found.area_by[name] is None for name in expected)


def test_a_unit_may_be_free_with_a_reason(ran):
    free = AREAS.replace("}}\n", "}, Dma: {copy: {mm2: 0, reason: a wire and little else}}}\n")
    found = ran(free)
    assert found.area_by["dma"] == 0
    assert found.without_area == []


def test_leakage_is_power_times_time(ran):
    """mW for cycles at 1 GHz are pJ: 1e-3 J/s x 1e-9 s. The DRAM leaks off the chip."""
    found = ran(LEAKAGE)
    powers = {"dram": 70, "input_gb": 4, "weight_gb": 4, "output_gb": 4, "nfu": 10.24}
    expected = {name: pytest.approx(mw * found.cycles) for name, mw in powers.items()}
    assert found.leakage_by == {**expected, "dma": None, "post": None}
    assert found.leakage_pj == pytest.approx(92.24 * found.cycles)
    assert found.energy_pj == pytest.approx(sum(found.energy_by.values()) + found.leakage_pj)
    assert found.energy_pj - ran("").energy_pj == pytest.approx(found.leakage_pj)
    assert found.without_leakage == ["dma", "post"]
    slow = ran(LEAKAGE, ["clock_mhz=10"])
    assert slow.leakage_pj == pytest.approx(100 * found.leakage_pj)


def test_the_clock_tree_takes_its_share_of_the_chip(ran):
    """A fifth of all that the chip takes, itself included; DRAM has no part in it."""
    found = ran(f"{LEAKAGE}clock_share: 0.2\n")
    on_chip = sum(pj for name, pj in found.energy_by.items() if name != "dram")
    on_chip += sum(pj or 0 for name, pj in found.leakage_by.items() if name != "dram")
    assert found.leakage_by["clock tree"] == pytest.approx(0.2 * on_chip)
    alone = ran("clock_share: 0.2\n")
    assert {*alone.leakage_by} == {"clock tree"}
    assert ran("clock_share: 0\n").leakage_pj is None


def test_a_later_table_wins_per_unit(tmp_path):
    first = write(tmp_path, "a.yaml", TABLE + AREAS + "clock_share: 0.1\n")
    then = write(tmp_path, "b.yaml", TABLE + "areas: {Nfu: {multiplier: 9}}\nclock_share: 0\n")
    found = load_energy(first, then).silicon
    assert found.areas["Nfu"] == {"multiplier": 9}
    assert found.areas["GlobalBuffer"] == {"bank": 0.5}
    assert found.clock_share == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("areas: {Nfu: {multiplyer: 1}}\n", "FILE:4:15: there is no unit of class Nfu called "
         "'multiplyer'; did you mean 'multiplier'? legal: multiplier"),
        ("leakage: {Nuf: {multiplier: 1}}\n", "FILE:4:11: leakage: there is no component class "),
        ("periods: {PeSlices: {lane: 1}}\n", "legal: line, tree_input"),
        ("areas: {Nfu: {multiplier: -1}}\n", "must be at least 1e-12, not -1"),
        ("areas: {Nfu: {multiplier: 0}}\n", "must be at least 1e-12, not 0"),
        ("clock_share: 1\n", "clock_share: must be at most 0.9, not 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_place(tmp_path, text, said):
    found = problems(load_energy, write(tmp_path, "x.yaml", TABLE + text))
    assert any(said in each and each.startswith("FILE:4:") for each in found), found


class Warm(Dram):
    """Off-chip memory that knows what it draws at rest."""

    prices: ClassVar = {action: UnitPrice(100.0, "a test") for action in ("read", "write")}
    watts: ClassVar[float] = 0.25

    @property
    def static_mw(self):
        return 1e3 * self.watts


def test_what_a_part_draws_is_priced_over_the_run(tmp_path):
    """250 mW at 1 GHz are 250 pJ per cycle, beside the actions and under any table."""
    arch = archsim.load_arch(write(tmp_path, "arch.yaml", ARCH))
    parts = {**arch.components, "dram": Warm(bytes_per_cycle=64, latency_cycles=50)}
    workload = network(tmp_path, conv("a", [], (4, 8), (6, 6)))
    cold, warm = (
        archsim.simulate(one, workload) for one in (arch, replace(arch, components=parts))
    )
    assert warm.leakage_by == {"dram": pytest.approx(250 * warm.cycles)}
    assert warm.energy_by == cold.energy_by
    assert warm.energy_pj == pytest.approx(cold.energy_pj + 250 * warm.cycles)


def test_a_part_may_know_its_own_power():
    parts = {"dram": Warm(bytes_per_cycle=8), "other": Dram(bytes_per_cycle=8)}
    assert Silicon().static_mw(parts, 1000) == {"dram": 250}
    table = Silicon(powers={"Warm": {"copy": 3}, "Dram": {"copy": 4}})
    assert table.static_mw(parts, 1000) == {"dram": 3, "other": 4}


@pytest.mark.parametrize("name", [each for each in MACHINES if each != "training_accelerator"])
def test_units_of_an_array_are_what_its_time_is_counted_in(name, tmp_path):
    """`instances` are counted by the rules, to share out time; multipliers, engines and slices that
    have units must be as many."""
    arch = archsim.load_arch(name)
    found = archsim.simulate(arch, network(tmp_path, conv("a", [], (32, 32), (8, 8))))
    same = {"multiplier", "element", "engine"} if name != "scnn" else {"multiplier"}
    counted = {
        (part, unit): unit_count(arch.components[part], keys, arch.components)
        for part in found.instances
        for unit, keys in arch.components[part].units.items()
        if unit in same
    }
    if name == "bit_pragmatic":
        counted["pe_array", "lane"] = unit_count(
            arch.components["pe_array"], ("filters", "columns", "lanes"), arch.components
        )
    assert counted
    assert counted == {key: found.instances[key[0]] for key in counted}


def test_a_unit_of_another_class_is_unknown_without_it():
    parts = archsim.load_arch("smartdeal").components
    alone = {name: part for name, part in parts.items() if name != "pe_slices"}
    keys = parts["mac_array"].units["multiplier"]
    assert unit_count(parts["mac_array"], keys, parts) == 8 * 64 * 16
    assert unit_count(parts["mac_array"], keys, alone) is None


def test_more_slices_take_more_area():
    """65 536 slices are 1024 times 64: so are their lines, multipliers and engines."""
    small, large = areas("smartdeal"), areas("smartdeal", {"pe_slices.slices": 65536})
    for name in ("pe_slices", "mac_array", "rebuild_engine"):
        assert large[name] == pytest.approx(1024 * small[name])
    assert large["input_gb"] == small["input_gb"]
    assert sum(filter(None, large.values())) > 10_000


def test_banks_of_a_gigabyte_take_area_and_leak(tmp_path):
    """A power law from 512 KB and 1 MB on, ten doublings, at the 64 bits of DianNao's SB."""
    found = areas("diannao", {"sb.bank_kbytes": GIGABYTE})
    table = prices_of(archsim.load_arch("diannao", CACTI)).sram
    ratio = table.value("area_mm2", 1024, 64) / table.value("area_mm2", 512, 64)
    copies = table.value("access_ns", GIGABYTE, 64)
    assert found["sb"] == pytest.approx(128 * copies * 1.3016 * ratio**10)
    keys = {**CACTI, "sb.bank_kbytes": GIGABYTE}
    workload = network(tmp_path, conv("a", [], (4, 8), (6, 6)))
    large, small = (
        archsim.simulate(archsim.load_arch("diannao", each), workload) for each in (keys, CACTI)
    )
    assert large.leakage_by["sb"] > 1e5 * small.leakage_by["sb"]
    assert large.gops_per_mm2 < 1e-4 * small.gops_per_mm2


def test_a_hundred_gigahertz_takes_a_hundred_times_the_array(tmp_path):
    """A multiplier that needs 0.789 ns has to be there 78.9 times to begin one every 0.01 ns, and a
    bank of 0.56162 ns 56.162 times."""
    keys = {**CACTI, "clock_mhz": 100_000}
    slow, fast = areas("diannao"), areas("diannao", keys)
    assert fast["nfu"] == pytest.approx(78.9 * slow["nfu"])
    assert fast["sb"] == pytest.approx(56.162 * slow["sb"])
    workload = network(tmp_path, conv("a", [], (64, 64), (8, 8)))
    one, two = (
        archsim.simulate(archsim.load_arch("diannao", each), workload) for each in (CACTI, keys)
    )
    assert two.gops == pytest.approx(100 * one.gops)
    assert two.gops_per_mm2 < 2 * one.gops_per_mm2
    assert "DianNao: area: sb counts 56.2 times, being slower than the clock" in two.notes


FACTOR = 40 * (88 / 40) ** (0.13353 / 0.47000)  # ln(32/28) of ln(32/20)
MODULES = {
    ("Nfu", "multiplier"): ("diannao_column", 16),
    ("BitSerialMacArray", "multiplier"): ("mac_17", 1),
    ("RebuildEngine", "engine"): ("rebuild_engine_pipelined", 1),
    ("IndexSelector", "row"): ("index_selector", 16),
    ("PeSlices", "tree_input"): ("sum_tree", 16),
    ("BitPragmaticPeArray", "lane"): ("bit_pragmatic_column", 16),
    ("ScnnPeArray", "multiplier"): ("multiplier", 1),
    ("SystolicArray", "element"): ("systolic_pe", 1),
}


@pytest.mark.parametrize(
    ("unit", "module"), MODULES.items(), ids=lambda each: "-".join(map(str, each))
)
def test_areas_are_those_of_the_netlists_in_28_nm(unit, module):
    """um2 of osu018 over 50.0, which Stillmaker and Baas (Integration 58, 2017) have between 40 for
    32 nm and 88 for 20; periods are their numbers of inverter delays, at 15 ps."""
    assert pytest.approx(50.0, abs=0.1) == FACTOR
    table = yaml.safe_load(find("archs/units", "cacti_28nm").read_text())
    kind, name = unit
    of, parts = module
    expected = gate_area("osu018", of) / parts / 50.0 / 1e6
    assert table["areas"][kind][name] == pytest.approx(expected, rel=1e-3)
    assert table["leakage"][kind][name] == pytest.approx(0.076 * expected, rel=1e-3)
    assert table["periods"][kind][name] == pytest.approx(
        gate_periods("osu018")[of] * 0.015, abs=1e-3
    )


def test_a_memory_with_rows_draws_its_own_power_alone(ran):
    """A table's 70 mW and the preset's background would be the same power twice."""
    flat, rows = ran(LEAKAGE), ran(LEAKAGE, ["dram.preset=hbm2"])
    assert flat.totals()["leakage_by"]["dram"] == pytest.approx(70 * flat.cycles)
    assert "dram" not in rows.totals()["leakage_by"]
    assert rows.totals()["actions"]["dram"]["background"] == 16 * rows.cycles


@pytest.mark.parametrize("key", ["activation_bits", "weight_bits"])
def test_units_of_another_width_are_said(tmp_path, key):
    """The netlists are of 8 bits; DMA and buffers have no operands."""
    workload = network(tmp_path, conv("a", [], (4, 8), (6, 6)))
    plain, wide = (
        archsim.simulate(archsim.load_arch("diannao", CACTI | more), workload)
        for more in ({}, {key: 16})
    )
    assert not [note for note in plain.notes if "operands" in note]
    named = ["nfu", "post"] if key == "activation_bits" else ["nfu"]
    assert [note.split()[2] for note in wide.notes if "8-bit operands" in note] == named
    assert wide.area_by == plain.area_by


def test_every_shipped_machine_runs_under_the_table():
    for name in [*MACHINES, "edge/fpga"]:
        arch = archsim.load_arch(name, CACTI)
        probe(arch)
        known = prices_of(arch).silicon.area_mm2(arch.components, arch.clock_mhz)
        unknown = {part for part, mm2 in known.items() if mm2 is None}
        # No netlist of rtl/ has bfloat16, and how many engines serve an array is not published.
        training = {"pe_array", "rebuild_engine"} if arch.task == "training" else set()
        assert unknown == {"dma"} | training, name


def test_a_result_is_read_as_it_was_written(tmp_path):
    arch = archsim.load_arch("smartdeal", CACTI)
    found = archsim.simulate(arch, network(tmp_path, conv("a", [], (8, 8), (6, 6))))
    again = Result.from_dict(found.to_dict())
    assert again.to_dict() == found.to_dict()
    assert again.area_by == found.area_by
    roles = energy_by_role(again)
    assert roles["leakage"] == found.leakage_pj > 0
    assert sum(roles.values()) == pytest.approx(found.energy_pj)
    table = found.table()
    assert table["leakage_pj.mac_array"].sum() == pytest.approx(found.leakage_by["mac_array"])
    assert table["leakage_pj.dma"].isna().all()  # no table knows it: not 0
