"""The `.sd` file: a whole state dict, its decomposed layers as bit streams
(docs/reference/sdalgo.md).

    magic  b"SDALGO" 0x00 0x01     version 1
    u32    length of the header, then u32 CRC-32 of the header, little-endian
    JSON   layers and other tensors; every section by offset, length and CRC-32
    bytes  sections, one after the other

A reader checks every length and every checksum before it uses a byte, and runs no code from it.
"""

import json
import math
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsim.formats import unpacked
from archsim.formats.errors import InputError
from archsim.formats.json_file import parsed
from archsim.formats.own_files import write_own
from archsim.formats.regular import read_input
from archsim.formats.tensor_record import Tensor, is_shape, name_problem
from archsim.formats.weight_bits import check_form
from sdalgo import layer_sections
from sdalgo.decomposition import Decomposition
from sdalgo.orientation import Orientation

MAGIC = b"SDALGO\x00\x01"
MARK = MAGIC[:7]
"""What a file of any version begins with."""
_LENGTHS = struct.Struct("<II")


@dataclass(frozen=True, kw_only=True)
class Container:
    """Decomposed layers and untouched tensors of one state dict, by name.

    Attributes:
        options: the settings that made the layers, as plain values; shown, never interpreted.
        errors: relative error of each layer against the weights that it was made from.
        lies: how the weight of a layer lies in its tensor, of those that are not as they are.
    """

    layers: dict[str, Decomposition]
    others: dict[str, Tensor]
    form: str = "row"
    options: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    lies: dict[str, Orientation] = field(default_factory=dict)


def to_bytes(container: Container) -> bytes:
    """Return the file's content; equal containers give equal bytes."""
    check_form(container.form)
    _check_names([*container.layers, *container.others])
    body = bytearray()
    layers, others = [], []
    firsts: dict[int, str] = {}
    for name, layer in container.layers.items():
        meta: dict[str, Any] = {"name": name, "relative_error": container.errors.get(name)}
        if lies := container.lies.get(name):
            meta["tensor"] = {"shape": lies.tensor, "split": lies.split, "axes": lies.axes}
        if (first := firsts.setdefault(id(layer), name)) != name:
            layers.append(meta | {"same_as": first})
            continue
        parts, about = layer_sections.pack(layer, container.form)
        placed = {key: _append(body, part) for key, part in parts.items()}
        layers.append(about | meta | {"sections": placed})
    for name, tensor in container.others.items():
        place = _append(body, tensor.data)
        others.append(
            {"name": name, "dtype": tensor.dtype, "shape": list(tensor.shape), "data": place}
        )
    head = {
        "form": container.form, "options": container.options, "layers": layers, "others": others,
    }  # fmt: skip
    header = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
    return MAGIC + _LENGTHS.pack(len(header), zlib.crc32(header)) + header + bytes(body)


def from_bytes(content: bytes, place: str = "container") -> Container:
    """Return what `to_bytes` was given.

    Raises:
        InputError: the content is not a container, of another version, cut short or damaged.
    """
    head, body = _split(content, place)
    try:
        form = head["form"]
        check_form(form)
        sections = _Sections(body, len(content))
        _check_names([m["name"] for m in (*head["layers"], *head["others"])])
        layers: dict[str, Decomposition] = {}
        for m in head["layers"]:
            if "same_as" in m:
                layers[m["name"]] = tied = layers[m["same_as"]]
                sections.claim(4 * math.prod(tied.layout.shape), m["name"])  # each is rebuilt
            else:
                layers[m["name"]] = layer_sections.unpack(m, sections, form)
        others = {
            m["name"]: Tensor(
                dtype=m["dtype"], shape=tuple(m["shape"]), data=sections.get(m["data"])
            )
            for m in head["others"]
        }
        sections.check_all_read()
        errors = {m["name"]: _error(m) for m in head["layers"]}
        lies = {m["name"]: _lies(m, layers) for m in head["layers"] if "tensor" in m}
        return Container(
            layers=layers,
            others=others,
            form=form,
            options=_options(head["options"]),
            errors={name: error for name, error in errors.items() if error is not None},
            lies=lies,
        )
    except InputError as error:
        raise InputError.at(place, str(error)) from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, MemoryError) as error:
        raise InputError.at(
            place, f"damaged header: {type(error).__name__} {error!s:.200}"
        ) from error


def write_container(path: Path, container: Container) -> int:
    """Write the file whole or not at all; returns its bytes."""
    content = to_bytes(container)
    write_own(path, content, MARK)
    return len(content)


def read_container(path: Path) -> Container:
    """Read and check a file.

    Raises:
        InputError: see `from_bytes`, or the file cannot be read.
    """
    try:
        content = read_input(path)
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror}") from error
    return from_bytes(content, str(path))


def _append(body: bytearray, part: bytes) -> list[int]:
    place = [len(body), len(part), zlib.crc32(part)]
    body += part
    return place


def _split(content: bytes, place: str) -> tuple[dict[str, Any], bytes]:
    start = len(MAGIC) + _LENGTHS.size
    if content[:7] != MARK or len(content) < start:
        raise InputError.at(place, "not a file that `sdalgo decompose` wrote")
    if content[7] != MAGIC[7]:
        raise InputError.at(place, f"version {content[7]}; this sdalgo reads version {MAGIC[7]}")
    length, checksum = _LENGTHS.unpack(content[len(MAGIC) : start])
    header = content[start : start + length]
    if len(header) != length or zlib.crc32(header) != checksum:
        raise InputError.at(place, "damaged or cut short: the header's checksum does not match")
    try:
        head = parsed(header)
    except ValueError as error:
        raise InputError.at(place, f"damaged header: {error!s:.200}") from error
    if not isinstance(head, dict):
        raise InputError.at(place, "damaged header: not a mapping")
    return head, content[start + length :]


def _check_names(names: list[Any]) -> None:
    for name in names:
        if problem := name_problem(name):
            raise InputError.at(f"{name!r:.60}", problem)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError.at(f"{twice!r:.60}", "two tensors have this name")


def _error(meta: dict[str, Any]) -> float | None:
    error = meta["relative_error"]
    if error is None or (type(error) in (int, float) and 0 <= error < math.inf):
        return error if error is None else float(error)
    raise InputError.at(meta["name"], f"{error!r:.60} is no relative error")


def _lies(meta: dict[str, Any], layers: dict[str, Decomposition]) -> Orientation:
    """How a layer's tensor lies, checked against the shape of its weight."""
    shapes = {key: tuple(meta["tensor"][key]) for key in ("shape", "split", "axes")}
    found = Orientation(
        tensor=shapes["shape"], split=shapes["split"], axes=shapes["axes"],
        layer=layers[meta["name"]].layout.shape,
    )  # fmt: skip
    if not all(is_shape(shape) for shape in shapes.values()) or not found.is_sound:
        raise InputError.at(meta["name"], "its tensor and its weight do not hold the same values")
    return found


def _options(found: Any) -> dict[str, Any]:
    """The settings as they were written: names with plain values, or lists of these."""
    if not isinstance(found, dict):
        raise InputError.at("options", "they are not a mapping")
    for name, value in found.items():
        if not all(map(_is_plain, value if isinstance(value, list) else [value])):
            raise InputError.at("options", f"{name!r:.60} is {value!r:.60}, no plain value")
    return found


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (bool, int, str))


class _Sections:
    """Checked access to the body; every byte must be asked for exactly once."""

    def __init__(self, body: bytes, stored: int) -> None:
        self.body = body
        self.read = 0
        self.stored = stored
        self.claimed = 0

    def claim(self, nbytes: int, place: object) -> None:
        self.claimed += nbytes
        unpacked.check(self.claimed, self.stored, place)

    def get(self, place: list[int]) -> bytes:
        offset, length, checksum = place
        part = self.body[offset : offset + length]
        if offset != self.read or len(part) != length or zlib.crc32(part) != checksum:
            raise InputError.at("section", "damaged or cut short: its checksum does not match")
        self.read += length
        return part

    def check_all_read(self) -> None:
        if self.read != len(self.body):
            raise InputError.at("file", f"{len(self.body) - self.read} bytes too many at its end")
