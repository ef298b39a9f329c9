"""docs/machines/README.md, "Adding a machine", followed once: a YAML and a rule in a folder."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tiny_networks import conv, linear, network, post, write

import archsim
from archsim.formats.errors import InputError
from archsim.formats.search import roots

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
    """The machine's two files, and the table of prices with a price for its own action."""
    for name in ("dotline.yaml", "dotline.py"):
        shutil.copy(DATA / name, tmp_path)
    shipped = next(root / "units" for root in roots("archs") if (root / "units").is_dir())
    prices = yaml.safe_load((shipped / "table1_28nm.yaml").read_text())
    prices["classes"]["DotLine"] = {"mac": 0.143}
    (tmp_path / "prices.yaml").write_text(yaml.safe_dump(prices))
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
