"""A working directory with one small measured workload, written from the format's page alone."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

SMALL = """\
format: archsim-workload/1
name: small
task: inference
batch: 1
source: {made_by: "tests/cli/conftest.py"}
tensors: small.safetensors
layers:
  - {name: conv, op: conv, inputs: [], in_channels: 6, out_channels: 16, in_size: [10, 12],
     kernel: [3, 3], padding: [1, 1]}
  - {name: pool, op: pool, inputs: [conv], kind: max, kernel: [2, 2], stride: [2, 2]}
  - {name: point, op: conv, inputs: [pool], in_channels: 16, out_channels: 16, in_size: [5, 6],
     kernel: [1, 1]}
  - {name: sum, op: add, inputs: [pool, point]}
  - {name: fc, op: linear, inputs: [sum], in_channels: 480, out_channels: 10}
"""


def tensors() -> dict[str, np.ndarray]:
    """Sparse 8-bit values with a fixed seed; half of the coefficient rows are dead."""
    random = np.random.default_rng(5)

    def values(*shape: int) -> np.ndarray:
        kept = random.random(shape) < 0.6
        return (random.integers(-90, 90, shape) * kept).astype(np.int8)

    def coef(*shape: int) -> np.ndarray:
        alive = random.random((*shape[:-1], 1)) < 0.5
        return (random.integers(-3, 4, shape) * alive).astype(np.int8)

    def basis(filters: int, slices: int) -> dict[str, np.ndarray]:
        return {
            "basis": random.integers(-90, 90, (filters, slices, 3, 3)).astype(np.int8),
            "basis_scale": np.full((filters, slices), 0.01, np.float32),
        }

    made = {
        "conv": {
            "input": values(6, 10, 12),
            "weight": values(16, 6, 3, 3),
            "coef": coef(16, 6, 3, 3),
            **basis(16, 1),
        },
        "point": {
            "input": values(16, 5, 6),
            "weight": values(16, 16, 1, 1),
            "coef": coef(16, 6, 3),
            **basis(16, 1),
        },
        "fc": {
            "input": values(480),
            "weight": values(10, 480),
            "coef": coef(10, 160, 3),
            **basis(10, 2),
        },
    }
    return {
        f"{layer}/{what}": array for layer, arrays in made.items() for what, array in arrays.items()
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with `small` in its workloads."""
    (tmp_path / "workloads").mkdir()
    (tmp_path / "workloads" / "small.yaml").write_text(SMALL)
    save_file(tensors(), str(tmp_path / "workloads" / "small.safetensors"))
    monkeypatch.chdir(tmp_path)
    return tmp_path
