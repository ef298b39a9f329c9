"""Several workloads on several machines: the matrix, its means, what is used again, n/a."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from math import prod
from pathlib import Path

import pytest
from made_results import edited, result

from archsim.analysis.compare import Refusal, compared, geometric_mean
from archsim.analysis.normalise import normalise
from archsim.analysis.roles import ROLES, energy_by_role, roles_of
from archsim.arch.arch import load_arch
from archsim.cli.main import main
from archsim.formats.errors import Problem
from archsim.formats.search import find, names
from archsim.results.store import Stored
from archsim.runs.pool import Job, run_jobs
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload

pytest.importorskip("matplotlib")
TWO = ["-a", "diannao", "-a", "smartdeal"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working directory with a second workload, `twin`, of the layers of tiny_sd."""
    text = find("workloads", "tiny_sd").read_text()
    (tmp_path / "workloads").mkdir()
    twin = text.replace("name: tiny_sd", "name: twin").replace("tiny_sd.safetensors", "no.st")
    (tmp_path / "workloads" / "twin.yaml").write_text(twin)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def digests(folder):
    """Names and contents of all results, figures included."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "results").rglob("*.*"))
    }


def asked(*arguments, capsys):
    assert main(["compare", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_cells_are_those_of_single_runs(capsys):
    command = ["-w", "tiny_sd", "-w", "twin", *TWO, "--no-figures"]
    found = asked(*command, "--jobs", "1", capsys=capsys)
    cells = {(cell["workload"], cell["arch"]): cell for cell in found["cells"]}
    for name in ("tiny_sd", "twin"):
        workload = load_workload(name)
        base, own = (simulate(load_arch(arch), workload) for arch in ("diannao", "smartdeal"))
        cell = cells[name, "smartdeal"]
        assert cell["cycles"] == own.cycles
        assert cell["speedup"] == pytest.approx(base.cycles / own.cycles)
        assert cell["energy"] == pytest.approx(own.energy_pj / base.energy_pj)
        assert cell["dram"] == pytest.approx(own.dram_bytes / base.dram_bytes)
        assert sum(cell["energy_by_role"].values()) == pytest.approx(own.energy_pj)
    both = [cells[name, "smartdeal"]["speedup"] for name in ("tiny_sd", "twin")]
    assert cells["geometric mean", "smartdeal"]["speedup"] == pytest.approx(prod(both) ** 0.5)


def test_processes_and_order_of_finishing_do_not_show(folder, capsys):
    command = ["-w", "tiny_sd", "-w", "twin", *TWO, "--no-cache"]
    one = asked(*command, "--jobs", "1", capsys=capsys)
    first = digests(folder)
    assert {"results/compare_energy.svg", "results/compare.csv"} <= first.keys()
    assert asked(*command, "--jobs", "3", capsys=capsys) == one
    assert digests(folder) == first


def doubled(data):
    data["totals"]["cycles"] *= 2


def test_kept_results_are_used_until_something_changes(folder, capsys):
    command = ["-w", "tiny_sd", *TWO, "--jobs", "1", "--no-figures"]
    once = asked(*command, capsys=capsys)
    path = folder / "results" / "tiny_sd" / "diannao.json"
    edited(path, doubled)  # nobody looks behind the hash
    cells = asked(*command, capsys=capsys)["cells"]
    assert cells[0]["cycles"] == 2 * once["cells"][0]["cycles"]
    assert asked(*command, "--no-cache", capsys=capsys) == once
    slow = asked(*command, "--set", "dram.bytes_per_cycle=1", capsys=capsys)
    assert slow["cells"][0]["cycles"] > once["cells"][0]["cycles"]
    path.write_text("{")
    assert asked(*command, capsys=capsys) == once


@pytest.fixture
def small(folder):
    """The path of DianNao with an input buffer that holds no row of any window."""
    text = load_arch("diannao").path.read_text().replace("name: DianNao", "name: Small")
    text = text.replace("banks: 32, bank_kbytes: 16,", "banks: 1, bank_kbytes: 0.002,")
    (folder / "archs").mkdir()
    (folder / "archs" / "small.yaml").write_text(text)
    return "archs/small.yaml"


def test_a_machine_that_refuses_is_shown_with_its_reason(folder, small, capsys):
    command = ["compare", "-w", "tiny_sd", "-w", "twin", "-j", "1", "--no-figures"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "n/a: twin on small: nbin holds 2 bytes" in said
    text = (folder / "results" / "compare.csv").read_text()
    refused = [row for row in csv.DictReader(text.splitlines()) if row["not_available"]]
    assert [(row["workload"], row["arch"]) for row in refused] == [
        ("tiny_sd", "small"), ("twin", "small"),
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["run", "compare", "breakdown"])
def test_status_2_where_the_machine_was_named_and_the_others_are_shown(command, small, capsys):
    named = [command, "-w", "tiny_sd", "-a", small, "--no-figures"]
    assert main([*named, "-a", "diannao"]) == 2
    printed = capsys.readouterr()
    assert "n/a" in printed.out
    assert "DianNao" in printed.out
    assert "nbin holds 2 bytes" in printed.err
    assert main(named) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "nbin holds 2 bytes" in printed.err


@pytest.mark.slow
def test_run_is_compare_of_one_workload(folder, capsys):
    options = ["-w", "tiny_sd", *TWO, "--layers", "p*,add", "--batch", "2", "--jobs", "2", "-v"]
    options += ["--no-figures"]
    assert main(["run", *options, "--no-cache"]) == 0
    ran, first = capsys.readouterr().out, digests(folder)
    assert main(["compare", *options, "--no-cache", "--out", "results"]) == 0
    compared_ = capsys.readouterr().out
    kept = {name: digest for name, digest in digests(folder).items() if name in first}
    assert kept == first
    assert ran.splitlines()[0] in compared_
    assert "where time goes" in ran
    assert "speed-up, DianNao = 1" in compared_
    result = json.loads(
        (folder / "results" / "tiny_sd" / "smartdeal@batch=2,layers=p%2A%2Cadd.json").read_text()
    )
    names = [layer["name"] for layer in result["layers"]]
    assert names
    assert all(name.startswith(("p", "add")) for name in names)
    assert f"layers: {len(names)} of 17, those of p*,add" in result["notes"]
    assert "batch: 2 instead of 1" in result["notes"]


def test_means_leave_refused_cells_out_and_say_so():
    stored = [
        Stored(group, arch, simulate(load_arch(arch), load_workload("tiny_sd")))
        for group in ("a", "b") for arch in ("diannao", "smartdeal")
    ]  # fmt: skip
    refused = Refusal("c", "smartdeal", (Problem("x", "no room"),))
    found = compared([*stored, stored[0].__class__("c", "diannao", stored[0].result), refused],
                     ["diannao", "smartdeal"], "SmartDeal")  # fmt: skip
    assert found.stems == ("smartdeal", "diannao")
    assert found.reference == "SmartDeal"
    value, count = found.mean("speedup", "diannao")
    assert count == 2
    rows = normalise(stored, "smartdeal")
    assert value == pytest.approx(rows[0].speedup)
    assert found.value("speedup", "c", "diannao") is None
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)
    assert geometric_mean([]) is None


@pytest.mark.parametrize("name", list(names("archs")))
def test_every_component_has_one_role_and_no_energy_is_lost(name):
    arch = load_arch(name)
    roles = roles_of(arch.kinds, arch.resolved["flows"])
    assert list(roles) == list(arch.components)
    assert set(roles.values()) <= set(ROLES)
    assert roles[arch.compute] == "array"
    assert "input buffer" in roles.values()
    amounts = {part: 2.0**at for at, part in enumerate(arch.components)}
    found = replace(
        result("diannao"),
        kinds=arch.kinds,
        arch_resolved=arch.resolved,
        layers=[replace(result("diannao").layers[0], energy_by=amounts)],
    )
    assert sum(energy_by_role(found).values()) == sum(amounts.values())


def test_a_failing_check_in_a_process_ends_the_batch():
    jobs = [Job(find("workloads", "tiny_sd"), Path(f"missing{at}.yaml")) for at in range(2)]
    with pytest.raises(Exception, match="missing"):
        run_jobs(jobs, 2, None, lambda *_: None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-w", "nothing"], "nothing"),
        (["-w", "tiny_sd", "-a", "nothing"], "nothing"),
        (["-w", "tiny_sd", "--jobs", "0"], "--jobs"),
        (["-w", "tiny_sd", "--normalise-to", "dianao"], "did you mean 'diannao'"),
        (["-w", "tiny_sd", "-a", "diannao", "--set", "nfu.inputs=x"], "nfu.inputs"),
        ([], "--workload"),
    ],
)
def test_bad_input_has_status_2_and_no_traceback(arguments, said, capsys):
    assert main(["compare", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


LONG = ["-w", "tiny_sd", "-w", "vgg11_sd", *TWO, "--no-figures", "--no-cache"]


def ended(folder, name, jobs, end):
    """A command whose second workload takes long, ended by `end(process)` after the first."""
    command = [sys.executable, "-m", "archsim", name, *LONG, "--jobs", jobs]
    short = [folder / "results" / "tiny_sd" / f"{name}.json" for name in ("diannao", "smartdeal")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not all(path.exists() for path in short):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        end(process)
        said = process.communicate(timeout=60)[1]
    return process.returncode, said


def interrupt(process):
    process.send_signal(signal.SIGINT)


def kill_a_worker(process):
    """The busiest child."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    used = {
        child: sum(map(int, Path(f"/proc/{child}/stat").read_text().split()[13:15]))
        for child in children
    }
    os.kill(int(max(used, key=used.get)), signal.SIGKILL)


@pytest.mark.parametrize(
    ("name", "jobs"), [("run", "1"), pytest.param("compare", "2", marks=pytest.mark.slow)]
)
def test_ctrl_c_keeps_what_was_finished(folder, name, jobs):
    status, said = ended(folder, name, jobs, interrupt)
    kept = sorted((folder / "results").glob("*/*.json"))
    assert status == 2
    assert f"finished before that: {len(kept)} of 4 runs" in said
    assert "interrupted" in said
    assert 2 <= len(kept) < 4
    rows = list(csv.DictReader((folder / "results" / "summary.csv").read_text().splitlines()))
    assert {(row["workload"], row["arch"]) for row in rows} == {
        (path.parent.name, path.stem) for path in kept
    }
    assert not [path for path in (folder / "results").rglob("*") if "tmp" in path.name]
    assert not (folder / "results" / "compare.csv").exists()
    before = [path.stat().st_mtime_ns for path in kept[:2]]
    assert main(["compare", *LONG[:2], *LONG[4:-1], "--jobs", "1", "--quiet"]) == 0
    assert [path.stat().st_mtime_ns for path in kept[:2]] == before


def test_a_process_that_is_killed_is_no_fault_of_the_program(folder):
    status, said = ended(folder, "compare", "2", kill_a_worker)
    assert status == 2
    assert "finished before that" in said
    assert "--jobs" in said
    assert "Traceback" not in said
    assert len(list((folder / "results" / "tiny_sd").glob("*.json"))) == 2
