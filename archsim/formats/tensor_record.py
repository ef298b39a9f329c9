"""A tensor as it lies in a safetensors file: its type by the format's name, its shape, its bytes.

numpy has no bfloat16: such a tensor keeps its bits here and reads as float32 of the same values.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError

TYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "F16": "<f2", "BF16": "<u2",
    "I32": "<i4", "U32": "<u4", "F32": "<f4", "F64": "<f8", "I64": "<i8", "U64": "<u8",
}  # fmt: skip
"""numpy's types by the names of the format, in the order in which its own library ranks them."""
MAX_AXES = 8
_MOST_ENTRIES = 2**53  # the greatest size that JSON's readers agree on
RESERVED = "__metadata__"
"""The one name in a header that is no tensor's."""
_FLOATS = {"F64", "F32", "F16", "BF16"}


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor in file form; InputError where its bytes do not fill its shape."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        if self.dtype not in TYPES:
            raise InputError.at("dtype", f"{self.dtype} is not one of {', '.join(TYPES)}")
        if not is_shape(self.shape):
            raise InputError.at("tensor", f"{self.shape!s:.60} is no shape that is read here")
        if prod(self.shape) * np.dtype(TYPES[self.dtype]).itemsize != len(self.data):
            raise InputError.at("tensor", f"{len(self.data)} bytes do not fill shape {self.shape}")

    @property
    def is_float(self) -> bool:
        return self.dtype in _FLOATS

    def array(self) -> NDArray[Any]:
        """The values in C order, read-only; bfloat16 comes as float32."""
        return values(np.frombuffer(self.data, TYPES[self.dtype]), self.dtype).reshape(self.shape)


def is_shape(sizes: Any) -> bool:
    """Return whether a list or tuple is the shape of a tensor that can be written and read."""
    if len(sizes) > MAX_AXES or not all(type(s) is int and 0 <= s <= _MOST_ENTRIES for s in sizes):
        return False
    return 0 not in sizes or prod(filter(None, sizes)) <= _MOST_ENTRIES  # numpy's bound, of none


def name_problem(name: Any) -> str | None:
    """Return why no tensor can have this name in a file, None where it can."""
    if not isinstance(name, str):
        return f"{name!r:.60} is no name: a name is text"
    if name == RESERVED:
        return "no tensor may have this name: the format keeps it for itself"
    if not name.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in name):
        return "the name holds half a character (a lone surrogate), which is not text"
    return None


def values(stored: NDArray[Any], dtype: str) -> NDArray[Any]:
    """What the stored numbers of a type mean: themselves, or for bfloat16 their float32."""
    return (stored.astype("<u4") << 16).view("<f4") if dtype == "BF16" else stored


def from_array(array: NDArray[Any]) -> Tensor:
    """The tensor of an array; InputError where the format has no such type."""
    for dtype, name in TYPES.items():
        if array.dtype.newbyteorder("<") == np.dtype(name) and dtype != "BF16":
            data = np.ascontiguousarray(array, dtype=name).tobytes()
            return Tensor(dtype=dtype, shape=array.shape, data=data)
    raise InputError.at("dtype", f"{array.dtype} cannot be written as safetensors")
