"""`.sd` containers: headers changed and summed anew, sections changed and summed anew, bytes."""

import json
import struct
import zlib

import numpy as np
from byte_mutants import bytes_mutant, json_text, tree_mutant

from archsim.formats.tensor_record import from_array
from sdalgo.container import MAGIC, read_container, to_bytes
from sdalgo.options import preset
from sdalgo.state import decompose_state, rebuild_state
from sdalgo.summary import summarise

SUFFIX = ".sd"
LENGTHS = struct.Struct("<II")


def seeds():
    rng = np.random.default_rng(0)
    shapes = {
        "conv.weight": (4, 3, 3, 3),
        "fc.weight": (5, 7),
        "fc.bias": (5,),
        "line.weight": (4, 3, 3),
    }
    tensors = {
        name: from_array(rng.normal(0, 0.1, shape).astype(np.float32))
        for name, shape in shapes.items()
    }
    tensors["tied.weight"] = tensors["fc.weight"]
    return [
        to_bytes(decompose_state(tensors, preset("as_released_double", basis_bits=bits), form))
        for bits in (8, 16, 32)
        for form in ("row", "element")
    ]


def mutate(rng, seed):
    if rng.random() < 0.1:
        return bytes_mutant(rng, seed)
    start = len(MAGIC) + LENGTHS.size
    length, _ = LENGTHS.unpack(seed[len(MAGIC) : start])
    head, body = json.loads(seed[start : start + length]), seed[start + length :]
    if rng.random() < 0.3:
        body = bytearray(body)
        for _ in range(rng.randrange(1, 4)):
            body[rng.randrange(len(body))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        for place in _sections(head):
            place[2] = zlib.crc32(body[place[0] : place[0] + place[1]])
    for _ in range(rng.choice((0, 1, 1, 2))):
        head = tree_mutant(rng, head)
    header = json_text(head).encode()
    return MAGIC + LENGTHS.pack(len(header), zlib.crc32(header)) + header + bytes(body)


def check(path):
    found = read_container(path)
    json.dumps(
        summarise(found, path.stat().st_size) | {"options": found.options},
        allow_nan=False,
        indent=1,
    )
    try:
        rebuild_state(found)
    except Exception as error:  # the command that rebuilds names the file
        error.args = (f"{path}: {error}",)
        raise


def _sections(head):
    for layer in head["layers"]:
        yield from layer.get("sections", {}).values()  # a tied one has none
    for other in head["others"]:
        yield other["data"]
