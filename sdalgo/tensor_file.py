"""Reading and writing safetensors without torch, bfloat16 included."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError

# safetensors' names in the header, and numpy's; bfloat16 has no numpy type and is read as bits.
_NUMPY = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "uint16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32",
    "U64": "uint64", "BOOL": "bool",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A named tensor as it lies in a file: dtype in safetensors' spelling, shape, bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        if self.dtype not in _NUMPY:
            raise InputError.at("dtype", f"{self.dtype} is not one of {', '.join(_NUMPY)}")
        size = np.dtype(_NUMPY[self.dtype]).itemsize
        if math.prod(self.shape) * size != len(self.data):
            raise InputError.at("tensor", f"{len(self.data)} bytes do not fill shape {self.shape}")

    @property
    def is_float(self) -> bool:
        return self.dtype in ("F64", "F32", "F16", "BF16")

    def array(self) -> NDArray[Any]:
        """Return the values; bfloat16 as float32."""
        flat = np.frombuffer(self.data, _NUMPY[self.dtype])
        if self.dtype == "BF16":
            flat = (flat.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return flat.reshape(self.shape)


def from_array(values: NDArray[Any]) -> Tensor:
    """Return the tensor of an array of any type that safetensors knows."""
    for dtype, name in _NUMPY.items():
        if name == values.dtype.name and dtype != "BF16":
            data = np.ascontiguousarray(values).tobytes()
            return Tensor(dtype=dtype, shape=values.shape, data=data)
    raise InputError.at("dtype", f"{values.dtype} cannot be written as safetensors")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict: safetensors, torch's own (.pt, .pth, .bin) or ONNX's initialisers.

    Raises:
        InputError: see `read_tensors`; a torch file that holds more than tensors is refused.
    """
    if path.suffix in (".pt", ".pth", ".bin"):
        from sdalgo.pretrained import load_state

        return {name: from_torch(value) for name, value in load_state(path).items()}
    if path.suffix == ".onnx":
        from sdalgo.onnx_graph import OnnxModel

        return {name: from_array(value) for name, value in OnnxModel(path).constants.items()}
    return read_tensors(path)


def from_torch(value: Any) -> Tensor:
    """Return a torch tensor in file form; bfloat16 keeps its bits."""
    if str(value.dtype) == "torch.bfloat16":
        bits = (value.float().numpy().view(np.uint32) >> 16).astype(np.uint16)
        return Tensor(dtype="BF16", shape=tuple(value.shape), data=bits.tobytes())
    return from_array(value.detach().cpu().numpy())


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file, by name, numbers in a name by value.

    Raises:
        InputError: no such file, or not whole safetensors.
    """
    from safetensors import SafetensorError, deserialize

    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror}") from error
    try:
        entries = deserialize(content)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise InputError.at(path, f"not a safetensors file, or damaged: {error}") from error
    found = {}
    for name, entry in sorted(entries, key=lambda entry: _natural(entry[0])):
        try:
            found[name] = Tensor(
                dtype=entry["dtype"], shape=tuple(entry["shape"]), data=bytes(entry["data"])
            )
        except InputError as error:
            raise InputError.at(f"{path}: {name}", error.message) from error
    return found


def _natural(name: str) -> list[tuple[str, int]]:
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)]


def write_tensor_file(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file whole or not at all.

    The format is its own documentation's: header length, JSON header padded to 8 bytes, tensors.
    """
    entries, offset = {}, 0
    for name, tensor in tensors.items():
        end = offset + len(tensor.data)
        entries[name] = {
            "dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [offset, end],
        }  # fmt: skip
        offset = end
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    body = b"".join(tensor.data for tensor in tensors.values())
    write_bytes(path, len(header).to_bytes(8, "little") + header + body)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        InputError: the folder is missing or cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        raise InputError.at(path, f"cannot be written: {error.strerror}") from error
    finally:
        if partial.exists():
            partial.unlink()
