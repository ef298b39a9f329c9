"""`archsim sweep` as an operator meets it: its numbers, going on after an end, nothing twice."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from slow_cases import slow_where

import archsim
from archsim.cli.main import main
from archsim.runs import cached
from archsim.runs.simulation import simulate

LINE = ["sweep", "-w", "tiny_sd", "-a", "smartdeal", "--out", "out", "--no-figures"]
POINTS = 16
GRID = ["--vary", "dram.bytes_per_cycle=8,16", "--vary", "pe_slices.sync=tile,lanes"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def counted(monkeypatch):
    """How often tile tables are made and the events run."""
    calls = {"tables_of": 0, "timed": 0}

    def watch(name):
        original = getattr(cached, name)

        def called(*args, **kwargs):
            calls[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(cached, name, called)

    for name in calls:
        watch(name)
    return calls


def table():
    return pd.read_csv("out/points.csv")


def test_its_numbers_are_those_of_single_runs(folder):
    assert main([*LINE, *GRID, "-q"]) == 0
    found = table()
    assert len(found) == 4
    for _, row in found.iterrows():
        changes = [f"{key}={row[key]}" for key in ("dram.bytes_per_cycle", "pe_slices.sync")]
        arch = archsim.load_arch("smartdeal", changes)
        result = simulate(arch, archsim.load_workload("tiny_sd"))
        assert (row["cycles"], row["dram_bytes"]) == (result.cycles, result.dram_bytes)
        assert row["energy_pj"] == result.energy_pj
        assert row["energy_pj.dram"] == result.energy_by["dram"]
        assert row["edp"] == pytest.approx(result.millijoules * result.milliseconds)


def test_nothing_that_has_not_changed_is_run_again(folder, monkeypatch):
    assert main([*LINE, *GRID, "-q"]) == 0
    first = Path("out/points.csv").read_bytes()
    calls = counted(monkeypatch)
    assert main([*LINE, *GRID, "-q", "--no-cache"]) == 0
    assert calls == {"tables_of": 0, "timed": 0}
    assert Path("out/points.csv").read_bytes() == first
    more = ["--vary", "dram.bytes_per_cycle=8,16,32", *GRID[2:]]
    assert main([*LINE, *more, "-q", "--no-cache"]) == 0
    assert calls == {"tables_of": 2, "timed": 2}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("clock_mhz=500,900", {"tables_of": 0, "timed": 0}),
        ("energy=units/table1_28nm,units/cacti_28nm", {"tables_of": 0, "timed": 0}),
        ("dram.bytes_per_cycle=8,9", {"tables_of": 0, "timed": 2}),
        ("interlayer=keep_if_fits", {"tables_of": 0, "timed": 1}),
        ("pe_slices.lines=4,8", {"tables_of": 2, "timed": 2}),
    ],
)
def test_only_what_a_key_touches_is_made_again(folder, monkeypatch, key, expected):
    """Prices: nothing; bandwidths: the event run; keys of the array: its tables."""
    monkeypatch.setenv("ARCHSIM_CACHE", str(folder / "cache"))
    assert main([*LINE, "--vary", "dram.bytes_per_cycle=64", "-q"]) == 0
    calls = counted(monkeypatch)
    assert main([*LINE, "--vary", key, "-q"]) == 0
    assert calls == expected


@pytest.mark.slow
def test_processes_change_no_byte(folder):
    both = [*LINE, "-a", "diannao", *GRID, "-q"]
    assert main([*both, "--jobs", "1"]) == 0
    assert main([*both, "--jobs", "2", "--out", "two"]) == 0
    assert Path("two/points.csv").read_bytes() == Path("out/points.csv").read_bytes()


def started(folder, *words):
    values = ",".join(map(str, range(8, 8 + POINTS)))
    line = [*LINE, "-q", "--no-cache", "--vary", f"dram.bytes_per_cycle={values}", *words]
    path = os.pathsep.join(filter(None, [str(Path(archsim.__file__).parents[1]),
                                         os.environ.get("PYTHONPATH")]))  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "archsim", *line], cwd=folder, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def kept(folder):
    """Row numbers by hash; a row that is written again gets another."""
    path = folder / "out" / "points.sqlite"
    if not path.is_file():
        return {}
    try:
        found = sqlite3.connect(path).execute("SELECT inputs_hash, rowid FROM answers")
        return dict(found.fetchall())
    except sqlite3.OperationalError:  # it is being made
        return {}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_is_ended_goes_on_by_the_same_command(folder, number):
    running = started(folder)
    while len(kept(folder)) < 3:
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.02)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    if number == signal.SIGINT:
        assert running.returncode == 2
        assert "what was finished is kept" in said
    before = kept(folder)
    assert 3 <= len(before) < POINTS
    again = started(folder)
    assert again.wait(timeout=60) == 0
    again.stderr.close()
    after = kept(folder)
    assert len(after) == POINTS
    assert before.items() <= after.items()
    assert len(pd.read_csv(folder / "out" / "points.csv")) == POINTS


def test_a_machine_that_cannot_run_a_network_is_an_answer(folder):
    """No layer of the network has weights of 4 bits."""
    assert main([*LINE, "--vary", "weight_bits=4,8", "-q"]) == 0
    found = table()
    assert [*found["not_available"].notna()] == [True, False]
    assert [*found["front"]] == [False, True]


def test_a_machine_may_have_an_at_sign_in_its_file(folder):
    text = archsim.load_arch("smartdeal").path.read_text()
    Path("my@machine.yaml").write_text(text)
    words = ["--vary", "clock_mhz=500", "--out", "out"]
    assert main([*LINE[:3], "-a", "my@machine.yaml", *words, "-q", "--no-figures"]) == 0
    assert [*table()["arch"]] == ["my@machine"]


def test_json_has_every_point(folder, capsys):
    assert (
        main([*LINE, *GRID, "--json", "--where", "sram_kbytes < 9999", "--objective", "edp"]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["objectives"] == ["edp"]
    assert [point["front"] for point in found["points"]].count(True) == 1


def test_help_has_examples(capsys):
    assert main(["sweep", "--help"]) == 0
    said = capsys.readouterr().out
    assert "Examples:" in said
    assert "archsim sweep -w resnet50_sd" in said


PANELS = {  # the last has no room side by side
    "lines": ["--vary", "dram.bytes_per_cycle=8,16"],
    "map": GRID,
    "parallel": [*GRID, "--vary", "pe_slices.streams=2,4", "-a", "diannao", "--width", "one",
                 "--objective", "cycles", "--objective", "energy_pj", "--objective", "sram_kbytes"],
}  # fmt: skip


@pytest.mark.parametrize("name", slow_where(lambda name: name != "lines", PANELS))
def test_figures_fit_the_keys_and_are_drawn_once(folder, name):
    line = [*LINE[:-1], *PANELS[name], "-q"]
    assert main(line) == 0
    drawn = {path.stem for path in Path("out").glob("*.svg")}
    assert drawn == {path.stem for path in Path("out").glob("*.png")}
    several = set() if name == "lines" else {"sweep_tornado"}
    assert drawn == {f"sweep_{name}", "sweep_front", *several}
    one = Path(f"out/sweep_{name}.svg")
    before, when = one.read_bytes(), one.stat().st_mtime_ns
    assert main(line) == 0
    assert one.stat().st_mtime_ns == when
    assert main([*line, "--no-cache"]) == 0
    assert one.read_bytes() == before


def test_run_and_compare_take_a_machine_with_changes(folder, capsys):
    two = ["-w", "tiny_sd", "-a", "smartdeal", "-a", "smartdeal@pe_slices.sync=lanes", "--out",
           "out", "--no-figures", "--normalise-to", "smartdeal"]  # fmt: skip
    for command in ("run", "compare"):
        assert main([command, *two, "--json"]) == 0
        capsys.readouterr()
    stems = {path.stem for path in Path("out/tiny_sd").glob("*.json")}
    assert stems == {"smartdeal", "smartdeal@pe_slices.sync=lanes"}
    assert main(["run", "-w", "tiny_sd", "-a", "smartdeal@pe_slices.sinc=lanes", "-q"]) == 2
    assert "did you mean 'sync'?" in capsys.readouterr().err
