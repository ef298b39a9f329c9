"""Workload files of tokens and products of activations, with arrays that a test gives or draws."""

import numpy as np
import yaml
from safetensors.numpy import save_file

import archsim

ZEROS = 0.5
"""Share of zeros among values that are drawn."""


def matmul(name, inputs, sizes, **keys):
    """`sizes` are (heads, rows, inner, columns)."""
    named = dict(zip(("heads", "rows", "inner", "columns"), sizes, strict=True))
    return {"name": name, "op": "matmul", "inputs": list(inputs)} | named | keys


def linear(name, inputs, channels, **keys):
    entry = {"name": name, "op": "linear", "inputs": list(inputs)}
    return entry | {"in_channels": channels[0], "out_channels": channels[1]} | keys


def post(name, op, inputs, **keys):
    return {"name": name, "op": op, "inputs": list(inputs)} | keys


def sparse(rng, shape, largest=100, zeros=ZEROS):
    """int8 values, so many of them zero."""
    values = rng.integers(-largest, largest + 1, shape)
    return np.where(rng.random(shape) < zeros, 0, values).astype(np.int8)


def write(folder, entries, tensors=None, name="tokens", **keys):
    """The path of the workload file; tensors, where there are any, lie beside it."""
    header = {"format": "archsim-workload/1", "name": name, "source": {"made_by": "a test"}}
    if tensors:
        arrays = {key: np.ascontiguousarray(array) for key, array in tensors.items()}
        save_file(arrays, folder / f"{name}.safetensors")
        header["tensors"] = f"{name}.safetensors"
    path = folder / f"{name}.yaml"
    path.write_text(
        yaml.safe_dump(header | keys | {"layers": list(entries)}, default_flow_style=None)
    )
    return path


def loaded(folder, entries, tensors=None, **keys):
    """The loaded workload."""
    return archsim.load_workload(write(folder, entries, tensors, **keys))


def run(arch, workload, overrides=(), **keys):
    """Result of the machine of that name under some overrides."""
    return archsim.simulate(archsim.load_arch(arch, overrides), workload, **keys)
