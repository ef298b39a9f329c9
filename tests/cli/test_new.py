"""`archsim new`: a machine begun as a copy, which is right and runs at once."""

import json

import pytest

import archsim
from archsim.cli.main import main
from archsim.formats.search import find


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*arguments):
    return main(["new", *arguments])


def test_a_copy_keeps_comments_and_has_its_own_name(empty, capsys):
    assert new("my_machine", "--from", "smartdeal") == 0
    before = find("archs", "smartdeal").read_text().splitlines()
    after = (empty / "archs" / "my_machine.yaml").read_text().splitlines()
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert changed == [("name: SmartDeal", "name: my_machine")]
    said = capsys.readouterr().out
    assert "written: archs/my_machine.yaml" in said
    assert "archsim validate archs/my_machine.yaml" in said
    assert "archsim run -w tiny_sd -a smartdeal -a my_machine" in said
    assert [path.name for path in empty.rglob("*") if path.is_file()] == ["my_machine.yaml"]


def test_it_is_valid_and_runs_as_the_machine_it_was_copied_from(capsys):
    assert new("mine", "--from", "diannao", "--quiet") == 0
    assert main(["validate", "archs/mine.yaml"]) == 0
    asked = ["-w", "tiny_sd", "-a", "diannao", "-a", "mine", "-q", "--no-figures", "--json"]
    assert main(["run", *asked]) == 0
    said = capsys.readouterr().out
    runs = json.loads(said[said.index("{") :])["runs"]
    assert {one["arch"] for one in runs} == {"diannao", "mine"}
    assert runs[0]["totals"] == runs[1]["totals"]


@pytest.mark.parametrize("source", ["systolic", "diannao", "scnn"])
def test_a_rule_is_copied_or_where_it_is_a_folder_imported(empty, monkeypatch, capsys, source):
    assert new("mine", "--from", source, "--rule", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["written"] == ["machines/mine.py", "archs/mine.yaml"]
    assert told["next"][1] == "ARCHSIM_MACHINES=machines archsim validate archs/mine.yaml"
    monkeypatch.setenv("ARCHSIM_MACHINES", "machines")
    arch = archsim.load_arch("mine")
    assert arch.machine == "mine"
    assert arch.machine_path.resolve() == empty / "machines" / "mine.py"
    asked = ["-w", "tiny_sd", "-a", source, "-a", "mine", "-q", "--no-figures", "--json"]
    assert main(["run", *asked]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert runs[0]["totals"] == runs[1]["totals"]


@pytest.mark.parametrize("name", ["Mine", "2mine", "my-machine", "class", "shared", "_x", "a" * 61])
def test_a_name_that_is_none_is_refused(empty, capsys, name):
    assert new(name) == 2
    assert "is no name for a machine: small letters" in capsys.readouterr().err
    assert not list(empty.iterdir())


def test_nothing_is_overwritten(empty, capsys):
    assert new("mine") == 0
    before = (empty / "archs" / "mine.yaml").read_bytes()
    assert new("mine", "--from", "diannao") == 2
    assert "'mine': is taken (archs/mine.yaml); choose another name" in capsys.readouterr().err
    assert (empty / "archs" / "mine.yaml").read_bytes() == before
    assert new("scnn") == 2
    assert "'scnn': is taken (it comes with archsim)" in capsys.readouterr().err
    (empty / "machines").mkdir()
    (empty / "machines" / "other.py").write_text("")
    assert new("other", "--rule") == 2
    assert "is taken (machines/other.py)" in capsys.readouterr().err
    assert not (empty / "archs" / "other.yaml").exists()


def test_a_source_that_is_not_there_is_named(empty, capsys):
    assert new("mine", "--from", "smartdael") == 2
    assert "there is no arch 'smartdael'; did you mean 'smartdeal'?" in capsys.readouterr().err
    assert not list(empty.iterdir())
