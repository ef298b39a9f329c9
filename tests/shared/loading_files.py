"""Small input files for the tests of loading, and the lines of an error."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from archsim.formats.errors import InputError
from archsim.workload.workload import load_workload

HEADER = """\
format: archsim-workload/1
name: tiny
source: {made_by: by hand}
layers:
"""
WITH_TENSORS = HEADER.replace("layers", "tensors: t.safetensors\nlayers")
CONV = (
    "name: a, op: conv, inputs: [], in_channels: 3, out_channels: 4, in_size: [8, 6], "
    "kernel: [3, 3], padding: [1, 1]"
)
POINTWISE = (
    "name: up/b, op: conv, inputs: [a], in_channels: 4, out_channels: 6, in_size: [8, 6], "
    "kernel: [1, 1]"
)
PROFILE = "profile: {input: {classes: [{channels: 3, zero: 1}]}}"

ARCH = """\
name: Tiny
clock_mhz: 1000
weights: dense
machine: diannao
energy: units/table1_28nm
flows:
  input:  {role: moving, path: [dram, dma, input_gb, nfu]}
  weight: {role: stationary, path: [dram, dma, weight_gb, nfu]}
  output: {role: result, path: [nfu, post, output_gb, dma, dram]}
components:
  dram: {class: Dram, bytes_per_cycle: 64, latency_cycles: 50}
  dma: {class: Dma, bytes_per_cycle: 64}
  input_gb: {class: GlobalBuffer, banks: 2, bank_kbytes: 16, bytes_per_cycle: 64}
  weight_gb: {class: GlobalBuffer, banks: 2, bank_kbytes: 16, bytes_per_cycle: 64}
  output_gb: {class: GlobalBuffer, banks: 2, bank_kbytes: 2, bytes_per_cycle: 64}
  nfu: {class: Nfu, inputs: 16, outputs: 64}
  post: {class: PostProcessor, elements_per_cycle: 64}
"""


def write(folder: Path, name: str, text: str | bytes) -> Path:
    """A file of that text; leading indentation is dropped."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(text, str):
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    else:
        path.write_bytes(text)
    return path


def workload_text(*layers: str, header: str = HEADER) -> str:
    """A workload of layers in flow style; the first stands in line 5, its first key in column 6."""
    return header + "".join(f"  - {{{layer}}}\n" for layer in layers)


def problems(load: Callable[[Path], object], path: Path) -> list[str]:
    """The lines of the InputError of `load(path)`, the file called FILE."""
    with pytest.raises(InputError) as caught:
        load(path)
    return str(caught.value).replace(str(path), "FILE").split("\n")


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)

    def ints(*shape: int) -> np.ndarray:
        return rng.integers(-7, 8, shape, dtype=np.int8)

    return {
        "a/input": rng.integers(0, 256, (3, 8, 6), dtype=np.uint8),
        "a/weight": ints(4, 3, 3, 3),
        "up/b/input": ints(4, 8, 6),
        "up/b/weight": ints(6, 4, 1, 1),
        "up/b/pruned": ints(6, 4, 1, 1),
        "up/b/coef": ints(6, 2, 3),
        "up/b/basis": ints(6, 1, 3, 3),
        "up/b/basis_scale": rng.random((6, 1), dtype=np.float32),
    }


def measured_workload(
    folder: Path, header: str = WITH_TENSORS, **changes: np.ndarray | None
) -> Path:
    """A workload of two layers; keyword `a_weight` replaces the tensor `a/weight`, None drops."""
    tensors = arrays()
    for name, array in changes.items():
        layer, what = name.split("_", 1)
        key = f"{'up/b' if layer == 'b' else layer}/{what}"
        tensors.pop(key, None)
        if array is not None:
            tensors[key] = array
    save_file(tensors, folder / "t.safetensors")
    return write(folder, "w.yaml", workload_text(CONV, POINTWISE, header=header))


def tensor_lines(folder: Path, path: Path) -> list[str]:
    found = problems(load_workload, path)
    return [line.replace(str(folder / "t.safetensors"), "TENSORS") for line in found]
