"""One small layer with chosen zeros on every machine: which kinds of zeros a machine turns into
time (Table VIII), and how SmartDeal's lines work (section V-B).

The layer is written as a workload file with measured tensors into a temporary folder, and takes the
same path as any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.arch.arch import load_arch
from archsim.formats.tensor_file import write_tensors
from archsim.formats.tensor_record import from_array
from archsim.paper.context import Context
from archsim.paper.networks import Source, load, machines, networks
from archsim.results.result import LayerResult
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload

Arrays = dict[str, NDArray[Any]]
FILTERS, CHANNELS, SIDE = 64, 32, 32  # 16 activations an element of SCNN: four vectors, or fewer
KEPT = 0.4  # of what is zeroed
AXES = {
    "unstructured weights": 4,
    "weight vectors": 0,
    "activations": 3,
    "activation bits": 0,
    "activation vectors": 2,
}
"""The kinds of zeros, and along how many axes each single place is zeroed or not: vectors where
axes remain; 0 where it is done in another way."""


def gains() -> dict[str, dict[str, float]]:
    """Machine, kind of zero: cycles of the dense layer over cycles with 60 % such zeros."""
    dense = _dense()
    base = {name: _run(name, dense).compute_cycles for name in machines()}
    found: dict[str, dict[str, float]] = {name: {} for name in machines()}
    for kind in AXES:
        arrays = _with_zeros(kind)
        for name in machines():
            found[name][kind] = base[name] / _run(name, arrays).compute_cycles
    return found


def line_of_smartdeal(kernel: int) -> Mapping[str, float]:
    """A single tile of 8 pixels with one-digit inputs and full coefficients: `cycles` of the
    kernel x kernel convolution, and `queue`, inputs that a line takes for one kernel row."""
    ones = np.ones((64, 16, kernel, kernel), np.int8)
    image = np.ones((16, kernel, 7 + kernel), np.int8)
    layer = _run("smartdeal", {"input": image, "weight": ones, "coef": ones, **_basis(kernel)})
    queue = layer.actions["mac_array"]["fifo"] / (64 * 16 * kernel)
    return {"cycles": float(layer.compute_cycles), "queue": queue}


def input_share(context: Context, name: str) -> float | None:
    """Bytes read from SmartDeal's input buffer per cycle, stream, line and multiplier in the 3x3
    layers of a network; None without the workload."""
    (network,) = networks([name])
    if not network.there:
        return None
    arch = load_arch("smartdeal")
    parts = arch.resolved["components"]
    feeds = parts["pe_slices"]["streams"] * parts["pe_slices"]["lines"] * parts["mac_array"]["macs"]
    source = Source(network.workload, context.wanted.conv_only, context.wanted.measured)
    wide = {layer.name for layer in load(source).layers if layer.kernel == (3, 3)}
    layers = [one for one in context.runner.result(network, arch).layers if one.name in wide]
    read = sum(layer.actions["input_gb"]["read"] for layer in layers)
    return read / sum(layer.compute_cycles for layer in layers) / int(feeds)


def _dense() -> Arrays:
    """No zeros in the values; a quarter of the bits set, as in trained networks."""
    random = np.random.default_rng(20)
    shape = (FILTERS, CHANNELS, 3, 3)
    weight = random.choice([-1, 1], shape) * random.integers(1, 100, shape)
    coef = random.choice([-1, 1], shape) * random.integers(1, 6, shape)
    return {
        "input": random.integers(64, 128, (CHANNELS, SIDE, SIDE)).astype(np.int8),
        "weight": weight.astype(np.int8),
        "coef": coef.astype(np.int8),
        **_basis(3),
    }


def _with_zeros(kind: str) -> Arrays:
    """The dense layer with 60 % zeros of a kind."""
    random = np.random.default_rng(21)
    arrays = _dense()
    if kind == "activation bits":
        # Powers of two instead of values with several bits; nothing becomes zero.
        arrays["input"] = (1 << random.integers(0, 7, arrays["input"].shape)).astype(np.int8)
        return arrays
    if kind == "weight vectors":
        # The same kernel rows in all filters, as the decomposition prunes them.
        mask = (random.random((1, CHANNELS, 3, 1)) < KEPT).astype(np.int8)
        return arrays | {name: arrays[name] * mask for name in ("weight", "coef")}
    for name in ("weight", "coef") if "weights" in kind else ("input",):
        array = arrays[name]
        mask = (random.random(array.shape[: AXES[kind]]) < KEPT).astype(np.int8)
        array *= mask.reshape(*mask.shape, *[1] * (array.ndim - AXES[kind]))
    return arrays


def _basis(kernel: int) -> Arrays:
    return {
        "basis": np.ones((64, 1, kernel, kernel), np.int8),
        "basis_scale": np.ones((64, 1), np.float32),
    }


def _run(machine: str, arrays: Arrays) -> LayerResult:
    """The layer that the arrays are of, on a machine."""
    channels, *size = arrays["input"].shape
    filters, _, *kernel = arrays["weight"].shape
    layer = {
        "name": "layer", "op": "conv", "inputs": [], "in_channels": channels,
        "out_channels": filters, "in_size": size, "kernel": kernel,
    }  # fmt: skip
    file = {
        "format": "archsim-workload/1", "name": "probe", "task": "inference", "batch": 1,
        "source": {"made_by": "archsim paper"}, "tensors": "probe.safetensors", "layers": [layer],
    }  # fmt: skip
    with TemporaryDirectory() as folder:
        path = Path(folder, "probe.yaml")
        path.write_text(json.dumps(file), encoding="utf-8")  # JSON is YAML
        named = {f"layer/{what}": from_array(array) for what, array in arrays.items()}
        write_tensors(Path(folder, "probe.safetensors"), named)
        return simulate(load_arch(machine), load_workload(path)).layers[0]
