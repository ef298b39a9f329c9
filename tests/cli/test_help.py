"""Help of the commands that compare, with an example each, and the examples of their page."""

import re
from pathlib import Path

import pytest

from archsim.arch.arch import load_arch
from archsim.arch.change_files import Ablations, load_sets, switches_of
from archsim.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "analysis.md"


@pytest.mark.parametrize("command", ["compare", "breakdown", "explain", "ablate"])
def test_help_has_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert "Examples:" in said
    assert f"archsim {command}" in said


def test_the_files_of_the_page_load(tmp_path, monkeypatch):
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (switching,) = (block for block in blocks if "switches:" in block)
    (ablating,) = (block for block in blocks if "groups:" in block)
    (tmp_path / "archs" / "switches").mkdir(parents=True)
    (tmp_path / "archs" / "switches" / "bit_pragmatic.yaml").write_text(switching)
    (tmp_path / "mine.yaml").write_text(ablating)
    monkeypatch.chdir(tmp_path)
    last = switches_of("bit_pragmatic")[-1]
    assert last.on(load_arch("bit_pragmatic").resolved)[0].value == "ideal"
    _, variants = load_sets(tmp_path / "mine.yaml", Ablations)
    assert [variant.name for variant in variants] == ["8", "32"]
    assert all(variant.on(load_arch("smartdeal").resolved) for variant in variants)


def test_a_damaged_switch_file_has_status_2(tmp_path, monkeypatch, capsys):
    (tmp_path / "archs" / "switches").mkdir(parents=True)
    (tmp_path / "archs" / "switches" / "diannao.yaml").write_text("description: x\nswitch: []\n")
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "diannao", "scnn", "-w", "tiny_sd"]) == 2
    assert "diannao.yaml:" in capsys.readouterr().err


def test_a_slip_in_a_switch_file_is_an_error_and_not_a_switch_that_does_nothing(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "archs" / "switches").mkdir(parents=True)
    (tmp_path / "archs" / "switches" / "diannao.yaml").write_text(
        "description: x\nswitches: [{name: a, title: b, set: {Nfuu.inputs: 1}}]\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "diannao", "scnn", "-w", "tiny_sd"]) == 2
    assert "diannao.yaml:2:38: there is no component class 'Nfuu'" in capsys.readouterr().err
