"""Operators that move elements: reshapes, transposes, cuts, joins and gathers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sdalgo.importer.kinds import MANY, Attributes, Given, Kind, numbers, optional

_TYPES = {
    1: torch.float32, 10: torch.float32, 11: torch.float32, 16: torch.float32, 2: torch.uint8,
    3: torch.int8, 4: torch.int32, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool,
    12: torch.int64, 13: torch.int64,
}  # fmt: skip
"""TensorProto.DataType (https://onnx.ai/onnx/intro/concepts.html) as types of the run."""


def dtype_of(number: int) -> torch.dtype:
    """The type that an element type of ONNX is computed in; ValueError where it is not read."""
    if number not in _TYPES:
        raise ValueError(f"type number {number} is not read")
    return _TYPES[number]


def _cast(given: Given, attrs: Attributes) -> Tensor:
    kind = dtype_of(attrs["to"])
    if not kind.is_floating_point and given[0].is_floating_point():
        if not given[0].isfinite().all():
            raise ValueError("NaN or infinity has no whole number")
        return given[0].to(torch.bool) if kind is torch.bool else given[0].to(torch.int64).to(kind)
    return given[0].to(kind)


def axes_of(given: Given, attrs: Attributes, index: int = 1) -> list[int] | None:
    """Axes of an input or of an attribute; None where they are not given."""
    if "axes" in attrs:
        return [int(axis) for axis in attrs["axes"]]
    return numbers(optional(given, index))


def reshaped_sizes(shape: tuple[int, ...], sizes: list[int], attrs: Attributes) -> list[int]:
    """Sizes that a Reshape asks for; those that were fixed for a batch are for so many samples."""
    if not attrs.get("allowzero", 0):
        if any(n == 0 and i >= len(shape) for i, n in enumerate(sizes)):
            raise ValueError(f"sizes {sizes} copy a size that {shape} has not")
        sizes = [shape[i] if n == 0 else n for i, n in enumerate(sizes)]
    batch = attrs.get("batch", 0)
    if batch > 1 and shape[:1] == (1,) and sizes and sizes[0] > 0 and sizes[0] % batch == 0:
        whole = batch * math.prod(shape)
        known = math.prod(size for size in sizes if size > 0)
        if (-1 in sizes and whole % known == 0) or known == whole:
            return [sizes[0] // batch, *sizes[1:]]
    return sizes


def _reshape(given: Given, attrs: Attributes) -> Tensor:
    sizes = reshaped_sizes(tuple(given[0].shape), numbers(given[1]) or [], attrs)
    return given[0].reshape(sizes)


def _flatten(given: Given, attrs: Attributes) -> Tensor:
    axis, shape = attrs.get("axis", 1), given[0].shape
    axis += len(shape) if axis < 0 else 0
    return given[0].reshape(math.prod(shape[:axis]), math.prod(shape[axis:]))


def _transpose(given: Given, attrs: Attributes) -> Tensor:
    return given[0].permute(*attrs.get("perm", range(given[0].ndim)[::-1]))


def _squeeze(given: Given, attrs: Attributes) -> Tensor:
    axes = axes_of(given, attrs)
    if axes is None:
        return given[0].squeeze()
    if any(given[0].shape[axis] != 1 for axis in axes):
        raise ValueError(f"axes {axes} of {tuple(given[0].shape)} are not of size 1")
    return given[0].squeeze(axes)


def _unsqueeze(given: Given, attrs: Attributes) -> Tensor:
    axes = axes_of(given, attrs) or []
    rank = given[0].ndim + len(axes)
    inserted = {axis % rank for axis in axes}
    sizes = iter(given[0].shape)
    return given[0].reshape([1 if i in inserted else next(sizes) for i in range(rank)])


def broadcast_shape(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape that all are broadcast to; RuntimeError where they do not fit each other."""
    bare = (torch.empty(tuple(shape), device="meta") for shape in shapes)
    return tuple(reduce(torch.add, bare).shape)


def _expand(given: Given, _attrs: Attributes) -> Tensor:
    shape = broadcast_shape(given[0].shape, numbers(given[1]) or [])
    torch.empty(shape, dtype=given[0].dtype)  # an expanded tensor is a view, which is not counted
    return given[0].expand(shape)


def cuts(given: Given, rank: int) -> list[tuple[int, int | None, int | None, int]]:
    """(axis, start, end, step) of a Slice, as Python cuts."""
    starts, ends = numbers(given[1]) or [], numbers(given[2]) or []
    axes = numbers(optional(given, 3)) or list(range(len(starts)))
    steps = numbers(optional(given, 4)) or [1] * len(starts)
    if 0 in steps:
        raise ValueError("a step is 0")
    return [
        (axis % rank, start, None if step < 0 and end < -(2**31) + 1 else end, step)
        for axis, start, end, step in zip(axes, starts, ends, steps, strict=True)
    ]


def _slice(given: Given, _attrs: Attributes) -> Tensor:
    x = given[0]
    for axis, start, end, step in cuts(given, x.ndim):
        chosen = range(x.shape[axis])[start:end:step]
        if step > 0:
            x = x[(slice(None),) * axis + (slice(chosen.start, max(chosen.stop, 0), step),)]
        else:
            x = x.index_select(axis, torch.tensor(list(chosen), dtype=torch.int64))
    return x


def split_sizes(given: Given, attrs: Attributes, outputs: int) -> list[int]:
    """Sizes of the parts of a Split."""
    size = given[0].shape[attrs.get("axis", 0)]
    sizes = numbers(optional(given, 1))
    if sizes is None:
        count = attrs.get("num_outputs", outputs)
        part = -(-size // count)
        sizes = [part] * (count - 1) + [size - part * (count - 1)]
    if sum(sizes) != size or min(sizes) < 0:
        raise ValueError(f"parts {sizes} of {size}")
    return sizes


def _split(given: Given, attrs: Attributes) -> list[Tensor]:
    sizes = split_sizes(given, attrs, attrs["outputs"])
    return list(torch.split(given[0], sizes, attrs.get("axis", 0)))


def _index(index: Tensor, size: int) -> Tensor:
    """Whole indices, those below 0 counted from the end; ValueError beyond either."""
    index = index.to(torch.int64)
    if index.numel() and not (-size <= int(index.min()) and int(index.max()) < size):
        raise ValueError(f"an index is beyond the {size} there are")
    return torch.where(index < 0, index + size, index)


def _gather(given: Given, attrs: Attributes) -> Tensor:
    x, axis = given[0], attrs.get("axis", 0) % max(1, given[0].ndim)
    index = _index(given[1], x.shape[axis])
    taken = x.index_select(axis, index.reshape(-1))
    return taken.reshape((*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))


def _gather_elements(given: Given, attrs: Attributes) -> Tensor:
    axis = attrs.get("axis", 0)
    return torch.gather(given[0], axis, _index(given[1], given[0].shape[axis]))


def _rows_of(x: Tensor, index: Tensor) -> tuple[Tensor, ...]:
    return tuple(_index(index[..., k], x.shape[k]) for k in range(index.shape[-1]))


def _gather_nd(given: Given, attrs: Attributes) -> Tensor:
    x, index, batch = given[0], given[1], attrs.get("batch_dims", 0)
    lead = x.shape[:batch]
    flat, where = x.reshape(-1, *x.shape[batch:]), index.reshape(-1, *index.shape[batch:])
    parts = [flat[i][_rows_of(flat[i], where[i])] for i in range(math.prod(lead))]
    return torch.stack(parts).reshape((*lead, *parts[0].shape))


def _scatter_nd(given: Given, _attrs: Attributes) -> Tensor:
    out = given[0].clone()
    out[_rows_of(out, given[1])] = given[2].to(out.dtype)
    return out


def _scatter_elements(given: Given, attrs: Attributes) -> Tensor:
    axis = attrs.get("axis", 0)
    index = _index(given[1], given[0].shape[axis])
    return torch.scatter(given[0], axis, index, given[2])


def _tile(given: Given, _attrs: Attributes) -> Tensor:
    return given[0].repeat(*(numbers(given[1]) or []))


def pad_edges(given: Given, _attrs: Attributes, rank: int) -> dict[int, tuple[int, int]]:
    """(before, after) of each axis that a Pad changes."""
    pads = numbers(given[1]) or []
    axes = numbers(optional(given, 3))
    where = list(range(rank)) if axes is None else [axis % rank for axis in axes]
    if len(pads) != 2 * len(where):
        raise ValueError(f"pads {pads} of {len(where)} axes")
    return {axis: (pads[i], pads[i + len(where)]) for i, axis in enumerate(where)}


def _pad(given: Given, attrs: Attributes) -> Tensor:
    x, mode = given[0], attrs.get("mode", "constant")
    edges = pad_edges(given, attrs, x.ndim)
    if mode == "constant":
        value = optional(given, 2)
        flat = [n for axis in reversed(range(x.ndim)) for n in edges.get(axis, (0, 0))]
        return F.pad(x, flat, value=0 if value is None else value.reshape(-1)[0].item())
    for axis, (before, after) in edges.items():
        x = x.index_select(axis, _mirrored(x.shape[axis], before, after, mode))
    return x


def _mirrored(size: int, before: int, after: int, mode: str) -> Tensor:
    torch.empty(before + size + after, dtype=torch.int64)  # counted, which numpy's is not
    where = np.arange(-before, size + after)
    if mode == "edge":
        return torch.from_numpy(where.clip(0, size - 1))
    if mode == "wrap":
        return torch.from_numpy(where % size)
    period = max(1, 2 * (size - 1))
    where = where % period
    return torch.from_numpy(np.where(where < size, where, period - where))


def _depth_to_space(given: Given, attrs: Attributes) -> Tensor:
    n, c, h, w = given[0].shape
    b = attrs["blocksize"]
    if attrs.get("mode", "DCR") == "DCR":
        blocks = given[0].reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        blocks = given[0].reshape(n, c // (b * b), b, b, h, w).permute(0, 1, 4, 2, 5, 3)
    return blocks.reshape(n, c // (b * b), h * b, w * b)


def _space_to_depth(given: Given, attrs: Attributes) -> Tensor:
    n, c, h, w = given[0].shape
    b = attrs["blocksize"]
    blocks = given[0].reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4)
    return blocks.reshape(n, c * b * b, h // b, w // b)


def _trilu(given: Given, attrs: Attributes) -> Tensor:
    k = optional(given, 1)
    cut = torch.triu if attrs.get("upper", 1) else torch.tril
    return cut(given[0], 0 if k is None else int(k))


def _concat(given: Given, attrs: Attributes) -> Tensor:
    return torch.cat(list(given), attrs["axis"])


def _passed(given: Given, _attrs: Attributes) -> Any:
    return given[0]


def _dropout(given: Given, _attrs: Attributes) -> list[Tensor]:
    training = optional(given, 2)
    if training is not None and bool(training):
        raise ValueError("training_mode is not read")
    return [given[0], torch.ones_like(given[0], dtype=torch.bool)]


def _view(compute: Any, **declared: Any) -> Kind:
    return Kind(rule="view", compute=compute, **declared)


KINDS: dict[str, Kind] = {
    "Identity": _view(_passed),
    "Dropout": _view(_dropout, inputs=(1, 3)),
    "Cast": _view(_cast, reads=("to",)),
    "CastLike": _view(lambda g, _: g[0].to(g[1].dtype), inputs=(2, 2)),
    "Flatten": _view(_flatten, reads=("axis",)),
    "Reshape": _view(_reshape, inputs=(2, 2), reads=("allowzero",)),
    "Squeeze": _view(_squeeze, inputs=(1, 2), reads=("axes",)),
    "Unsqueeze": _view(_unsqueeze, inputs=(1, 2), reads=("axes",)),
    "Transpose": Kind(rule="transpose", reads=("perm",), compute=_transpose),
    "DepthToSpace": _view(
        _depth_to_space, reads=("blocksize",), only={"mode": ("DCR", "CRD")}
    ),
    "SpaceToDepth": _view(_space_to_depth, reads=("blocksize",)),
    "Expand": Kind(rule="repeat", inputs=(2, 2), compute=_expand),
    "Tile": Kind(rule="repeat", inputs=(2, 2), compute=_tile),
    "Slice": Kind(rule="slice", inputs=(3, 5), compute=_slice),
    "Split": Kind(
        rule="split", inputs=(1, 2), reads=("axis", "num_outputs", "outputs"), compute=_split
    ),
    "Gather": Kind(rule="gather", inputs=(2, 2), reads=("axis",), compute=_gather),
    "GatherElements": Kind(
        rule="moved", inputs=(2, 2), reads=("axis",), compute=_gather_elements
    ),
    "GatherND": Kind(rule="moved", inputs=(2, 2), reads=("batch_dims",), compute=_gather_nd),
    "ScatterND": Kind(
        rule="elementwise", inputs=(3, 3), compute=_scatter_nd, only={"reduction": "none"},
        function="scatternd",
    ),
    "ScatterElements": Kind(
        rule="elementwise", inputs=(3, 3), compute=_scatter_elements, reads=("axis",),
        only={"reduction": "none"}, function="scatterelements",
    ),
    "Pad": Kind(
        rule="pad", inputs=(2, 4), compute=_pad,
        only={"mode": ("constant", "reflect", "edge", "wrap")},
    ),
    "Concat": Kind(rule="concat", inputs=(1, MANY), reads=("axis",), compute=_concat),
    "Trilu": Kind(rule="point", inputs=(1, 2), reads=("upper",), compute=_trilu),
}  # fmt: skip
