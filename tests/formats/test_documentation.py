"""The examples of docs/reference/formats.md are files that load, each one whole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from loading_files import ARCH, write

from archsim.arch.arch import load_arch
from archsim.arch.change_files import load_scenario
from archsim.results.energy import load_energy
from archsim.workload.workload import load_workload

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "formats.md"


def example(starting_with: str) -> str:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return next(block for block in blocks if starting_with in block)


def test_the_workload(tmp_path) -> None:
    workload = load_workload(write(tmp_path, "example.yaml", example("archsim-workload/1")))
    assert [layer.kind for layer in workload.layers] == [
        "spatial", "pointwise", "depthwise", "pointwise", "post", "post", "linear",
    ]  # fmt: skip
    assert workload.notes[-1] == "weights: synthetic"
    for layer in workload.layers:
        if layer.is_array:
            tensors = workload.tensors(layer)
            assert tensors.need("input").shape == layer.input_shape()
            assert tensors.need("weight").shape == layer.weight_shape()


def test_the_arch(tmp_path) -> None:
    arch = load_arch(write(tmp_path, "tiny.yaml", example("interlayer: spill")))
    assert (arch.name, arch.compute) == ("Tiny", "nfu")


def test_the_scenario(tmp_path) -> None:
    scenario = load_scenario(write(tmp_path, "ideal_lanes.yaml", example("name: ideal_lanes")))
    arch = load_arch(write(tmp_path, "x.yaml", ARCH))
    lines = scenario.on(arch.resolved)
    assert [line.key for line in lines] == ["components.dram.bytes_per_cycle"]


def test_the_price_table(tmp_path) -> None:
    table = load_energy(write(tmp_path, "prices.yaml", example("archsim-energy/1")))
    component = load_arch(write(tmp_path, "x.yaml", ARCH)).components["input_gb"]
    assert table.price(component, "read") == pytest.approx(1.36 + 3 * 0.363)


def test_loading_imports_nothing_heavy() -> None:
    """`archsim run` starts in half a second, and never needs torch."""
    program = (
        "import sys; from archsim.arch.arch import load_arch; import archsim.workload.workload;"
        "load_arch('smartdeal');"
        "print([name for name in ('torch', 'pandas', 'networkx', 'matplotlib', 'simpy', 'rich')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
