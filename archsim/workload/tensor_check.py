"""Whether the header of a tensor file agrees with the layers of its workload
(docs/reference/formats.md)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError, Problem
from archsim.formats.source import unknown
from archsim.formats.tensor_file import TensorFile
from archsim.formats.widths import ACTIVATION_BITS, DEFAULT_BITS, WEIGHT_BITS, bounds_of
from archsim.workload.layer import Layer

FORMS = ("input", "weight", "pruned", "coef", "basis", "basis_scale", "error", "gradient",
         "mask", "counter")  # fmt: skip
TRAINING_FORMS = ("error", "gradient", "mask", "counter")
MAX_ROW = 8
"""Codes in one coefficient row at most."""

_OPERANDS = ("input", "weight")
_TYPES = {"input": ("I8", "U8"), "basis_scale": ("F32",), "error": ("BF16",), "gradient": ("BF16",)}
_WIDE_TYPES = {"input": ("I16", "U16"), "weight": ("I16",), "pruned": ("I16",)}
_READABLE = {
    "I8": "int8", "U8": "uint8", "I16": "int16", "U16": "uint16", "F32": "float32", "BF16": "bf16",
}  # fmt: skip
_KEYS = {"input": ACTIVATION_BITS, "weight": WEIGHT_BITS, "pruned": WEIGHT_BITS}
"""The key of a layer that says how wide such a tensor's values are."""


@dataclass(frozen=True)
class Sampling:
    """What the tensors hold: one sample or, for training, up to `batch` along a first axis."""

    training: bool
    batch: int


def check_file(file: TensorFile, layers: Iterable[Layer], sampling: Sampling) -> None:
    """Every key names a tensor of a layer and has the type and shape that the layer implies.

    Raises:
        InputError: all keys that do not, each with the file and the key.
    """
    by_name = {layer.name: layer for layer in layers}
    problems = []
    for key in file.entries:
        message = _wrong_key(file, key, by_name, sampling)
        if message:
            problems.append(Problem(file.place(key), message))
    if problems:
        raise InputError(problems)


def _wrong_key(
    file: TensorFile, key: str, layers: Mapping[str, Layer], sampling: Sampling
) -> str | None:
    name, slash, what = key.rpartition("/")
    if not slash:
        return "a key is '<layer name>/<what>', and this one has no '/'"
    if name not in layers:
        return unknown("layer", name, layers)
    legal = FORMS if sampling.training else FORMS[: -len(TRAINING_FORMS)]
    if what not in legal:
        return unknown("tensor", what, legal)
    layer = layers[name]
    if not layer.is_array or (layer.op == "matmul" and what not in _OPERANDS):
        carried = f"{' and '.join(_OPERANDS)} alone" if layer.is_array else "no tensors"
        return f"a {layer.op} layer carries {carried}"
    entry = file.entries[key]
    types = _types(layer, what, sampling)
    if entry.dtype not in types:
        wanted = " or ".join(_READABLE[dtype] for dtype in types)
        wide = entry.dtype in _WIDE_TYPES.get(what, ())
        why = f" where {_KEYS[what]} is {bits_of(layer, what)}" if wide else ""
        return f"has the type {_READABLE.get(entry.dtype, entry.dtype)}; {what} is {wanted}{why}"
    return _wrong_shape(file, layer, what, sampling)


def bits_of(layer: Layer, what: str) -> int:
    """Bits of the values of a tensor: those of the layer's inputs and weights, else 8."""
    return getattr(layer, _KEYS[what]) if what in _KEYS else DEFAULT_BITS


def beyond_width(layer: Layer, what: str, array: NDArray[Any]) -> str | None:
    """The first value of a tensor that does not fit the width that its layer says, if one does
    not; types of the file's header bound all but values of 4 bits."""
    if what not in _KEYS or array.dtype.kind not in "iu":
        return None
    bits = bits_of(layer, what)
    least, most = bounds_of(bits, signed=array.dtype.kind == "i")
    if bits >= 8 * array.dtype.itemsize:
        return None
    wrong = np.flatnonzero((array < least) | (array > most))
    if not wrong.size:
        return None
    place = tuple(map(int, np.unravel_index(wrong[0], array.shape)))
    return (
        f"holds {array[place]} at {list(place)}, and {_KEYS[what]} of layer {layer.name!r} is "
        f"{bits}: {least} to {most}"
    )


def _types(layer: Layer, what: str, sampling: Sampling) -> tuple[str, ...]:
    types = _TYPES.get(what, ("I8",))
    if what in _WIDE_TYPES and bits_of(layer, what) > DEFAULT_BITS:
        types += _WIDE_TYPES[what]
    return (*types, "BF16") if sampling.training and what in {"input", "weight"} else types


def _wrong_shape(file: TensorFile, layer: Layer, what: str, sampling: Sampling) -> str | None:
    given = file.entries[f"{layer.name}/{what}"].shape
    plain = {
        "input": layer.input_shape, "error": layer.output_shape, "weight": layer.weight_shape,
        "pruned": layer.weight_shape, "gradient": layer.weight_shape,
    }  # fmt: skip
    if what in plain:
        sampled = what in {"input", "error"} or (layer.op == "matmul" and what == "weight")
        return _wrong_plain(given, plain[what](), sampling if sampled else None)
    if what in {"mask", "counter"}:
        return _wrong_companion(file, layer, what)
    return _wrong_decomposition(file, layer, what)


def _wrong_companion(file: TensorFile, layer: Layer, what: str) -> str | None:
    """What training keeps for each coefficient has the shape of the coefficients."""
    coef = file.entries.get(f"{layer.name}/coef")
    if coef is None:
        return f"{what} comes with coef, which is missing"
    given = file.entries[f"{layer.name}/{what}"].shape
    return None if given == coef.shape else f"{_differs(given, *coef.shape)}, as coef has"


def _wrong_decomposition(file: TensorFile, layer: Layer, what: str) -> str | None:
    """coef sets r and basis sets the number of slices; all three arrays agree on both."""
    shapes = {}
    for other in ("coef", "basis", "basis_scale"):
        entry = file.entries.get(f"{layer.name}/{other}")
        if entry is None:
            return f"coef, basis and basis_scale come together, and {other} is missing"
        shapes[other] = entry.shape
    given, rows = shapes[what], layer.coef_shape()[:-1]
    width = shapes["coef"][-1] if shapes["coef"] else 0
    if what == "coef":
        if given[:-1] == rows and 1 <= width <= MAX_ROW:
            return None
        return f"{_differs(given, *rows, 'r')}, r from 1 to {MAX_ROW}"
    slices = shapes["basis"][1] if len(shapes["basis"]) == 4 else 0
    most = max(1, prod(rows[1:]))
    ends = (width, layer.basis_columns) if what == "basis" else ()
    if given == (rows[0], slices, *ends) and 1 <= slices <= most:
        return None
    return f"{_differs(given, rows[0], 'slices', *ends)}, slices from 1 to {most}"


def _wrong_plain(
    given: tuple[int, ...], wanted: tuple[int, ...], sampling: Sampling | None
) -> str | None:
    if not sampling:
        return None if given == wanted else _differs(given, *wanted)
    if not sampling.training and given == wanted:
        return None
    if not sampling.training and sampling.batch == 1:
        return _differs(given, *wanted)
    if given[1:] == wanted and given and 1 <= given[0] <= sampling.batch:
        return None
    return f"{_differs(given, 'N', *wanted)}, N from 1 to {sampling.batch}"


def _differs(given: tuple[int, ...], *wanted: object) -> str:
    return f"has the shape {_tuple(given)}, and the layer implies {_tuple(wanted)}"


def _tuple(parts: Iterable[object]) -> str:
    return f"({', '.join(map(str, parts))})"
