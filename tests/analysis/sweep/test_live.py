"""The page that follows a sweep: what it is told, whom it answers, and that the sweep minds nothing
of it."""

import http.client
import json
import os
import socket
import sqlite3
import struct
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import archsim
from archsim.analysis.live import server
from archsim.analysis.live.follow import Follower
from archsim.analysis.sweep.cases import design
from archsim.analysis.sweep.engine import Where
from archsim.analysis.sweep.plan import Plan, axis, constraint, objectives
from archsim.analysis.sweep.sweep import run
from archsim.cli.main import main

BANDWIDTHS = [8, 16, 32, 64]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(values=BANDWIDTHS, **changed):
    given = {
        "workloads": ("tiny_sd",), "archs": ("smartdeal", "diannao"),
        "axes": (axis("dram.bytes_per_cycle", values, "test"),), "objectives": objectives([]),
    }  # fmt: skip
    return Plan(**{**given, **changed})


def swept(wanted, out="out"):
    return run(wanted, design(wanted), Path(out), Where(1), lambda *_: None)


def following(wanted, clock=time.monotonic, out="out"):
    return Follower(wanted, design(wanted).cases, Path(out), clock)


def every(follower):
    """All points, asked for as a page does."""
    points, more = [], True
    while more:
        state = follower.state(len(points))
        points += state["points"]
        more = state["more"]
    return points, state


def asked(port, path="/", method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    out = tmp_path_factory.mktemp("live") / "out"
    swept(plan(), out)
    with server.live(following(plan(), out=out)) as address:
        yield int(address.rstrip("/").rpartition(":")[2])


def test_points_are_those_of_the_table(folder):
    found = swept(plan()).frame()
    points, state = every(following(plan()))
    assert (state["done"], state["total"], state["refused"]) == (8, 8, 0)
    assert sorted(one["place"] for one in points) == sorted(
        map(list, found[["cycles", "energy_pj"]].astype(float).to_numpy())
    )
    keys = {(one["machine"], one["keys"]) for one in points}
    assert ("SmartDeal", "dram.bytes_per_cycle=8") in keys
    assert len(keys) == 8


def test_what_breaks_a_constraint_is_drawn_as_such(folder):
    wanted = plan(constraints=(constraint("cycles < 9000", "test"),))
    rows = swept(wanted).frame()
    points, _ = every(following(wanted))
    assert 0 < rows["feasible"].sum() < 8
    assert sum(one["feasible"] for one in points) == rows["feasible"].sum()


def test_one_objective_is_drawn_in_the_order_of_points(folder):
    wanted = plan(objectives=objectives([("gops", "test")]))
    swept(wanted)
    points, state = every(following(wanted))
    assert [one["place"][0] for one in points] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [one["name"] for one in state["objectives"]] == ["finished", "gops"]
    assert [one["largest"] for one in state["objectives"]] == [False, True]


def test_rate_and_time_left_count_from_its_start(folder):
    swept(plan(BANDWIDTHS[:1]))
    seconds = [0.0]
    follower = following(plan(), lambda: seconds[0])
    follower.catch_up()
    state = follower.state(0)
    assert (state["done"], state["before"], state["total"]) == (2, 2, 8)
    assert state["seconds_each"] is None
    swept(plan(BANDWIDTHS[:3]))
    seconds[0] = 10.0
    state = follower.state(0)
    assert (state["done"], state["seconds_each"], state["seconds_left"]) == (6, 2.5, 5.0)


def test_rows_of_other_sweeps_and_damaged_ones_are_no_points(folder):
    swept(plan())
    swept(plan([128]))
    with sqlite3.connect("out/points.sqlite") as connection:
        connection.execute("UPDATE answers SET answer = '{}' WHERE rowid = 2")
    connection.close()
    points, state = every(following(plan()))
    assert (len(points), state["done"], state["total"]) == (7, 7, 8)
    swept(plan())
    assert every(following(plan()))[1]["done"] == 8


def test_a_point_that_cannot_run_is_counted(folder):
    """No layer of the network has weights of 4 bits."""
    wanted = plan(archs=("smartdeal",), axes=(axis("weight_bits", [4, 8], "test"),))
    swept(wanted)
    points, state = every(following(wanted))
    assert (state["done"], state["refused"], len(points)) == (2, 1, 1)


def test_it_does_not_wait_for_who_writes(folder):
    swept(plan())
    follower = following(plan())
    writer = sqlite3.connect("out/points.sqlite", isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    begin = time.monotonic()
    assert follower.state(0)["done"] == 0
    assert time.monotonic() - begin < 1
    writer.execute("ROLLBACK")
    writer.close()
    assert follower.state(0)["done"] == 8


def test_there_is_nothing_yet(folder):
    state = following(plan()).state(0)
    assert (state["done"], state["points"], state["more"]) == (0, [], False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost:8080", "127.0.0.1:1"])
def test_it_answers_to_its_own_names(port, host):
    """Also behind a port that was forwarded."""
    answer, body = asked(port, Host=host)
    assert answer.status == 200
    assert b"archsim sweep" in body


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::1]",
             "127.0.0.1@evil.example", "127.0.0.1:80:evil"]
)  # fmt: skip
def test_another_host_is_refused(port, host):
    """A page elsewhere whose name points here (DNS rebinding) says its own name."""
    for path in ("/", "/state"):
        answer, body = asked(port, path, Host=host)
        assert answer.status == 421
        assert b"cycles" not in body


@pytest.mark.parametrize(
    ("path", "status"),
    [("/points.sqlite", 404), ("/../out/points.csv", 404), ("//etc/passwd", 404), ("/state/", 404),
     ("/state?after=-1", 400), ("/state?after=1e3", 400), ("/state?after=" + "9" * 99, 400),
     ("/state?after=99", 200), ("/?x=<script>", 200)],
)  # fmt: skip
def test_nothing_else_is_served(port, path, status):
    answer, body = asked(port, path)
    assert answer.status == status
    assert b"SQLite" not in body
    assert b"<script>\n" in body or b"<script>" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "<b>"])
def test_nothing_can_be_changed(port, method):
    answer, body = asked(port, "/state", method)
    assert answer.status == 501
    assert b"<b>" not in body


def test_answers_may_not_be_read_or_framed_by_others(port):
    for path, kind in (("/", "text/html"), ("/state", "application/json")):
        answer, _ = asked(port, path)
        assert answer.headers["Content-Type"].startswith(kind)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_it_listens_on_this_machine_alone(port):
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), 5)


def test_a_sweep_without_a_port_runs_all_the_same(folder, monkeypatch, capsys):
    monkeypatch.setattr(server, "HOST", "192.0.2.1")  # for documentation: nobody has it (RFC 5737)
    line = ["sweep", "-w", "tiny_sd", "-a", "diannao", "--vary", "dram.bytes_per_cycle=8,16"]
    assert main([*line, "--out", "out", "--no-figures", "-q", "--live"]) == 0
    assert "--live: no page" in capsys.readouterr().err
    assert len(pd.read_csv("out/points.csv")) == 2


def started(folder):
    values = ",".join(map(str, range(8, 20)))
    line = [
        "sweep", "-w", "tiny_sd", "-a", "smartdeal", "--vary", f"dram.bytes_per_cycle={values}",
        "--out", "out", "--no-figures", "--no-cache", "--json", "--live",
    ]  # fmt: skip
    path = os.pathsep.join(
        filter(None, [str(Path(archsim.__file__).parents[1]), os.environ.get("PYTHONPATH")])
    )
    return subprocess.Popen(
        [sys.executable, "-m", "archsim", *line], cwd=folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def port_of(running):
    line = running.stderr.readline()
    assert line.startswith("live: http://127.0.0.1:"), line + running.stderr.read()
    return int(line.rstrip("/\n").rpartition(":")[2])


@pytest.mark.slow
def test_a_page_sees_every_point_of_a_running_sweep_and_its_end(folder, in_time):
    running = started(folder)
    port = port_of(running)
    silent = socket.create_connection(("127.0.0.1", port))  # says nothing, and stays
    rude = socket.create_connection(("127.0.0.1", port))  # asks, and is gone
    rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rude.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
    rude.close()
    points, counts, ended = [], [], False
    while not ended:
        answer, body = asked(port, f"/state?after={len(points)}")
        assert answer.status == 200
        state = json.loads(body)
        points += state["points"]
        counts.append(state["done"])
        ended = state["ended"] and not state["more"]
        time.sleep(0.1)
    said, complaints = running.communicate(timeout=60)
    silent.close()
    assert (running.returncode, complaints) == (0, "")
    assert counts == sorted(counts)
    assert (counts[-1], len(points)) == (12, 12)
    assert len(set(counts)) > 2, "it was not followed while it ran"
    rows = json.loads(said)["points"]
    assert [one["place"] for one in points] == [[row["cycles"], row["energy_pj"]] for row in rows]


@pytest.mark.slow
def test_the_command_ends_though_nobody_looks(folder, in_time):
    running = started(folder)
    port = port_of(running)
    assert running.wait() == 0
    running.communicate()
    with pytest.raises(OSError, match="refused"):
        asked(port)
