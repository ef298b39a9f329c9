"""Pipes and devices in place of files are refused at once by every command, and no command writes
over what it has read."""

import os
import shutil
from pathlib import Path

import pytest

from archsim.cli.main import main
from archsim.formats.search import find

pytestmark = pytest.mark.usefixtures("in_time")


def refused(arguments, capsys):
    assert main(arguments) == 2, capsys.readouterr()
    said = capsys.readouterr().err
    assert "internal error" not in said
    return said


@pytest.mark.parametrize("what", ["pipe", "device"])
@pytest.mark.parametrize("arguments", [
    ["validate", "x.yaml"], ["run", "-w", "x.yaml"], ["run", "-w", "small", "-a", "x.yaml"],
    ["run", "-w", "small", "-a", "diannao", "--scenario", "x.yaml"], ["draw", "x.yaml"],
    ["compare", "-w", "x.yaml"], ["breakdown", "-w", "x.yaml"],
    ["explain", "x.json", "diannao", "-w", "small"],
    ["explain", "diannao", "x.yaml", "-w", "small"],
    ["ablate", "x.yaml", "-w", "small"], ["new", "mine", "--from", "x.yaml"],
])  # fmt: skip
def test_a_named_file_that_is_none_is_refused_at_once(arguments, what, folder, capsys):
    for name in ("x.yaml", "x.json"):
        if what == "pipe":
            os.mkfifo(name)
        else:
            Path(name).symlink_to("/dev/zero")
    assert f"it is a {what}" in refused(arguments, capsys)


def test_what_a_file_names_is_refused_as_well(folder, capsys):
    Path("workloads/small.safetensors").unlink()
    os.mkfifo("workloads/small.safetensors")
    assert "small.safetensors: cannot be read: it is a pipe" in refused(
        ["run", "-w", "small", "-a", "diannao"], capsys
    )


def test_a_pipe_as_a_rule_is_refused(folder, capsys, monkeypatch):
    Path("machines").mkdir()
    os.mkfifo("machines/mine.py")
    shutil.copy(find("archs", "systolic"), "mine.yaml")
    text = Path("mine.yaml").read_text().replace("machine: systolic", "machine: mine")
    assert "machine: mine" in text
    Path("mine.yaml").write_text(text)
    monkeypatch.setenv("ARCHSIM_MACHINES", "machines")
    assert "mine.py: cannot be read: it is a pipe" in refused(["validate", "mine.yaml"], capsys)


def test_a_pipe_among_results_is_named_and_left_out(folder, capsys):
    assert main(["run", "-w", "small", "-a", "diannao", "--no-figures"]) == 0
    os.mkfifo("results/small/pipe.json")
    capsys.readouterr()
    assert "pipe.json" in refused(["plot"], capsys)
    assert main(["run", "-w", "small", "-a", "diannao", "--no-figures"]) == 0


@pytest.mark.parametrize("arguments", [
    ["draw", "mine.yaml", "--svg", "mine.yaml"],
    ["draw", "mine.yaml", "--svg", "link.svg"],
    ["run", "-w", "small", "-a", "mine.yaml", "--trace", "mine.yaml"],
    ["run", "-w", "small", "-a", "mine.yaml", "--trace", "workloads/small.yaml"],
    ["run", "-w", "small", "-a", "mine.yaml", "--trace", "workloads/small.safetensors"],
])  # fmt: skip
def test_no_output_takes_the_place_of_an_input(arguments, folder, capsys):
    shutil.copy(find("archs", "diannao"), "mine.yaml")
    Path("link.svg").symlink_to("mine.yaml")
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    said = refused(arguments, capsys)
    assert f"{arguments[-1]}: is read by this command" in said
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.parametrize("name", ["..", ".", "../up", "a/b", "/tmp/x", ".hidden"])
def test_a_new_machine_has_a_name_and_no_path(name, folder, capsys):
    refused(["new", name], capsys)
    assert not list(folder.parent.glob("*.yaml"))


@pytest.mark.parametrize("name", ["..", "../up", "/tmp/x", "."])
def test_a_workload_has_a_name_and_no_path(name, folder, capsys):
    path = Path("workloads/small.yaml")
    path.write_text(path.read_text().replace("name: small", f"name: {name!r}", 1))
    assert "workloads/small.yaml:2:7: name" in refused(
        ["run", "-w", "small", "-a", "diannao"], capsys
    )
    assert not Path("results").exists()
