"""What `validate` calls right runs; and a network without a profile runs where shapes suffice."""

import pytest

from archsim.analysis.compare import compared
from archsim.analysis.figures.comparison import caption
from archsim.arch.arch import load_arch
from archsim.cli.main import main
from archsim.formats.errors import InputError
from archsim.results.store import Stored, read_result
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload

HEAD = "format: archsim-workload/1\nname: w\nsource: {made_by: a test}\nlayers:\n"
SHAPE = ("name: a, op: conv, inputs: [], in_channels: 3, out_channels: 8, in_size: [8, 8], "
         "kernel: [3, 3], padding: [1, 1]")  # fmt: skip
INPUT = "input: {classes: [{channels: 3, zero: 0.5, values: [1]}]}"
WRONG = {
    "channels": (INPUT.replace("channels: 3", "channels: 4"), "describes 4 channels"),
    "taps": (f"{INPUT}, weight: {{live: 1, values: [1]}}, "
             "pruned: {live: 0.5, taps: [1, 1, 1]}", "taps has 3 entries for a kernel of 9"),
    "slices": (f"{INPUT}, coef: {{rows: {{live: 0.5}}, nonzeros: [1, 1, 1], positive: [1], "
               "slices: 999}", "999 slices of"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_profile_that_does_not_fit_its_layer(what, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    profile, said = WRONG[what]
    (tmp_path / "w.yaml").write_text(f"{HEAD}  - {{{SHAPE}, profile: {{{profile}}}}}\n")
    assert main(["validate", "w.yaml"]) == 2
    told = capsys.readouterr().err
    assert "w.yaml:5:5: layer 'a', profile." in told
    assert said in told


def test_an_arch_without_a_flow_of_its_rule(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = load_arch("diannao").path.read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(text.replace("  weight:", "  wieght:"), encoding="utf-8")
    assert main(["validate", "a.yaml"]) == 2
    assert "needs a flow named 'weight'" in capsys.readouterr().err


@pytest.mark.parametrize("machine", ["diannao", "systolic"])
def test_shapes_alone_give_the_cycles_of_any_values(machine, tmp_path):
    (tmp_path / "w.yaml").write_text(f"{HEAD}  - {{{SHAPE}}}\n")
    (tmp_path / "v.yaml").write_text(
        f"{HEAD}  - {{{SHAPE}, profile: {{{INPUT}, weight: {{live: 1, values: [1]}}}}}}\n"
    )
    bare, drawn = (
        simulate(load_arch(machine), load_workload(tmp_path / f"{name}.yaml")) for name in "wv"
    )
    assert (bare.cycles, bare.energy_by) == (drawn.cycles, drawn.energy_by)
    assert any("none of 1 of 1 layers" in note for note in bare.notes)


def test_a_machine_that_needs_values_says_so_with_the_place(tmp_path):
    (tmp_path / "w.yaml").write_text(f"{HEAD}  - {{{SHAPE}}}\n")
    with pytest.raises(InputError, match=r"w\.yaml:5:5: layer 'a' has no profile\.pruned"):
        simulate(load_arch("scnn"), load_workload(tmp_path / "w.yaml"))


def test_a_network_of_shapes_alone_is_not_called_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.yaml").write_text(f"{HEAD}  - {{{SHAPE}}}\n")
    assert load_workload("w.yaml").mode == "shapes"
    assert main(["run", "-w", "w.yaml", "-a", "diannao", "--no-figures"]) == 0
    said = capsys.readouterr().out
    assert "w: shapes of layers alone, 1 layers" in said
    assert "drawn" not in said
    result = read_result(tmp_path / "results" / "w" / "diannao.json")
    assert result.mode == "shapes"
    found = compared([Stored("w", "diannao", result)], ["diannao"], "diannao")
    assert caption(found) == ["shapes of layers alone, without arrays"]
    both = f"{HEAD}  - {{{SHAPE}, profile: {{{INPUT}}}}}\n  - {{{SHAPE.replace('a,', 'b,', 1)}}}\n"
    (tmp_path / "w.yaml").write_text(both)
    whole = load_workload("w.yaml")
    assert (whole.mode, whole.of_layers("a").mode, whole.of_layers("b").mode) == (
        "profile", "profile", "shapes",
    )  # fmt: skip
