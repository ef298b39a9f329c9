"""docs/machines/README.md, "Adding a machine", followed: a YAML and a rule in a folder of a user,
and two such files dropped into a copy of the repository."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_networks import conv, linear, network, post, write

import archsim
from archsim.cli.main import main
from archsim.formats.errors import InputError

DATA = Path(__file__).parent / "data"
LAYERS = [
    conv("a", [], (5, 9), (6, 7), padding=[1, 1]),
    post("pool", "pool", ["a"], kind="max", kernel=[2, 2], stride=[2, 2]),
    linear("b", ["pool"], (81, 10)),
]
PRODUCTS = {"a": 9 * 42 * 45, "b": 10 * 81}
CYCLES = {"a": 9 * 42 * 3, "b": 10 * 6}
"""Filters x pixels x ceil(products of one output / 16)."""


@pytest.fixture
def folder(tmp_path):
    """The machine's two files, and a table with a price for its own action."""
    for name in ("dotline.yaml", "dotline.py"):
        shutil.copy(DATA / name, tmp_path)
    (tmp_path / "prices.yaml").write_text(
        "format: archsim-energy/1\nname: mine\nsource: a test\nextends: units/table1_28nm\n"
        "classes: {DotLine: {mac: 0.143}}\n"
    )
    return tmp_path


def test_it_runs_by_its_rule(folder):
    arch = archsim.load_arch(folder / "dotline.yaml", {"energy": "prices"}, machines=folder)
    result = archsim.simulate(arch, network(folder, *LAYERS))
    rows = {layer.name: layer for layer in result.layers if layer.macs}
    assert {name: row.compute_cycles for name, row in rows.items()} == CYCLES
    assert {name: row.macs_done for name, row in rows.items()} == PRODUCTS
    assert rows["a"].energy_by["line"] == pytest.approx(PRODUCTS["a"] * 0.143)
    assert rows["b"].dram_bytes_by == {"input": 81, "weight": 810, "output": 10}
    assert result.cycles >= sum(CYCLES.values())
    assert result.milliseconds == pytest.approx(result.cycles / 100e3)


def test_a_price_that_is_missing_is_named(folder):
    arch = archsim.load_arch(folder / "dotline.yaml", machines=folder)
    with pytest.raises(InputError, match=r"add classes\.DotLine\.mac in pJ"):
        archsim.simulate(arch, network(folder, *LAYERS))


def test_its_own_keys_are_checked_and_overridden(folder):
    def load(**keys):
        overrides = {f"line.{key}": value for key, value in keys.items()}
        return archsim.load_arch(folder / "dotline.yaml", overrides, machines=folder)

    assert load(width=4).components["line"].width == 4
    with pytest.raises(InputError, match="did you mean 'width'"):
        load(widht=4)


def test_the_command_finds_it_by_the_environment(folder):
    """`ARCHSIM_MACHINES=folder archsim run --arch folder/dotline.yaml`; without it, an error."""
    path = write(folder, LAYERS)
    command = [sys.executable, "-m", "archsim", "run", "--workload", str(path), "--quiet", "--json"]
    command += ["--arch", str(folder / "dotline.yaml"), "--set", "energy=prices"]
    environment = os.environ | {"ARCHSIM_MACHINES": str(folder)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "DotLine" in json.dumps(json.loads(done.stdout))
    alone = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert alone.returncode == 2
    assert "no machine 'dotline'" in alone.stderr.replace("\n", " ")
    assert "Traceback" not in alone.stderr


def test_a_price_of_the_class_needs_a_source(folder):
    rule = (folder / "dotline.py").read_text()
    priced = rule.replace(
        "    width: Count\n", "    prices = {'mac': UnitPrice(1, ' ')}\n    width: Count\n"
    )
    priced = priced.replace("Component, Count", "Component, Count, UnitPrice")
    (folder / "dotline.py").write_text(priced)
    with pytest.raises(InputError, match=r"class DotLine: the price of 'mac' is not .* its source"):
        archsim.load_arch(folder / "dotline.yaml", machines=folder)


ROOT = Path(__file__).parents[2]
LEFT = ("*.safetensors", "__pycache__")
SWEEPS = (
    "tests/machines/test_keys_matter.py",
    "tests/timing/test_engine_shape.py",
    "tests/runs/test_golden.py",
    "tests/analysis/test_breakdown.py",
    "tests/test_size.py",
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the repository with the systolic array in it once more, as `fabric`: one YAML and
    one file, and nothing else changed. Returns a function that runs Python there."""
    copy = tmp_path_factory.mktemp("copy") / "repository"
    copy.mkdir()
    for part in ("archsim", "archs", "workloads", "tests"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns(*LEFT))
    shutil.copy(ROOT / "pyproject.toml", copy)
    arch = (copy / "archs" / "systolic.yaml").read_text()
    arch = arch.replace("name: Systolic array", "name: Fabric")
    arch = arch.replace("machine: systolic", "machine: fabric").replace("rows: 32", "rows: 16")
    (copy / "archs" / "fabric.yaml").write_text(arch)
    machines = copy / "archsim" / "machines"
    shutil.copy(machines / "systolic.py", machines / "fabric.py")
    environment = os.environ | {"PYTHONPATH": str(copy), "ARCHSIM_CACHE": str(copy / "cache")}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=copy,
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )

    return run


def test_two_files_make_a_machine_that_a_plain_run_has(checkout):
    done = checkout("-m", "archsim", "run", "-w", "tiny_sd", "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    rows = {one["arch"]: one["totals"] for one in json.loads(done.stdout)["runs"]}
    assert len(rows) == 7
    assert rows["fabric"]["energy_pj"] > 0
    assert rows["fabric"]["macs_done"] == rows["systolic"]["macs_done"]
    assert rows["fabric"]["cycles"] > rows["systolic"]["cycles"]


@pytest.mark.slow
def test_the_tests_over_all_machines_pass_with_it(checkout):
    """Those of golden results are skipped by name; those without its name are not of interest."""
    options = ("-q", "-k", "fabric", "-p", "no:cacheprovider")
    done = checkout("-m", "pytest", *options, *SWEEPS)
    assert done.returncode == 0, done.stdout
    assert "fabric has no golden results" in done.stdout
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


MISTAKES = {
    "syntax": ("class DotLine(", "class DotLine((", "class DotLine", "SyntaxError"),
    "at import": ("FLOWS = (", "FLOWS = undefined(", "FLOWS", "NameError: name 'undefined'"),
    "in the rule": (
        "products = layer.macs //",
        "products = layer.mcas //",
        "    products",
        "AttributeError",
    ),
    "in what it calls": ("// width))", "// (width - width)))", "    cycles", "ZeroDivisionError"),
    "a result of no use": (
        "    return (\n",
        "    return None\n    return (\n",
        "def tiles",
        "TypeError",
    ),
    "a check": (
        "macs_skipped=0",
        "macs_skipped=1",
        "def tiles",
        "multiplications done and 1 skipped",
    ),
    "a class": (
        "    width: Count",
        '    kind = "mover"\n    width: Count',
        "class DotLine",
        "needs bytes_per",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_rule_is_told_with_its_line(mistake, folder, capsys, monkeypatch):
    right, wrong, at, said = MISTAKES[mistake]
    rule = folder / "dotline.py"
    text = rule.read_text(encoding="utf-8")
    assert right in text
    line = text[: text.index(f"\n{at}") + 1].count("\n") + 1
    rule.write_text(text.replace(right, wrong), encoding="utf-8")
    monkeypatch.setenv("ARCHSIM_MACHINES", str(folder))
    monkeypatch.chdir(folder)
    network(folder, *LAYERS)
    workload = next(str(path) for path in folder.glob("*.yaml") if "layers:" in path.read_text())
    assert main(["run", "-q", "-w", workload, "-a", "dotline.yaml"]) == 2
    told = capsys.readouterr().err
    assert f"dotline.py:{line}: " in told
    assert said in told
    assert "a fault of archsim" not in told
