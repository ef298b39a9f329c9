"""Where time goes adds up to the run, and points stand where operations and bytes put them."""

import json

import pytest

from archsim.analysis.breakdown import Roof, break_down
from archsim.arch.arch import load_arch
from archsim.cli.main import main
from archsim.formats.search import names
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload

MACHINES = [name for name in names("archs") if load_arch(name).task == "inference"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", MACHINES)
def test_parts_of_the_array_add_up_to_the_run(name):
    result = simulate(load_arch(name), load_workload("tiny_sd"))
    found = break_down(name, result)
    assert found.whole.array_cycles == result.cycles
    assert sum(span.busy for span in found.layers) == found.whole.busy
    for cause, count in found.whole.lost.items():
        assert sum(span.lost.get(cause, 0) for span in found.layers) == count
    shares = [found.whole.busy, found.whole.idle, *found.whole.lost.values()]
    assert sum(found.whole.share(part) for part in shares) == pytest.approx(1)
    assert sum(span.operations for span in found.layers) == 2 * result.macs
    assert found.whole.attained == pytest.approx(result.gops / (result.clock_mhz / 1e3))


def test_a_machine_that_skips_nothing_stays_under_its_roof():
    result = simulate(load_arch("diannao"), load_workload("tiny_sd"))
    found = break_down("diannao", result)
    assert found.roof == Roof(2 * 1024, 64.0)
    assert found.whole.attained <= found.roof.at(found.whole.intensity)


def test_a_slow_memory_is_the_ceiling_and_is_nearly_reached():
    slow = ["dram.bytes_per_cycle=1", "nbin.bytes_per_cycle=4096", "sb.bytes_per_cycle=65536"]
    result = simulate(load_arch("diannao", slow), load_workload("tiny_sd"))
    found = break_down("diannao", result)
    whole = found.whole
    assert found.roof.dram_bytes == 1
    assert found.roof.bound(whole.intensity) == "memory"
    assert 0.95 < whole.attained / found.roof.at(whole.intensity) <= 1
    fast = break_down("diannao", simulate(load_arch("diannao"), load_workload("tiny_sd")))
    assert whole.share(whole.lost["wait_input"]) > fast.whole.share(fast.whole.lost["wait_input"])


def test_the_roof_is_the_lower_of_two_ceilings():
    roof = Roof(100.0, 10.0)
    assert (roof.at(5), roof.bound(5)) == (50, "memory")
    assert (roof.at(20), roof.bound(20)) == (100, "array")


def test_the_command_says_and_draws_it(folder, capsys):
    pytest.importorskip("matplotlib")
    command = ["breakdown", "-w", "tiny_sd", "-a", "diannao", "-a", "scnn", "-j", "1"]
    assert main([*command, "-v"]) == 0
    said = capsys.readouterr().out
    assert "wait_input" in said
    assert "SCNN: layers" in said
    assert main([*command, "--json"]) == 0
    one, two = json.loads(capsys.readouterr().out)
    assert (one["machine"], two["machine"]) == ("DianNao", "SCNN")
    assert one["peak_ops_per_cycle"] == 2048
    assert {layer["name"] for layer in one["layers"]} >= {"stem", "fc"}
    figures = sorted(path.name for path in (folder / "results").glob("breakdown*"))
    assert figures == [
        f"breakdown_{what}_tiny_sd.{kind}"
        for what in ("roofline", "time")
        for kind in ("png", "svg")
    ]  # fmt: skip


def test_bad_input_has_status_2(capsys):
    assert main(["breakdown", "-w", "nothing"]) == 2
    assert "nothing" in capsys.readouterr().err
