"""`archsim sweep --dask` with a real scheduler, and workers of which one is killed."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dask_cluster import cluster

import archsim
from archsim.analysis.sweep import dask_workers
from archsim.analysis.sweep.answers import opened
from archsim.cli.main import main
from archsim.formats.errors import InputError

pytest.importorskip("distributed")
COUNT = 24
VALUES = ",".join(map(str, range(8, 8 + COUNT)))
LINE = ["sweep", "-w", "tiny_sd", "-a", "smartdeal", "--vary", f"dram.bytes_per_cycle={VALUES}",
        "--no-figures", "-q"]  # fmt: skip


def start(folder, address):
    path = os.pathsep.join(filter(None, [str(Path(archsim.__file__).parents[1]),
                                         os.environ.get("PYTHONPATH")]))  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "archsim", *LINE, "--no-cache", "--dask", address, "--out", "out"],
        cwd=folder, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def finished(folder):
    path = folder / "out" / "points.sqlite"
    try:
        found = sqlite3.connect(path).execute("SELECT inputs_hash FROM answers").fetchall()
        return [inputs for (inputs,) in found]
    except sqlite3.OperationalError:  # it is not made yet
        return []


def wait_for(folder, running, count):
    while len(finished(folder)) < count:
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.02)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing(tmp_path):
    """Every point is there, each once, and the table has the bytes of a sweep on one process."""
    (tmp_path / "out").mkdir()
    with cluster(tmp_path, workers=2) as crew:
        running = start(tmp_path, crew.address)
        wait_for(tmp_path, running, 4)
        crew.workers[0].kill()
        assert len(finished(tmp_path)) < COUNT
        _, said = running.communicate(timeout=120)
        assert (running.returncode, said) == (0, "")
    found = finished(tmp_path)
    assert len(found) == len(set(found)) == COUNT
    assert main([*LINE, "--jobs", "1", "--out", str(tmp_path / "alone")]) == 0
    assert (tmp_path / "out/points.csv").read_bytes() == (
        tmp_path / "alone/points.csv"
    ).read_bytes()


@pytest.mark.slow
def test_a_search_on_workers_comes_to_the_same_points(tmp_path):
    line = ["search", *LINE[1:], "--evaluations", "10", "--no-cache"]
    with cluster(tmp_path, workers=2) as crew:
        assert main([*line, "--dask", crew.address, "--out", str(tmp_path / "out")]) == 0
    assert len(finished(tmp_path)) == 10
    assert main([*line, "--jobs", "1", "--out", str(tmp_path / "alone")]) == 0
    assert (tmp_path / "out/points.csv").read_bytes() == (
        tmp_path / "alone/points.csv"
    ).read_bytes()


@pytest.mark.slow
def test_a_scheduler_that_is_gone_is_told_and_what_is_done_is_kept(tmp_path):
    (tmp_path / "out").mkdir()
    with cluster(tmp_path, workers=1) as crew:
        running = start(tmp_path, crew.address)
        wait_for(tmp_path, running, 2)
        crew.scheduler.kill()
        _, said = running.communicate(timeout=120)
    assert running.returncode == 2
    assert "the scheduler is gone; what was finished is kept" in said
    assert "Traceback" not in said
    assert len(finished(tmp_path)) >= 2


@pytest.mark.slow
def test_a_point_that_costs_its_workers_their_lives_ends_the_sweep(tmp_path, monkeypatch):
    """The scheduler gives a job to a fourth worker, and to no fifth."""
    monkeypatch.setattr(dask_workers, "_answer", lambda *_: os._exit(1))
    with cluster(tmp_path, workers=5) as crew, pytest.raises(InputError, match="their lives"):
        archsim.sweep("tiny_sd", "smartdeal", vary={"dram.bytes_per_cycle": [8]},
                      dask=crew.address, out=tmp_path / "out")  # fmt: skip


def test_a_worker_with_other_files_is_told(tmp_path, monkeypatch):
    """Its answer carries the hash of what it has read."""
    answer = {"totals": {"cycles": 1}, "inputs_hash": "of something else"}
    monkeypatch.setattr(dask_workers, "answered", lambda *_: (each for each in [(0, answer)]))
    with pytest.raises(InputError, match="another version of archsim"):
        archsim.sweep("tiny_sd", "smartdeal", vary={"dram.bytes_per_cycle": [8]}, dask="x",
                      out=tmp_path)  # fmt: skip
    with opened(tmp_path) as answers:
        assert not answers.known()


def test_dask_that_is_not_installed_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main([*LINE, "--dask", "tcp://127.0.0.1:1", "--out", str(tmp_path)]) == 2
    assert "pip install 'archsim[sweep]'" in capsys.readouterr().err


def test_no_scheduler_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dask_workers, "CONNECT_SECONDS", 1)
    assert main([*LINE, "--dask", "tcp://127.0.0.1:1", "--out", "out"]) == 2
    assert "no scheduler answers" in capsys.readouterr().err
    assert main([*LINE, "--dask", "nonsense://x", "--out", "out"]) == 2
    assert "--dask nonsense://x: " in capsys.readouterr().err
