"""Windows that slide over a plane, as ONNX pads them: convolutions and pools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Attributes = dict[str, Any]
Pads = tuple[int, int, int, int]
"""(top, left, bottom, right)."""


def padded(x: Tensor, pads: Pads, value: float = 0.0) -> Tensor:
    """Return the plane with its padding."""
    top, left, bottom, right = pads
    return F.pad(x, (left, right, top, bottom), value=value)


def padding(plane: Sequence[int], kernel: Sequence[int], attrs: Attributes) -> Pads:
    """Return what an operator's attributes pad, also automatically; ValueError where they crop."""
    automatic = attrs.get("auto_pad", "NOTSET")
    if automatic in ("NOTSET", "VALID"):
        pads = [0, 0, 0, 0] if automatic == "VALID" else attrs.get("pads", [0, 0, 0, 0])
        if min(pads) < 0:
            raise ValueError(f"pads {pads}: cropping is not read")
        return pads[0], pads[1], pads[2], pads[3]
    found = []
    strides, dilations = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    for size, width, stride, rate in zip(plane, kernel, strides, dilations, strict=True):
        outputs = math.ceil(size / stride)
        total = max(0, (outputs - 1) * stride + (width - 1) * rate + 1 - size)
        less = total // 2
        found.append((less, total - less) if automatic == "SAME_UPPER" else (total - less, less))
    (top, bottom), (left, right) = found
    return top, left, bottom, right


def check_window(attrs: Attributes) -> None:
    """Raise ValueError for a window that is not there, or does not move."""
    for name in ("kernel_shape", "strides", "dilations"):
        if min(attrs.get(name, [1])) < 1:
            raise ValueError(f"{name} {list(attrs[name])}: at least 1 each")
    if attrs.get("group", 1) < 1:
        raise ValueError(f"group {attrs['group']}: at least 1")


def plus(one: Pads, other: Pads) -> Pads:
    """Return the sum, side by side."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


def convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, attrs: Attributes
) -> tuple[Tensor, Pads]:
    """Return the output and what was padded."""
    check_window(attrs)
    kernel = list(weight.shape[2:])
    if weight.ndim != 4 or x.ndim != 4 or list(attrs.get("kernel_shape", kernel)) != kernel:
        raise ValueError(f"a weight {tuple(weight.shape)}: only convolutions of planes are read")
    pads = padding(x.shape[2:], kernel, attrs)
    stride, dilation = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    groups = int(attrs.get("group", 1))
    return F.conv2d(padded(x, pads), weight, bias, stride, 0, dilation, groups), pads


def pool(kind: str, x: Tensor, attrs: Attributes) -> tuple[Tensor, Pads]:
    """Return the output of MaxPool or AveragePool, and what was padded.

    `ceil_mode` adds to the padding at the bottom and right: workloads floor their sizes.
    """
    check_window(attrs)
    kernel, strides = list(attrs["kernel_shape"]), list(attrs.get("strides", [1, 1]))
    if x.ndim != 4 or len(kernel) != 2:
        raise ValueError(f"a map {tuple(x.shape)}: only planes are pooled")
    declared = padding(x.shape[2:], kernel, attrs)
    pads = declared
    if attrs.get("ceil_mode", 0) and attrs.get("auto_pad", "NOTSET") == "NOTSET":
        top, left, bottom, right = declared
        pads = (
            top, left,
            _ceiled(x.shape[2], kernel[0], strides[0], top, bottom),
            _ceiled(x.shape[3], kernel[1], strides[1], left, right),
        )  # fmt: skip
    if kind == "MaxPool":
        return F.max_pool2d(padded(x, pads, -math.inf), kernel, strides), pads
    over = max(pads[2] - declared[2], pads[3] - declared[3])
    if over > 1:
        raise ValueError(
            f"its last window reaches {over} beyond the padding, where runtimes differ in ceil_mode"
        )
    return _mean(x, pads, declared, attrs), pads


def _ceiled(size: int, kernel: int, stride: int, head: int, tail: int) -> int:
    """Return the tail that makes the last window whole; one that starts in the tail is dropped."""
    outputs = -(-(size + head + tail - kernel) // stride) + 1
    if (outputs - 1) * stride >= size + head:
        outputs -= 1
    return max(0, (outputs - 1) * stride + kernel - size - head)


def _mean(x: Tensor, pads: Pads, declared: Pads, attrs: Attributes) -> Tensor:
    """Return the mean of each window: of the map's own values, or of the padding's zeros too."""
    kernel, strides = list(attrs["kernel_shape"]), list(attrs.get("strides", [1, 1]))
    counted = torch.ones_like(x)
    if attrs.get("count_include_pad", 0):
        if pads == declared:
            return F.avg_pool2d(padded(x, pads), kernel, strides)
        counted = padded(counted, (*declared[:2], min(declared[2], pads[2]),
                                   min(declared[3], pads[3])), 1.0)  # fmt: skip
        rest = (0, 0, max(0, pads[2] - declared[2]), max(0, pads[3] - declared[3]))
        counted = padded(counted, rest)
    else:
        counted = padded(counted, pads)
    return F.avg_pool2d(padded(x, pads), kernel, strides) / F.avg_pool2d(counted, kernel, strides)
