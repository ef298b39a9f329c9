"""`archsim` writes over nobody's file: each output that can be named, before a run and after."""

from pathlib import Path

import pytest

from archsim.cli.main import main
from archsim.runs import probe

THESIS = b"thesis"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept_until_forced(arguments, path, capsys):
    """The file stays; with --force, and again without it, the command writes its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(THESIS)
    capsys.readouterr()
    assert main(arguments) == 2
    assert f"{path.name}: is there, and this program did not write it" in capsys.readouterr().err
    assert path.read_bytes() == THESIS
    assert main([*arguments, "--force"]) == 0
    assert path.read_bytes() != THESIS
    assert main(arguments) == 0


@pytest.mark.parametrize("name", ["results/summary.csv", "results/GROUP/diannao.json", "t.json"])
def test_results_and_traces(name, folder, capsys):
    workload = str(probe.PROBES / "inference.yaml")
    arguments = ["run", "-w", workload, "-a", "diannao", "--quiet", "--no-cache", "--no-figures"]
    group = probe_name()
    path = Path(name.replace("GROUP", group))
    trace = ["--trace", "t.json"] if name == "t.json" else []
    kept_until_forced([*arguments, *trace], path, capsys)


def test_a_damaged_result_in_a_folder_of_ours_is_made_again(folder, capsys):
    workload = str(probe.PROBES / "inference.yaml")
    arguments = ["run", "-w", workload, "-a", "diannao", "--quiet", "--no-cache", "--no-figures"]
    assert main(arguments) == 0
    path = Path("results") / probe_name() / "diannao.json"
    before = path.read_bytes()
    path.write_bytes(b"{}")
    assert main(arguments) == 0
    assert path.read_bytes() == before


def test_a_diagram(folder, capsys):
    kept_until_forced(["draw", "diannao", "--svg", "d.svg", "--quiet"], Path("d.svg"), capsys)


def test_figures(folder, capsys):
    pytest.importorskip("matplotlib")
    workload = str(probe.PROBES / "inference.yaml")
    assert main(["run", "-w", workload, "-a", "diannao", "--quiet", "--no-figures"]) == 0
    kept_until_forced(["plot", "--quiet", "--out", "f"], Path("f") / "dram.svg", capsys)


def probe_name():
    import yaml

    return yaml.safe_load((probe.PROBES / "inference.yaml").read_text(encoding="utf-8"))["name"]
