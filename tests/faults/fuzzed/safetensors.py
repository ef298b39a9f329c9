"""safetensors files: headers changed with their length set anew, and bytes."""

import json

import numpy as np
from byte_mutants import bytes_mutant, json_text, tree_mutant

from archsim.formats.tensor_file import read_tensors, write_tensors
from archsim.formats.tensor_record import from_array

SUFFIX = ".safetensors"


def seeds():
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seed.safetensors"
        arrays = {
            "a.weight": np.ones((2, 3), np.float32), "b": np.zeros((0, 4), np.int8),
            "c": np.array(True), "d": np.arange(5),
        }  # fmt: skip
        write_tensors(path, {k: from_array(a) for k, a in arrays.items()}, {"made_by": "a test"})
        return [path.read_bytes()]


def mutate(rng, seed):
    if rng.random() < 0.2:
        return bytes_mutant(rng, seed)
    length = int.from_bytes(seed[:8], "little")
    head = json.loads(seed[8 : 8 + length])
    for _ in range(rng.choice((1, 1, 2))):
        head = tree_mutant(rng, head)
    header = json_text(head).encode()
    return len(header).to_bytes(8, "little") + header + seed[8 + length :]


def check(path):
    found = read_tensors(path)
    for tensor in found.values():
        tensor.array()
    write_tensors(path.with_name("again.safetensors"), found)
