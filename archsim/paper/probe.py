"""One small layer with chosen zeros on every machine: which kinds of zeros a machine turns into
time (Table VIII), and how SmartDeal's lines work (section V-B).

The layer is written as a workload file with measured tensors into a temporary folder, and takes the
same path as any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archsim.paper.networks import machines

if TYPE_CHECKING:
    from archsim.results.result import Result

Arrays = dict[str, NDArray[Any]]
FILTERS, CHANNELS, SIDE = 64, 32, 32  # 16 activations an element of SCNN: four vectors, or fewer
KEPT = 0.4  # of what is zeroed
KINDS = (
    "unstructured weights",
    "weight vectors",
    "activations",
    "activation bits",
    "activation vectors",
)


def gains() -> dict[str, dict[str, float]]:
    """Machine, kind of zero: cycles of the dense layer over cycles with 60 % such zeros."""
    base = {name: _run(name, _dense()) for name in machines()}
    found: dict[str, dict[str, float]] = {name: {} for name in machines()}
    for kind in KINDS:
        arrays = _with_zeros(kind)
        for name in machines():
            found[name][kind] = base[name] / _run(name, arrays)
    return found


def line_of_smartdeal(kernel: int) -> Mapping[str, float]:
    """A single tile of 8 pixels with one-digit inputs and full coefficients: `cycles` of the
    kernel x kernel convolution, and `queue`, inputs that a line takes for one kernel row."""
    shape = {"kernel": kernel, "filters": 64, "channels": 16, "height": kernel, "width": 7 + kernel}
    arrays = {
        "input": np.ones((16, kernel, 7 + kernel), np.int8),
        "weight": np.ones((64, 16, kernel, kernel), np.int8),
        "coef": np.ones((64, 16, kernel, kernel), np.int8),
        **_basis(64, kernel),
    }
    result = _simulate("smartdeal", arrays, shape)
    layer = result.layers[0]
    jobs = 64 * 16 * kernel
    return {
        "cycles": float(layer.compute_cycles),
        "queue": layer.actions["mac_array"]["fifo"] / jobs,
    }


def _dense() -> Arrays:
    """No zeros in the values; a quarter of the bits set, as in trained networks."""
    random = np.random.default_rng(20)
    weight = random.choice([-1, 1], (FILTERS, CHANNELS, 3, 3)) * random.integers(
        1, 100, (FILTERS, CHANNELS, 3, 3)
    )
    coef = random.choice([-1, 1], weight.shape) * random.integers(1, 6, weight.shape)
    return {
        "input": random.integers(64, 128, (CHANNELS, SIDE, SIDE)).astype(np.int8),
        "weight": weight.astype(np.int8),
        "coef": coef.astype(np.int8),
        **_basis(FILTERS, 3),
    }


def _with_zeros(kind: str) -> Arrays:
    random = np.random.default_rng(21)
    arrays = _dense()
    changed: Mapping[str, Callable[[], None]] = {
        "unstructured weights": lambda: _zero(arrays, ("weight", "coef"), random, 4),
        "weight vectors": lambda: _zero_rows(arrays, random),
        "activations": lambda: _zero(arrays, ("input",), random, 3),
        "activation bits": lambda: _one_bit(arrays, random),
        "activation vectors": lambda: _zero(arrays, ("input",), random, 2),
    }
    changed[kind]()
    return arrays


def _zero(arrays: Arrays, names: tuple[str, ...], random: np.random.Generator, axes: int) -> None:
    """Zero 60 % of the entries along the first `axes` axes; whole vectors where axes remain."""
    for name in names:
        array = arrays[name]
        mask = random.random(array.shape[:axes]) < KEPT
        array *= mask.reshape(*mask.shape, *[1] * (array.ndim - axes)).astype(np.int8)


def _zero_rows(arrays: Arrays, random: np.random.Generator) -> None:
    """The same kernel rows in all filters, as the decomposition prunes them."""
    mask = (random.random((1, CHANNELS, 3, 1)) < KEPT).astype(np.int8)
    for name in ("weight", "coef"):
        arrays[name] = arrays[name] * mask


def _one_bit(arrays: Arrays, random: np.random.Generator) -> None:
    """Powers of two instead of values with several bits; nothing becomes zero."""
    exponents = random.integers(0, 7, arrays["input"].shape)
    arrays["input"] = (1 << exponents).astype(np.int8)


def _basis(filters: int, kernel: int) -> Arrays:
    return {
        "basis": np.ones((filters, 1, kernel, kernel), np.int8),
        "basis_scale": np.ones((filters, 1), np.float32),
    }


def _run(machine: str, arrays: Arrays) -> float:
    """Compute cycles of the layer."""
    shape = {
        "kernel": 3, "filters": FILTERS, "channels": CHANNELS, "height": SIDE, "width": SIDE,
    }  # fmt: skip
    return float(_simulate(machine, arrays, shape).layers[0].compute_cycles)


def _simulate(machine: str, arrays: Arrays, shape: Mapping[str, int]) -> Result:
    from safetensors.numpy import save_file

    from archsim.arch.arch import load_arch
    from archsim.runs.simulation import simulate
    from archsim.workload.workload import load_workload

    layer = {
        "name": "layer",
        "op": "conv",
        "inputs": [],
        "in_channels": shape["channels"],
        "out_channels": shape["filters"],
        "in_size": [shape["height"], shape["width"]],
        "kernel": [shape["kernel"]] * 2,
    }
    file = {
        "format": "archsim-workload/1",
        "name": "probe",
        "task": "inference",
        "batch": 1,
        "source": {"made_by": "archsim paper"},
        "tensors": "probe.safetensors",
        "layers": [layer],
    }
    with TemporaryDirectory() as folder:
        path = Path(folder, "probe.yaml")
        path.write_text(json.dumps(file), encoding="utf-8")  # JSON is YAML
        named = {f"layer/{what}": np.ascontiguousarray(array) for what, array in arrays.items()}
        save_file(named, Path(folder, "probe.safetensors"))
        return simulate(load_arch(machine), load_workload(path))
