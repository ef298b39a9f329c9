"""Operators that make values from sizes and constants; of a map only its shape is asked for."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sdalgo.importer.kinds import Attributes, Given, Kind, numbers
from sdalgo.importer.shaping import dtype_of


def _shape(given: Given, attrs: Attributes) -> Tensor:
    sizes = list(given[0].shape)[attrs.get("start", 0) : attrs.get("end")]
    return torch.tensor(sizes, dtype=torch.int64)


def _filled(given: Given, attrs: Attributes) -> Tensor:
    value = attrs.get("value", torch.zeros(1))
    sizes = numbers(given[0]) or []
    return torch.full(sizes, value.reshape(-1)[0].item(), dtype=value.dtype)


def _range(given: Given, _attrs: Attributes) -> Tensor:
    start, limit, delta = (each.reshape(()).item() for each in given)
    if delta == 0:
        raise ValueError("a range with a step of 0")
    count = max(0, math.ceil((limit - start) / delta))
    return torch.arange(count, dtype=given[0].dtype) * delta + start


def _eye(given: Given, attrs: Attributes) -> Tensor:
    rows, columns = given[0].shape
    kind = dtype_of(attrs["dtype"]) if "dtype" in attrs else given[0].dtype
    k = attrs.get("k", 0)
    return torch.ones(rows, columns).tril(k).triu(k).to(kind)


def _one_hot(given: Given, attrs: Attributes) -> Tensor:
    index, depth, values = given[0].to(torch.int64), int(given[1].reshape(())), given[2]
    axis = attrs.get("axis", -1)
    index = torch.where(index < 0, index + depth, index)
    place = axis + index.ndim + 1 if axis < 0 else axis
    hot = index.unsqueeze(place) == torch.arange(depth).reshape(
        [depth if i == place else 1 for i in range(index.ndim + 1)]
    )
    return torch.where(hot, values[1], values[0])


def _nonzero(given: Given, _attrs: Attributes) -> Tensor:
    return torch.nonzero(given[0]).T.contiguous()


def _cumulative(given: Given, attrs: Attributes) -> Tensor:
    axis = int(given[1].reshape(()))
    x = given[0].flip(axis) if attrs.get("reverse", 0) else given[0]
    out = torch.cumsum(x, axis, dtype=x.dtype)
    out = out - x if attrs.get("exclusive", 0) else out
    return out.flip(axis) if attrs.get("reverse", 0) else out


def _compress(given: Given, attrs: Attributes) -> Tensor:
    x = given[0] if "axis" in attrs else given[0].reshape(-1)
    chosen = torch.nonzero(given[1]).reshape(-1)
    return x.index_select(attrs.get("axis", 0), chosen)


def top_count(given: Given) -> int:
    """k of a TopK."""
    return int(given[1].reshape(()))


def _top(given: Given, attrs: Attributes) -> list[Tensor]:
    """The first of equal values comes first, as ONNX says and torch's topk does not."""
    axis, count = attrs.get("axis", -1), top_count(given)
    if not 0 <= count <= given[0].shape[axis]:
        raise ValueError(f"the {count} largest of {given[0].shape[axis]}")
    order = torch.argsort(
        given[0], dim=axis, descending=bool(attrs.get("largest", 1)), stable=True
    ).narrow(axis, 0, count)
    return [torch.gather(given[0], axis, order), order]


KINDS: dict[str, Kind] = {
    "Shape": Kind(rule="shape", reads=("start", "end"), compute=_shape),
    "Size": Kind(rule="shape", compute=lambda g, _: torch.tensor(g[0].numel())),
    "ConstantOfShape": Kind(rule="constant", reads=("value",), compute=_filled),
    "Range": Kind(rule="constant", inputs=(3, 3), compute=_range),
    "EyeLike": Kind(rule="shape", reads=("dtype", "k"), compute=_eye),
    "OneHot": Kind(rule="constant", inputs=(3, 3), reads=("axis",), compute=_one_hot),
    "NonZero": Kind(rule="constant", compute=_nonzero),
    "Compress": Kind(rule="constant", inputs=(2, 2), reads=("axis",), compute=_compress),
    "CumSum": Kind(
        rule="elementwise", inputs=(2, 2), reads=("exclusive", "reverse"), compute=_cumulative,
        function="cumsum",
    ),
    "TopK": Kind(
        rule="top", inputs=(2, 2), reads=("axis", "largest", "sorted"), compute=_top,
        function="topk",
    ),
}  # fmt: skip
