"""Safetensors read and written: the header at once, arrays when they are asked for.

The format (https://github.com/huggingface/safetensors#format) is eight bytes of header length, a
JSON header, then the arrays back to back. It is read here rather than through a library because
numpy has no bfloat16 and because a damaged file shall be told apart precisely: everything the
header claims is checked against the size of the file before a byte of data is read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError, Problem
from archsim.formats.files import write_atomically
from archsim.formats.json_file import JsonError, RepeatedKey, parsed
from archsim.formats.regular import open_input, open_regular
from archsim.formats.sniff import kind_of
from archsim.formats.source import shown
from archsim.formats.tensor_record import (
    RESERVED,
    TYPES,
    Tensor,
    is_shape,
    name_problem,
    values,
)

MAX_HEADER = 16 * 2**20


@dataclass(frozen=True)
class Entry:
    """One array: its type by the format's name, its shape, its bytes within the data."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


class TensorFile:
    """A safetensors file whose header has been read and checked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.label = shown(path)
        try:
            with open_input(path) as file:
                self._data_start, header = self._header(file)
                size = file.seek(0, 2) - self._data_start
        except OSError as error:
            raise InputError.at(self.label, f"cannot be read: {error.strerror or error}") from None
        self.entries: dict[str, Entry] = self._entries(header, size)

    def place(self, key: str) -> str:
        """How a message calls one array of the file."""
        return f"{self.label}, key {key!r}"

    @cached_property
    def digest(self) -> bytes:
        """blake2b of the whole file."""
        from hashlib import blake2b, file_digest

        with open_regular(self.path) as file:
            return file_digest(file, lambda: blake2b(digest_size=16)).digest()

    def read(self, key: str) -> NDArray[Any]:
        """The array of that key, in C order; bfloat16 comes as the float32 of the same value."""
        entry = self.entries[key]
        return values(self._stored(key, TYPES[entry.dtype]), entry.dtype).reshape(entry.shape)

    def tensor(self, key: str) -> Tensor:
        """The tensor of that key as it lies in the file."""
        entry = self.entries[key]
        data = self._stored(key, TYPES[entry.dtype]).tobytes()
        return Tensor(dtype=entry.dtype, shape=entry.shape, data=data)

    def _stored(self, key: str, dtype: str) -> NDArray[Any]:
        entry = self.entries[key]
        with open_regular(self.path) as file:
            file.seek(self._data_start + entry.start)
            flat = np.fromfile(file, dtype=dtype, count=prod(entry.shape))
        if flat.size != prod(entry.shape):
            raise InputError.at(self.place(key), "the file became shorter while it was in use")
        return flat

    def _header(self, file: BinaryIO) -> tuple[int, dict[str, Any]]:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8:
            raise self._other(f"has {len(start)} bytes; this is not safetensors")
        if length > MAX_HEADER:
            raise self._other(
                f"claims a header of {length:,} bytes (at most {MAX_HEADER:,}); "
                "this is not safetensors, or it is damaged"
            )
        text = file.read(length)
        if len(text) < length:
            raise self._other(
                f"is truncated: it ends {length - len(text):,} bytes before its header does", text
            )
        try:
            header = parsed(text)
        except RepeatedKey as error:
            raise InputError.at(self.place(error.key), "stands in the header twice") from None
        except JsonError:
            header = None
        if not isinstance(header, dict):
            raise self._other("its header is not a JSON object; this is not safetensors", text)
        header.pop(RESERVED, None)
        return 8 + length, header

    def _other(self, message: str, text: bytes = b"") -> InputError:
        """The error of a file without a header: what else it is, where that is plain.

        A header's length may begin like another format's magic number, so this is asked last, and
        not of a file whose header begins as one should.
        """
        kind = None if text.startswith(b"{") else kind_of(self.path)
        if kind is not None:
            message = f"this is {kind}, not safetensors; it is not read"
        return InputError.at(self.label, message)

    def _entries(self, header: dict[str, Any], size: int) -> dict[str, Entry]:
        problems: list[Problem] = []
        entries: dict[str, Entry] = {}
        for key, claim in header.items():
            entry = name_problem(key) or _entry(claim)
            if isinstance(entry, str):
                problems.append(Problem(self.place(key), entry))
            else:
                entries[key] = entry
        if problems:
            raise InputError(problems)
        reached = 0
        for key, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].end)):
            if entry.start != reached:
                raise InputError.at(
                    self.place(key),
                    f"its data starts at byte {entry.start:,} and the array before it ends at "
                    f"{reached:,}; the file is damaged",
                )
            reached = entry.end
        if reached > size:
            raise InputError.at(
                self.label, f"is truncated: {reached - size:,} of its {reached:,} bytes are missing"
            )
        if reached < size:
            raise InputError.at(self.label, f"has {size - reached:,} bytes that belong to no array")
        return entries


def _entry(claim: Any) -> Entry | str:
    """What the header says of one array, or what is wrong with it."""
    if not isinstance(claim, dict) or set(claim) != {"dtype", "shape", "data_offsets"}:
        return "its header entry is not {dtype, shape, data_offsets}"
    dtype, shape, offsets = claim["dtype"], claim["shape"], claim["data_offsets"]
    if not isinstance(dtype, str) or dtype not in TYPES:
        return f"has the type {dtype!r}, which is not read here"
    if not isinstance(shape, list) or not is_shape(shape):
        return f"has the shape {str(shape)[:60]}, which is none"
    if not _naturals(offsets) or len(offsets) != 2:
        return f"has the data offsets {str(offsets)[:60]}, which are none"
    needed = prod(shape) * np.dtype(TYPES[dtype]).itemsize
    if offsets[1] - offsets[0] != needed:
        return (
            f"claims {offsets[1] - offsets[0]:,} bytes, and {dtype} of shape {tuple(shape)} "
            f"takes {needed:,}"
        )
    return Entry(dtype, tuple(shape), offsets[0], offsets[1])


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(
        type(item) is int and 0 <= item <= 2**53 for item in value
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file by name, numbers in a name by value (`layer2` before `layer10`)."""
    file = TensorFile(path)
    return {key: file.tensor(key) for key in sorted(file.entries, key=_natural)}


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a file whole or not at all, byte by byte as the format's own library writes it.

    The widest types stand first, so that each array is aligned to its type; then names decide.
    InputError, naming the path and the reason, where it cannot be written, or a tensor has a name
    that the format does not allow.
    """
    wrong = [(name, problem) for name in tensors if (problem := name_problem(name))]
    if wrong:
        raise InputError(Problem(f"{path}: {name!r:.60}", problem) for name, problem in wrong)
    rank = list(TYPES)
    order = sorted(tensors, key=lambda name: (-rank.index(tensors[name].dtype), name.encode()))
    header: dict[str, Any] = {RESERVED: dict(metadata)} if metadata else {}
    reached = 0
    for name in order:
        tensor, start = tensors[name], reached
        reached += len(tensor.data)
        header[name] = {
            "dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [start, reached],
        }  # fmt: skip
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join(tensors[name].data for name in order)
    write_atomically(path, len(text).to_bytes(8, "little") + text + body)


def _natural(name: str) -> list[tuple[str, int]]:
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)]
