"""What `import archsim` gives: names that a shell lists, and tables for pandas."""

import subprocess
import sys

import pandas as pd
import pytest

import archsim
from archsim.cli.main import main
from archsim.formats.errors import InputError
from archsim.runs import cached


def test_the_public_names_are_listed_before_they_are_used():
    line = "import archsim; print(*[n for n in dir(archsim) if n in archsim.__all__])"
    said = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert said.stdout.split() == sorted(archsim.__all__)
    for name in archsim.__all__:
        assert getattr(archsim, name)


def test_compare_is_the_table_of_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = ["compare", "-w", "tiny_sd", "-a", "diannao", "-a", "smartdeal", "--out", "out"]
    assert main([*line, "-q", "--no-figures"]) == 0
    written = pd.read_csv("out/compare.csv")
    found = archsim.compare("tiny_sd", ["diannao", "smartdeal"])
    assert [*found.columns] == [*written.columns]
    for name in ("cycles", "speedup", "energy", "dram", "energy_pj.array"):
        assert [*found[name].fillna(-1)] == pytest.approx([*written[name].fillna(-1)])


def test_sweep_is_the_table_of_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vary = {"dram.bytes_per_cycle": [8, 16], "pe_slices.sync": ["tile", "lanes"]}
    found = archsim.sweep("tiny_sd", "smartdeal", vary=vary, where=["cycles < 6000"], out="mine")
    assert [*found["dram.bytes_per_cycle"]] == [8, 8, 16, 16]
    written = pd.read_csv("mine/points.csv")
    assert [*written.columns] == [*found.columns]
    for name in ("cycles", "feasible", "front", "edp"):
        assert [*found[name]] == pytest.approx([*written[name]])
    with pytest.raises(InputError, match="did you mean 'cycles'"):
        archsim.sweep("tiny_sd", "smartdeal", vary=vary, objectives=["cycle"])


def test_simulate_takes_what_the_cache_keeps(tmp_path, monkeypatch):
    monkeypatch.setenv("ARCHSIM_CACHE", str(tmp_path / "cache"))
    arch, workload = archsim.load_arch("smartdeal"), archsim.load_workload("tiny_sd", batch=2)
    assert workload.batch == 2
    first = archsim.simulate(arch, workload)
    monkeypatch.setattr(cached, "timed", None)  # no event may run again
    assert archsim.simulate(arch, workload) == first
    monkeypatch.undo()
    assert archsim.simulate(arch, workload, cache=False) == first


def test_a_result_is_loaded_and_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "-w", "tiny_sd", "-a", "smartdeal", "-q", "--no-figures"]) == 0
    found = archsim.Result.load("results/tiny_sd/smartdeal.json")
    table = found.table()
    for name in found.instances:
        busy = sum(layer.busy.get(name, 0) for layer in found.layers)
        assert table.get(f"busy.{name}", pd.Series([0])).sum() == busy
    lost = [name for name in table if name.startswith("lost.pe_slices.")]
    assert table[lost].sum().sum() == sum(found.totals()["lost"].get("pe_slices", {}).values())
    groups = [name.partition(".")[0] for name in table if "." in name]
    assert [*dict.fromkeys(groups)] == ["dram_bytes", "energy_pj", "busy", "lost"]
    assert groups == sorted(groups, key=[*dict.fromkeys(groups)].index)
    shown = found._repr_html_()
    assert f"<td>{found.cycles:,}</td>" in shown
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match="not a result"):
        archsim.Result.load(tmp_path / "other.json")


def test_what_a_shell_shows_of_an_object_is_one_line():
    arch = archsim.load_arch("smartdeal", {"dram.bytes_per_cycle": 8})
    workload = archsim.load_workload("tiny_sd", batch=2)
    found = archsim.simulate(arch, workload)
    assert repr(workload) == "<Workload: tiny_sd, 17 layers, batch 2>"
    assert repr(arch) == f"<Arch: SmartDeal, {len(arch.components)} components, changed: 1>"
    assert repr(found) == f"<Result: tiny_sd on SmartDeal, {found.cycles:,} cycles>"


def test_text_of_a_file_is_no_markup():
    arch, workload = archsim.load_arch("smartdeal"), archsim.load_workload("tiny_sd")
    from dataclasses import replace

    found = replace(archsim.simulate(arch, workload), workload="<script>", notes=("<b>x</b>",))
    assert "<script>" not in found._repr_html_()
    assert "<b>" not in found._repr_html_()
