"""Networks of a few layers, written as workload files with seeded tensors."""

import numpy as np
import yaml
from safetensors.numpy import save_file

import archsim

ZEROS = 0.5
"""Share of zeros among inputs, pruned weights and coefficients."""


def conv(name, inputs, channels, size, kernel=(3, 3), **keys):
    """`channels` are (in, out), `size` (height, width)."""
    entry = {"name": name, "op": "conv", "inputs": list(inputs)}
    entry |= {"in_channels": channels[0], "out_channels": channels[1]}
    return entry | {"in_size": list(size), "kernel": list(kernel)} | keys


def linear(name, inputs, channels, **keys):
    entry = {"name": name, "op": "linear", "inputs": list(inputs)}
    return entry | {"in_channels": channels[0], "out_channels": channels[1]} | keys


def post(name, op, inputs, **keys):
    return {"name": name, "op": op, "inputs": list(inputs)} | keys


def tensors_of(entry, rng):
    """All arrays of a layer with weights."""
    filters, channels = entry["out_channels"], entry["in_channels"] // entry.get("groups", 1)
    if entry["op"] == "linear":
        shape, input_shape, kernel = (filters, channels), (channels,), (1, 1)
        if entry.get("positions", 1) > 1:
            input_shape = (entry["positions"], channels)
    else:
        kernel = tuple(entry["kernel"])
        shape = (filters, channels, *kernel)
        input_shape = (entry["in_channels"], *entry["in_size"])
    pointwise = kernel == (1, 1)
    rows = (filters, -(-channels // 3)) if pointwise else (filters, channels, kernel[0])
    width = 3 if pointwise else kernel[1]

    def sparse(shape, largest, kept):
        values = rng.integers(-largest, largest + 1, shape)
        return np.where(np.broadcast_to(kept, shape), values, 0).astype(np.int8)

    live = rng.random(rows) > ZEROS
    return {
        "input": sparse(input_shape, 60, rng.random(input_shape) > ZEROS),
        "weight": sparse(shape, 127, True),
        "pruned": sparse(shape, 127, rng.random(shape) > ZEROS),
        "coef": sparse((*rows, width), 7, live[..., None]),
        "basis": sparse((filters, 1, width, width), 127, True),
        "basis_scale": np.ones((filters, 1), np.float32),
    }


def write(folder, entries, name="tiny", batch=1, seed=0):
    """The path of the workload file; its tensors lie beside it."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for entry in entries:
        if entry["op"] in {"conv", "linear"}:
            arrays = tensors_of(entry, rng)
            tensors |= {f"{entry['name']}/{what}": array for what, array in arrays.items()}
    keys = {"format": "archsim-workload/1", "name": name, "batch": batch}
    keys |= {"source": {"made_by": "a test"}}
    if tensors:
        save_file(tensors, folder / f"{name}.safetensors")
        keys["tensors"] = f"{name}.safetensors"
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(keys | {"layers": entries}))
    return path


def network(folder, *entries, **keys):
    """The loaded workload."""
    return archsim.load_workload(write(folder, entries, **keys))


def run(arch, workload, overrides=(), **keys):
    """Result of the machine of that name under some overrides."""
    return archsim.simulate(archsim.load_arch(arch, overrides), workload, **keys)


def residual():
    """Two layers and a shortcut, a depthwise layer, squeeze and excite, a pool, a classifier."""
    return [
        conv("stem", [], (3, 24), (16, 16), padding=[1, 1], stride=[2, 2]),
        conv("a", ["stem"], (24, 40), (8, 8), padding=[1, 1]),
        conv("b", ["a"], (40, 24), (8, 8), kernel=(1, 1)),
        post("sum", "add", ["stem", "b"]),
        conv("dw", ["sum"], (24, 24), (8, 8), padding=[1, 1], groups=24),
        post("squeeze", "pool", ["dw"], kind="avg", **{"global": True}),
        linear("excite", ["squeeze"], (24, 24)),
        post("scale", "mul", ["dw", "excite"]),
        conv("grouped", ["scale"], (24, 30), (8, 8), padding=[1, 1], groups=3),
        post("pool", "pool", ["grouped"], kind="max", kernel=[2, 2], stride=[2, 2]),
        linear("head", ["pool"], (480, 70)),
    ]
