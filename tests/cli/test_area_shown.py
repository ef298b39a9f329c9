"""Area and leakage where results are shown: tables of a run, CSV, comparison, explanation."""

import csv
import json
from pathlib import Path

import pytest

from archsim.__main__ import main

RUN = ["-w", "tiny_sd", "-a", "diannao", "-a", "smartdeal", "--no-figures", "--jobs", "1"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def totals(name):
    return json.loads(Path(f"results/tiny_sd@cacti/{name}.json").read_text())["totals"]


def table(name):
    """The rows of a table by machine, means left out."""
    rows = csv.DictReader(Path(f"results/{name}.csv").read_text().splitlines())
    return {row["arch"]: row for row in rows if row["workload"] == "tiny_sd"}


def test_a_run_shows_area_performance_per_area_and_what_is_left_out(capsys):
    assert main(["run", *RUN, "--scenario", "cacti"]) == 0
    said = capsys.readouterr().out
    own = totals("diannao")
    line = next(each for each in said.splitlines() if each.startswith("DianNao "))
    per_area = own["gops"] / own["area_mm2"]
    assert line.split()[-2:] == [f"{own['area_mm2']:.4g}", f"{per_area:.4g}"]
    assert "area by component, mm2" in said
    areas = said[said.index("area by component") :]
    assert ["dma", "unknown", "unknown"] in [each.split() for each in areas.splitlines()]
    assert "Area is without dma, wires." in said
    assert (
        "the parts listed and their leakage; that of dma and the clock tree are left out." in said
    )
    energies = said[said.index("energy by component") :].splitlines()
    names = [each.split("  ")[0] for each in energies[2 : energies.index("")]]
    assert names[-2:] == ["leakage of all parts", "total"]


def test_a_plain_run_says_nothing_of_area(capsys):
    assert main(["run", *RUN]) == 0
    said = capsys.readouterr().out
    assert "mm2" not in said
    assert "dynamic energy of the parts listed; leakage and the clock tree are left out." in said
    head = Path("results/summary.csv").read_text().splitlines()[0]
    assert not [name for name in head.split(",") if "area" in name or "leak" in name]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clock_share: 0.1", "of the parts listed and the clock tree; leakage is left out."),
        (
            "leakage: {Dram: {copy: 70}}",
            "and what dram draws idle; leakage and the clock tree are left out.",
        ),
    ],
)
def test_what_a_table_has_is_said(text, said, capsys):
    head = "format: archsim-energy/1\nname: x\nsource: a test\nextends: units/table1_28nm\n"
    Path("archs").mkdir()
    Path("archs/mine.yaml").write_text(f"{head}{text}\n")
    assert main(["run", *RUN[:4], "--no-figures", "--set", "energy=mine"]) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ([], "of the parts listed and what dram draws idle; leakage and the clock tree are left"),
        (["--scenario", "cacti"], "of the parts listed, their leakage and what dram draws idle; "),
    ],
)
def test_what_a_memory_with_rows_draws_idle_is_said(scenario, said, capsys):
    assert main(["run", *RUN, *scenario, "--set", "dram.preset=hbm2"]) == 0
    assert said in capsys.readouterr().out


def test_columns_of_both_tables(capsys):
    assert main(["compare", *RUN, "--scenario", "cacti", "-q"]) == 0
    own = {name: totals(name) for name in ("diannao", "smartdeal")}
    rows, cells = table("summary"), table("compare")
    for name, found in own.items():
        for column in ("leakage_pj", "area_mm2", "gops_per_mm2"):
            assert float(rows[name][column]) == pytest.approx(found[column])
        parts = [float(v) for k, v in rows[name].items() if k.startswith("area_mm2.") and v]
        assert sum(parts) == pytest.approx(found["area_mm2"])
        assert rows[name]["area_mm2.dma"] == ""
        assert float(cells[name]["energy_pj.leakage"]) == pytest.approx(found["leakage_pj"])
        assert float(cells[name]["area_mm2"]) == pytest.approx(found["area_mm2"])
        assert cells[name]["without_area"] == "dma"


@pytest.mark.slow  # a run for every switch of both machines
def test_an_explanation_keeps_ports_and_says_areas(capsys):
    """Endlessly fast buffers are a question about time: what an access costs stays, so that the
    switch moves no energy but what waiting leaked."""
    cacti = "energy=units/cacti_28nm"
    line = ["explain", f"diannao@{cacti}", f"smartdeal@{cacti}", "-w", "tiny_sd", "--no-figures"]
    assert main([*line, "--json", "--jobs", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    fast = [part for part in found["parts"] if part["title"] == "bandwidth of the buffers"]
    (cycles, energy), *_ = [part["of_a"] for part in fast]
    leaked = found["a"]["leakage_pj"] / found["a"]["cycles"]
    assert energy == pytest.approx(cycles * leaked, rel=1e-6, abs=1e-6)
    assert found["b"]["area_mm2"] > found["a"]["area_mm2"] > 1
    assert abs(found["unexplained"]["energy_pj"]) < 1e-6 * found["a"]["energy_pj"]
