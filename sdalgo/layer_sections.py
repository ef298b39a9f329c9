"""One decomposed layer as the sections of a container: index, codes, basis and scales."""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from archsim.formats.slices import matrix_of
from archsim.formats.tensor_record import is_shape
from sdalgo import canonical_codes
from sdalgo.decomposition import Decomposition
from sdalgo.finite import check_finite
from sdalgo.matrices import Layout
from sdalgo.pow2 import MAX_LEVEL, Codes

_BASIS: dict[int, type[np.generic]] = {8: np.int8, 16: np.int16, 32: np.float32}
_MOST_VALUES = 1 << 34  # of a layer; more is a damaged header, not a network
_POWERS = range(-256, 128)  # of code 1: what float32 and 64 codes below it can hold


class Sections(Protocol):
    """Where a layer's bytes come from."""

    def get(self, place: list[int]) -> bytes: ...

    def claim(self, nbytes: int, place: object) -> None:
        """Count what a layer becomes in memory; InputError where it is more than may be."""


def pack(layer: Decomposition, form: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return (sections, description); what is empty is not stored at all."""
    coded, index = canonical_codes.coded_symbols(layer.coef, form)
    lengths = canonical_codes.table_of(coded)
    full = layer.scale.ravel() != 0
    basis = layer.basis.reshape(len(full), -1)[full]
    scales = layer.scale.ravel()[full].astype("<f4").view("<u4") >> 16  # bfloat16: its upper half
    sections = {
        "index": np.packbits(index).tobytes(),
        "codes": canonical_codes.encode(coded, lengths) if coded.size else b"",
        "full": np.packbits(full).tobytes() if not full.all() else b"",
        "basis": basis.astype(basis.dtype.newbyteorder("<")).tobytes(),
        "scales": scales.astype("<u2").tobytes() if layer.basis_bits < 32 else b"",
    }
    layout = layer.layout
    return sections, {
        "shape": list(layout.shape),
        "width": layout.width,
        "slices": layout.slices,
        "rank": int(layer.coef.shape[-1]),
        "p_min": layer.p_min,
        "basis_bits": layer.basis_bits,
        "coded": int(coded.size),
        "lengths": [[symbol, length] for symbol, length in sorted(lengths.items())],
    }


def unpack(meta: dict[str, Any], sections: Sections, form: str) -> Decomposition:
    """Return the layer; inverse of `pack`.

    Raises:
        InputError: lengths, checksums or counts contradict each other.
    """
    layout = _layout(meta)
    rank, bits, p_min = (_whole(meta, key) for key in ("rank", "basis_bits", "p_min"))
    if not 1 <= rank <= layout.width or bits not in _BASIS:
        raise InputError.at(meta["name"], f"rank {rank} or basis of {bits} bits is not legal")
    if p_min not in _POWERS:
        raise InputError.at(meta["name"], f"2^{p_min} is no power that a weight is made of")
    _claim(sections, layout, rank, bits, meta["name"])
    places = meta["sections"]
    coef = _coef(meta, layout.coef_shape(rank), form, sections)
    count = layout.filters * layout.slices
    packed = sections.get(places["full"])
    full = _bits(packed, count) if packed else np.ones(count, bool)
    basis = _filled(sections.get(places["basis"]), _BASIS[bits], full, rank * layout.width)
    scale = _scales(sections.get(places["scales"]), full, bits, p_min)
    _check_numbers(basis, scale[full], meta["name"])
    return Decomposition(
        layout=layout,
        coef=coef,
        p_min=p_min,
        basis=basis.reshape(layout.filters, layout.slices, rank, layout.width),
        scale=scale.reshape(layout.filters, layout.slices),
    )


def _layout(meta: dict[str, Any]) -> Layout:
    shape = tuple(meta["shape"])
    if not is_shape(shape):
        raise InputError.at(meta["name"], f"{shape!s:.60} is no shape")
    width, slices = _whole(meta, "width"), _whole(meta, "slices")
    if len(shape) not in (2, 4) or min(shape) < 1 or math.prod(shape) > _MOST_VALUES:
        raise InputError.at(meta["name"], f"shape {shape} is no weight's")
    rows, entries = matrix_of(shape, max(width, 1))
    if not 1 <= slices <= rows or not 1 <= width <= 255 or width != entries:
        raise InputError.at(meta["name"], f"{slices} slices of width {width} do not fit {shape}")
    return Layout(shape=shape, rows=rows, width=width, slices=slices)


def _whole(meta: dict[str, Any], key: str) -> int:
    value = meta[key]
    if type(value) is not int:
        raise InputError.at(meta["name"], f"{key} is {value!r:.60}, not a whole number")
    return value


def _claim(sections: Sections, layout: Layout, rank: int, bits: int, name: object) -> None:
    """Count a layer as it will be rebuilt: coefficients, bases, scales, float32 weights."""
    rows, slices = layout.filters * layout.rows, layout.filters * layout.slices
    basis = slices * (rank * layout.width * (bits // 8) + 4)
    sections.claim(rows * (rank + 4 * layout.width) + basis, name)


def _check_numbers(basis: NDArray[Any], scales: NDArray[np.float32], name: object) -> None:
    check_finite(basis, name, "entries of the basis")
    check_finite(scales, name, "scales")
    if not (scales > 0).all():
        raise InputError.at(name, "a slice that holds something has no scale above 0")


def _lengths(meta: dict[str, Any]) -> dict[int, int]:
    pairs = [tuple(pair) for pair in meta["lengths"]]
    if not all(type(number) is int for pair in pairs for number in pair):
        raise InputError.at(meta["name"], "symbols and code lengths are not all whole numbers")
    lengths = dict(pairs)
    if len(lengths) < len(pairs):
        raise InputError.at(meta["name"], "a symbol has two code lengths")
    return lengths


def _coef(meta: dict[str, Any], shape: tuple[int, ...], form: str, sections: Sections) -> Codes:
    total = math.prod(shape)
    rows = total // shape[-1]
    index = _bits(sections.get(meta["sections"]["index"]), rows if form == "row" else total)
    coded = int(index.sum()) * (shape[-1] if form == "row" else 1)
    if coded != _whole(meta, "coded"):
        raise InputError.at(meta["name"], "the index and the number of codes disagree")
    lengths = _lengths(meta)
    if any(abs(symbol) > MAX_LEVEL for symbol in lengths):
        raise InputError.at(meta["name"], f"a code is beyond +-{MAX_LEVEL}")
    stream = sections.get(meta["sections"]["codes"])
    values = canonical_codes.decode(stream, coded, lengths) if coded else np.zeros(0, np.int8)
    if not coded and stream:
        raise InputError.at(meta["name"], "a stream without codes")
    coef = np.zeros(total, np.int8)
    if form == "row":
        coef.reshape(rows, shape[-1])[index] = values.reshape(-1, shape[-1])
    else:
        coef[index] = values
    return coef.reshape(shape)


def _scales(
    raw: bytes, full: NDArray[np.bool_], basis_bits: int, p_min: int
) -> NDArray[np.float32]:
    """A float basis has no scale but 2^p_min, which needs no storing."""
    if basis_bits == 32 and not raw:
        return np.where(full, np.ldexp(np.float32(1), p_min), 0).astype(np.float32)
    return (_filled(raw, np.uint16, full, 1).astype(np.uint32) << 16).view(np.float32)


def _bits(packed: bytes, count: int) -> NDArray[np.bool_]:
    if len(packed) != (count + 7) // 8:
        raise InputError.at("index", f"{len(packed)} bytes for {count} bits")
    unpacked = np.unpackbits(np.frombuffer(packed, np.uint8)).astype(bool)
    if unpacked[count:].any():
        raise InputError.at("index", "bits beyond its end are set")
    return unpacked[:count]


def _filled(
    raw: bytes, dtype: type[np.generic], full: NDArray[np.bool_], entries: int
) -> NDArray[Any]:
    """Return (slices, entries) with the stored values where a slice is full, zero elsewhere."""
    values = np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).astype(dtype)
    if values.size != int(full.sum()) * entries:
        raise InputError.at("basis", f"{values.size} values for {int(full.sum())} slices")
    out = np.zeros((len(full), entries), dtype)
    out[full] = values.reshape(-1, entries)
    return out
