"""Every command of both programs on standard streams that are full, closed or ASCII alone.

They run in this process, on streams made for it; where descriptors are closed, in a child.
"""

import os
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from stricken import everything_said, forked

from archsim.cli.main import main as archsim
from sdalgo.cli.main import main as sdalgo

MACHINES = ["-w", "tiny_sd", "-a", "diannao", "-a", "scnn"]
COMMANDS = [
    ["archsim", "--help"],
    ["archsim", "--version"],
    ["archsim", "run", *MACHINES, "--no-figures"],
    ["archsim", "run", *MACHINES, "--no-figures", "--json"],
    ["archsim", "compare", *MACHINES, "--no-figures"],
    ["archsim", "breakdown", *MACHINES, "--no-figures"],
    ["archsim", "explain", "diannao", "scnn", "-w", "tiny_sd", "--layers", "stem", "--jobs", "1",
     "--no-figures"],
    ["archsim", "ablate", "diannao", "-w", "tiny_sd", "--layers", "stem", "--jobs", "1"],
    ["archsim", "paper", "table2", "--no-figures"],
    ["archsim", "validate", "own.yaml"],
    ["archsim", "new", "fresh", "--from", "diannao"],
    ["archsim", "list", "archs"],
    ["archsim", "list", "components", "--format", "markdown"],
    ["archsim", "draw", "diannao"],
    ["archsim", "plot", "results"],
    ["archsim", "schema", "arch"],
    ["sdalgo", "--help"],
    ["sdalgo", "--version"],
    ["sdalgo", "decompose", "w.safetensors", "-o", "new.sd"],
    ["sdalgo", "decode", "w.sd", "-o", "new.safetensors"],
    ["sdalgo", "report", "w.sd"],
    ["sdalgo", "sweep", "w.safetensors", "--theta", "0.01"],
    ["sdalgo", "list", "recipes"],
    ["sdalgo", "list", "networks", "--json"],
]  # fmt: skip
FILES = {
    "run": "results/tiny_sd/scnn.json", "compare": "results/compare.csv", "new": "archs/fresh.yaml",
    "decompose": "new.sd", "decode": "new.safetensors",
}  # fmt: skip
LOST = r"(archsim|sdalgo): standard output: cannot be written: "


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder that has what the commands read, results included, so that none simulates much."""
    folder = tmp_path_factory.mktemp("streams")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setenv("ARCHSIM_CACHE", str(folder / "cache"))
        values = np.random.default_rng(0).normal(0, 0.1, (8, 4, 3, 3)).astype(np.float32)
        save_file({"conv.weight": values}, "w.safetensors")
        assert sdalgo(["decompose", "w.safetensors", "-o", "w.sd", "--json"]) == 0
        assert archsim(["new", "own", "--from", "diannao"]) == 0
        Path("archs/own.yaml").rename("own.yaml")
        assert archsim(["run", *MACHINES, "--no-figures", "--quiet"]) == 0
    return folder


@pytest.fixture
def folder(made, monkeypatch):
    monkeypatch.chdir(made)
    monkeypatch.setenv("ARCHSIM_CACHE", str(made / "cache"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(params=COMMANDS, ids=" ".join)
def words(request, folder):
    """A command line whose own output is not there yet."""
    Path(FILES.get(request.param[1], "none")).unlink(missing_ok=True)
    return request.param


def run(words):
    return {"archsim": archsim, "sdalgo": sdalgo}[words[0]](words[1:])


def check_made(words):
    """What the command writes is there, whatever became of its text."""
    for word in words[1:2]:
        if word in FILES:
            assert Path(FILES[word]).stat().st_size


def on(stream, monkeypatch, words):
    """The exit status with `stream` as standard output."""
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        return run(words)


def test_what_standard_output_loses_is_told(words, monkeypatch, capsys):
    """A descriptor without a writing side is to `write` what a closed one is."""
    full = Path("/dev/full")
    device, flags, reason = (
        (full, os.O_WRONLY, "No space left on device")
        if full.exists()
        else (os.devnull, os.O_RDONLY, "it is closed")
    )
    capsys.readouterr()
    with open(os.open(device, flags), "w", encoding="utf-8") as stream:
        assert on(stream, monkeypatch, words) == 2
    told = capsys.readouterr().err.splitlines()
    assert re.fullmatch(LOST + reason, told[-1]), told
    assert len([line for line in told if re.match(r"(archsim|sdalgo):", line)]) == 1, told
    check_made(words)


def test_an_encoding_without_letters_costs_nothing(words, tmp_path, monkeypatch, capsys):
    capsys.readouterr()
    with (tmp_path / "said").open("w", encoding="ascii") as stream:
        assert on(stream, monkeypatch, words) == 0, capsys.readouterr().err
    assert (tmp_path / "said").read_bytes().isascii()
    assert (tmp_path / "said").stat().st_size
    check_made(words)


def closed(words, *names):
    """The exit status, and what the other stream got, with standard streams closed as a shell
    closes them; Python then has none by that name."""

    def work():
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            if name in names:
                os.close(number)
                setattr(sys, name, None)
        return run(words)

    child, pipe = forked(work)
    said = everything_said(pipe, 60)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


@pytest.mark.parametrize(
    "words",
    [["archsim", "run", *MACHINES, "--no-figures"], ["archsim", "--help"],
     ["sdalgo", "list", "recipes"]], ids=" ".join,
)  # fmt: skip
def test_closed_descriptors(words, folder):
    status, said = closed(words, "stdin", "stderr")
    assert status == 0
    assert said
    assert not re.search(LOST, said)
    status, said = closed(words, "stdout")
    assert status == 2
    assert re.fullmatch(LOST + "it is closed", said.splitlines()[-1])
    assert closed(words, "stdin", "stdout", "stderr") == (2, "")
    check_made(words)


@pytest.mark.parametrize("main", [archsim, sdalgo])
def test_an_error_that_nobody_hears_keeps_its_status(main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for device, flags in (("/dev/full", os.O_WRONLY), (os.devnull, os.O_RDONLY)):
        if Path(device).exists():
            with open(os.open(device, flags), "w") as stream, monkeypatch.context() as patched:
                patched.setattr(sys, "stderr", stream)
                assert main(["no-such-command"]) == 2


def test_a_command_that_prints_nothing_loses_nothing(folder, monkeypatch, capsys):
    with open(os.open(os.devnull, os.O_RDONLY), "w") as stream:
        words = ["archsim", "run", *MACHINES, "--no-figures", "--quiet"]
        assert on(stream, monkeypatch, words) == 0
    assert not capsys.readouterr().err


@pytest.mark.parametrize(("action", "status"), [("default", 0), ("error", 2)])
def test_a_warning_is_one_line(action, status, folder, monkeypatch, capsys):
    from archsim.cli import listing

    def old(*_):
        warnings.warn("matrices\n  are old", PendingDeprecationWarning, stacklevel=1)
        return {}

    monkeypatch.setattr(listing, "_described", old)
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        found = archsim(["list", "components", "--json"])
    assert found == status
    (line, *more) = capsys.readouterr().err.splitlines()
    assert not more
    assert "matrices are old" in line
    assert re.match(r"archsim: (warning: matrices|PendingDeprecationWarning: )", line)
