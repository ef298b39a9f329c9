"""A small network for training: convolutions, one of them depthwise, and a classifier."""

import json
from math import ceil

import numpy as np

import archsim

BATCH = 4
LAYERS = [
    # name, inputs, C, K, in, kernel, stride, padding
    ("c1", [], 3, 10, (9, 9), 3, 1, 1),
    ("c2", ["c1"], 10, 13, (9, 9), 3, 2, 1),
    ("c3", ["c2"], 13, 7, (5, 5), 1, 1, 0),
    ("dw", ["c3"], 7, 7, (5, 5), 3, 1, 1),
]
GROUPS = {"dw": 7}
FC = ("fc", ["dw"], 7 * 25, 11)


def bf16(values):
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def write_safetensors(path, arrays):
    """The format by hand: an 8-byte length, a JSON header, the data; bf16 arrives as uint16."""
    names = {"int8": "I8", "uint16": "BF16", "float32": "F32"}
    header, data = {}, b""
    for key, array in arrays.items():
        blob = np.ascontiguousarray(array).tobytes()
        header[key] = {
            "dtype": names[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(blob)],
        }
        data += blob
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def training_network(folder):
    """The loaded workload; its files lie in `folder`."""
    rng = np.random.default_rng(5)
    arrays, lines = {}, []
    for name, inputs, c, k, size, kernel, stride, pad in LAYERS:
        out = (size[0] + 2 * pad - kernel) // stride + 1
        arrays[f"{name}/input"] = rng.integers(-9, 9, (BATCH, c, *size)).astype(np.int8)
        groups = GROUPS.get(name, 1)
        shape = (k, c // groups, kernel, kernel)
        arrays[f"{name}/weight"] = rng.integers(-9, 9, shape).astype(np.int8)
        rows = (k, c // groups, 3, 3) if kernel == 3 else (k, ceil(c / 3), 3)
        arrays[f"{name}/coef"] = rng.integers(-2, 3, rows).astype(np.int8)
        mask = (arrays[f"{name}/coef"] != 0) | (rng.random(rows) < 0.1)
        arrays[f"{name}/mask"] = mask.astype(np.int8)
        arrays[f"{name}/basis"] = rng.integers(-9, 9, (k, 1, 3, 3)).astype(np.int8)
        arrays[f"{name}/basis_scale"] = np.ones((k, 1), np.float32)
        arrays[f"{name}/error"] = bf16(rng.normal(size=(BATCH, k, out, out)))
        lines.append(
            f"  - {{name: {name}, op: conv, inputs: {json.dumps(inputs)}, in_channels: {c}, "
            f"out_channels: {k}, groups: {groups}, in_size: {list(size)}, "
            f"kernel: [{kernel}, {kernel}], "
            f"stride: [{stride}, {stride}], padding: [{pad}, {pad}]}}"
        )
    name, inputs, c, k = FC
    arrays[f"{name}/input"] = rng.integers(-9, 9, (BATCH, c)).astype(np.int8)
    arrays[f"{name}/weight"] = rng.integers(-9, 9, (k, c)).astype(np.int8)
    arrays[f"{name}/coef"] = rng.integers(-2, 3, (k, ceil(c / 3), 3)).astype(np.int8)
    arrays[f"{name}/coef"][4:, 20:] = 0
    arrays[f"{name}/mask"] = (arrays[f"{name}/coef"] != 0).astype(np.int8)
    arrays[f"{name}/basis"] = rng.integers(-9, 9, (k, 1, 3, 3)).astype(np.int8)
    arrays[f"{name}/basis_scale"] = np.ones((k, 1), np.float32)
    arrays[f"{name}/error"] = bf16(rng.normal(size=(BATCH, k)))
    lines.append(
        f"  - {{name: {name}, op: linear, inputs: {json.dumps(inputs)}, in_channels: {c}, "
        f"out_channels: {k}}}"
    )
    write_safetensors(folder / "net.safetensors", arrays)
    (folder / "net.yaml").write_text(
        f"format: archsim-workload/1\nname: net\ntask: training\nbatch: {BATCH}\n"
        "source: {made_by: a test}\ntensors: net.safetensors\nlayers:\n" + "\n".join(lines) + "\n"
    )
    return archsim.load_workload(folder / "net.yaml")
