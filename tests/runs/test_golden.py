"""Did anything change? Cycles, bytes and actions of every inference machine on one small network.

`python tests/core/test_golden.py` writes the file anew; review the difference as you would code.
"""

import json
import sys
import tempfile
from pathlib import Path

import pytest
from tiny_networks import network, residual

import archsim
from archsim.formats.search import names

GOLDEN = Path(__file__).parent / "data" / "golden.json"
INFERENCE = [name for name in names("archs") if archsim.load_arch(name).task == "inference"]
COUNTED = (
    "cycles",
    "compute_cycles",
    "macs_done",
    "dram_bytes_by",
    "sram_bytes",
    "actions",
    "lost",
)


def counted(name, folder):
    """What a machine counted in each layer of the network."""
    result = archsim.simulate(archsim.load_arch(name), network(folder, *residual()))
    layers = {one.name: one.to_dict() for one in result.layers}
    return {layer: {key: row[key] for key in COUNTED} for layer, row in layers.items()}


@pytest.mark.parametrize("name", INFERENCE)
def test_counts_are_those_on_file(name, tmp_path):
    assert json.loads(json.dumps(counted(name, tmp_path))) == json.loads(GOLDEN.read_text())[name]


def test_the_file_has_no_machine_that_is_gone():
    assert list(json.loads(GOLDEN.read_text())) == INFERENCE


def write_anew():
    """Every machine's counts, one line a layer."""
    with tempfile.TemporaryDirectory() as folder:
        found = {name: counted(name, Path(folder)) for name in INFERENCE}
    machines = []
    for name, layers in found.items():
        lines = [f"  {json.dumps(layer)}: {json.dumps(row)}" for layer, row in layers.items()]
        machines.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    GOLDEN.write_text("{\n" + ",\n".join(machines) + "\n}\n")


if __name__ == "__main__":
    sys.exit(write_anew())
