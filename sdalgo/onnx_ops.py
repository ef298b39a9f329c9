"""ONNX operators as torch calls: those of convolutional networks, on float32 and batch 1."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from archsim.formats.errors import InputError

Attributes = dict[str, Any]
Given = list[Tensor]


def attributes(node: Any) -> Attributes:
    """Return a node's attributes as plain values."""
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def same_padding(x: Tensor, kernel: list[int], attrs: Attributes) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right), also for automatic padding."""
    automatic = attrs.get("auto_pad", b"NOTSET")
    if automatic in (b"NOTSET", b"VALID", "NOTSET", "VALID"):
        pads = list(attrs.get("pads", [0, 0, 0, 0]))
        return pads[0], pads[1], pads[2], pads[3]
    found = []
    strides, dilations = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    for size, width, stride, rate in zip(x.shape[2:], kernel, strides, dilations, strict=True):
        outputs = math.ceil(size / stride)
        total = max(0, (outputs - 1) * stride + (width - 1) * rate + 1 - size)
        less = total // 2
        found.append((less, total - less) if automatic == b"SAME_UPPER" else (total - less, less))
    (top, bottom), (left, right) = found
    return top, left, bottom, right


def pool_fields(kind: str, x: Tensor, attrs: Attributes) -> dict[str, Any]:
    """Return the fields of a workload's pool."""
    source = {"in_channels": x.shape[1], "in_size": list(x.shape[2:])}
    if kind in ("GlobalAveragePool", "ReduceMean"):
        return {**source, "kind": "avg", "global": True}
    kernel = list(attrs["kernel_shape"])
    top, left, bottom, right = _pool_padding(x, kernel, attrs)
    return {
        **source,
        "kind": "max" if kind == "MaxPool" else "avg",
        "kernel": kernel,
        "stride": list(attrs.get("strides", [1, 1])),
        "padding": [top, left, bottom, right],
    }


def _pool_padding(x: Tensor, kernel: list[int], attrs: Attributes) -> tuple[int, int, int, int]:
    """Padding, with what `ceil_mode` adds at the bottom and right: workloads floor their sizes."""
    top, left, bottom, right = same_padding(x, kernel, attrs)
    if attrs.get("ceil_mode", 0):
        strides = attrs.get("strides", [1, 1])
        bottom += -(x.shape[2] + top + bottom - kernel[0]) % strides[0]
        right += -(x.shape[3] + left + right - kernel[1]) % strides[1]
    return top, left, bottom, right


def _max_pool(given: Given, attrs: Attributes) -> Tensor:
    x, kernel = given[0], list(attrs["kernel_shape"])
    top, left, bottom, right = _pool_padding(x, kernel, attrs)
    padded = F.pad(x, (left, right, top, bottom), value=-math.inf)
    return F.max_pool2d(padded, kernel, list(attrs.get("strides", [1, 1])))


def _average_pool(given: Given, attrs: Attributes) -> Tensor:
    x, kernel = given[0], list(attrs["kernel_shape"])
    top, left, bottom, right = _pool_padding(x, kernel, attrs)
    strides = list(attrs.get("strides", [1, 1]))

    def pooled(values: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(values, (left, right, top, bottom)), kernel, strides)

    if attrs.get("count_include_pad", 0):
        return pooled(x)
    return pooled(x) / pooled(torch.ones_like(x))


def _batch_norm(given: Given, attrs: Attributes) -> Tensor:
    x, scale, shift, mean, variance = given[:5]
    return F.batch_norm(x, mean, variance, scale, shift, eps=attrs.get("epsilon", 1e-5))


def _reshape(given: Given, attrs: Attributes) -> Tensor:
    shape = given[1].tolist() if len(given) > 1 else list(attrs["shape"])
    sizes = [given[0].shape[i] if size == 0 else size for i, size in enumerate(shape)]
    return given[0].reshape(sizes)


def _clip(given: Given, attrs: Attributes) -> Tensor:
    low = float(given[1]) if len(given) > 1 else attrs.get("min", -math.inf)
    high = float(given[2]) if len(given) > 2 else attrs.get("max", math.inf)
    return given[0].clamp(low, high)


def _constant(_given: Given, attrs: Attributes) -> Tensor:
    from onnx import numpy_helper

    return torch.from_numpy(np.array(numpy_helper.to_array(attrs["value"])))


def _filled(given: Given, attrs: Attributes) -> Tensor:
    from onnx import numpy_helper

    value = numpy_helper.to_array(attrs["value"]) if "value" in attrs else np.zeros(1, np.float32)
    return torch.full(given[0].tolist(), value.item(), dtype=torch.from_numpy(value.copy()).dtype)


def _pad(given: Given, attrs: Attributes) -> Tensor:
    pads = given[1].tolist() if len(given) > 1 else list(attrs["pads"])
    half = len(pads) // 2
    if any(pads[: half - 2]) or any(pads[half : half + half - 2]):
        raise InputError.at("Pad", "only the plane can be padded")
    top, left = pads[half - 2 : half]
    bottom, right = pads[-2:]
    return F.pad(given[0], (left, right, top, bottom))


def _mean(given: Given, attrs: Attributes) -> Tensor:
    axes = list(attrs.get("axes", [])) or given[1].tolist()
    if sorted(axis % 4 for axis in axes) != [2, 3]:
        raise InputError.at("ReduceMean", f"axes {axes}: only the plane's mean is a pool")
    return given[0].mean(axes, keepdim=bool(attrs.get("keepdims", 1)))


def _lrn(given: Given, attrs: Attributes) -> Tensor:
    alpha, beta = attrs.get("alpha", 1e-4), attrs.get("beta", 0.75)
    return F.local_response_norm(given[0], attrs["size"], alpha, beta, attrs.get("bias", 1.0))


RUN: dict[str, Callable[[Given, Attributes], Tensor]] = {
    "Relu": lambda g, _: F.relu(g[0]),
    "LeakyRelu": lambda g, a: F.leaky_relu(g[0], a.get("alpha", 0.01)),
    "Sigmoid": lambda g, _: torch.sigmoid(g[0]),
    "HardSigmoid": lambda g, a: (a.get("alpha", 0.2) * g[0] + a.get("beta", 0.5)).clamp(0, 1),
    "Tanh": lambda g, _: torch.tanh(g[0]),
    "Clip": _clip,
    "Softmax": lambda g, a: F.softmax(g[0], a.get("axis", -1)),
    "Identity": lambda g, _: g[0],
    "Dropout": lambda g, _: g[0],
    "LRN": _lrn,
    "BatchNormalization": _batch_norm,
    "Add": lambda g, _: g[0] + g[1],
    "Sum": lambda g, _: sum(g[1:], g[0]),
    "Sub": lambda g, _: g[0] - g[1],
    "Mul": lambda g, _: g[0] * g[1],
    "Div": lambda g, _: g[0] / g[1],
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": lambda g, _: g[0].mean((2, 3), keepdim=True),
    "ReduceMean": _mean,
    "Concat": lambda g, a: torch.cat(g, a["axis"]),
    "Flatten": lambda g, a: g[0].flatten(a.get("axis", 1)),
    "Reshape": _reshape,
    "Transpose": lambda g, a: g[0].permute(*a["perm"]),
    "Squeeze": lambda g, _: g[0].flatten(1),
    "Unsqueeze": lambda g, a: g[0].reshape(*g[0].shape, *[1] * len(a.get("axes", [0]))),
    "Pad": _pad,
    "Constant": _constant,
    "ConstantOfShape": _filled,
}
# What passes its first operand on as far as a workload is concerned.
SAME = frozenset(RUN) - {"Concat"}
