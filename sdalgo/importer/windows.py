"""Windows that slide over a plane, as ONNX pads them: convolutions and pools.

A line of values is a plane of one row, and a volume is read where its depth is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sdalgo.importer.kinds import Attributes, Compute, Given, Kind, optional

Pads = tuple[int, int, int, int]
"""(top, left, bottom, right)."""
UNPADDED: Pads = (0, 0, 0, 0)
_LISTS = {"kernel_shape": 1, "strides": 1, "dilations": 1, "output_padding": 0}
_WINDOW = ("kernel_shape", "strides", "pads", "auto_pad", "dilations")


def plane_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """(N, C, H, W) of a map's or a weight's shape; ValueError where it is no plane."""
    if len(shape) == 3:
        return (*shape[:2], 1, shape[2])
    if len(shape) == 5 and shape[2] == 1:
        return (*shape[:2], *shape[3:])
    if len(shape) != 4:
        raise ValueError(f"a map or kernel {tuple(shape)}: only planes are read")
    return tuple(shape)


def plane_attrs(attrs: Attributes, rank: int) -> Attributes:
    """Attributes of a window over `rank` - 2 axes as those of one over a plane."""
    found, axes = dict(attrs), rank - 2
    for name, filler in _LISTS.items():
        if name in attrs:
            given = list(attrs[name])
            _check_length(name, given, axes)
            found[name] = [filler] * (2 - axes) + given if axes < 2 else given[axes - 2 :]
    if "pads" in attrs:
        given = list(attrs["pads"])
        _check_length("pads", given, 2 * axes)
        heads, tails = given[:axes], given[axes:]
        if axes == 3 and (heads[0] or tails[0]):
            raise ValueError(f"pads {given}: a volume of depth one is not padded in depth")
        more = [0] * max(0, 2 - axes)
        found["pads"] = [*more, *heads[-2:], *more, *tails[-2:]]
    return found


def _check_length(name: str, given: list[int], wanted: int) -> None:
    if len(given) != wanted:
        raise ValueError(f"{name} {given}: {wanted} numbers are needed")


def padded(x: Tensor, pads: Pads, value: float = 0.0) -> Tensor:
    """Return the plane with its padding."""
    top, left, bottom, right = pads
    return F.pad(x, (left, right, top, bottom), value=value) if any(pads) else x


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


def kernel_of(shape: Sequence[int], attrs: Attributes) -> list[int]:
    """(R, S) of a weight (K, C, R, S); ValueError where `kernel_shape` says another."""
    kernel = list(shape[2:])
    if list(attrs.get("kernel_shape", kernel)) != kernel:
        raise ValueError(f"kernel_shape {attrs['kernel_shape']} of a weight {tuple(shape)}")
    return kernel


def _convolution(given: Given, attrs: Attributes) -> Tensor:
    x, weight, bias = given[0], given[1], optional(given, 2)
    attrs = plane_attrs(attrs, x.ndim)
    check_window(attrs)
    plane, kernel = x.reshape(plane_shape(x.shape)), weight.reshape(plane_shape(weight.shape))
    pads = padding(plane.shape[2:], kernel_of(kernel.shape, attrs), attrs)
    stride, rate = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    out = F.conv2d(padded(plane, pads), kernel, bias, stride, 0, rate, int(attrs.get("group", 1)))
    return out.reshape(_as_rank(out, x.ndim))


def _as_rank(out: Tensor, rank: int) -> list[int]:
    """The shape of a plane in the rank that its map had."""
    n, c, h, w = out.shape
    return {3: [n, c, w], 4: [n, c, h, w], 5: [n, c, 1, h, w]}[rank]


def transposed_pads(plane: Sequence[int], kernel: Sequence[int], attrs: Attributes) -> Pads:
    """What a transposed convolution takes off its output (https://onnx.ai, ConvTranspose)."""
    stride, rate = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    more = attrs.get("output_padding", [0, 0])
    automatic = attrs.get("auto_pad", "NOTSET")
    if "output_shape" not in attrs and automatic in ("NOTSET", "VALID"):
        return padding(plane, kernel, attrs)
    sizes = attrs.get("output_shape") or [n * s for n, s in zip(plane, stride, strict=True)]
    totals = [
        stride[i] * (plane[i] - 1) + more[i] + (kernel[i] - 1) * rate[i] + 1 - sizes[-2:][i]
        for i in range(2)
    ]
    if min(totals) < 0:
        raise ValueError(f"an output {list(sizes)} beyond what its kernel reaches is not read")
    less = [total // 2 for total in totals]
    rest = [total - half for total, half in zip(totals, less, strict=True)]
    head, tail = (less, rest) if automatic == "SAME_UPPER" else (rest, less)
    return head[0], head[1], tail[0], tail[1]


def _transposed(given: Given, attrs: Attributes) -> Tensor:
    x, weight, bias = given[0], given[1], optional(given, 2)
    attrs = plane_attrs(attrs, x.ndim)
    check_window(attrs)
    plane, kernel = x.reshape(plane_shape(x.shape)), weight.reshape(plane_shape(weight.shape))
    pads = transposed_pads(plane.shape[2:], kernel_of(kernel.shape, attrs), attrs)
    stride, rate = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    more = attrs.get("output_padding", [0, 0])
    out = F.conv_transpose2d(plane, kernel, bias, stride, 0, 0, int(attrs.get("group", 1)), rate)
    out = F.pad(out, (0, more[1], 0, more[0]))
    if bias is not None and any(more):  # what is added holds the bias too
        fill = bias.reshape(1, -1, 1, 1).expand(1, out.shape[1], *out.shape[2:]).clone()
        rows, columns = out.shape[2] - more[0], out.shape[3] - more[1]
        fill[:, :, :rows, :columns] = out[:1, :, :rows, :columns]
        out = torch.cat([fill, out[1:]]) if len(out) > 1 else fill
    top, left, bottom, right = pads
    cut = out[:, :, top : out.shape[2] - bottom, left : out.shape[3] - right]
    return cut.reshape(_as_rank(cut, x.ndim))


def pool_pads(plane: Sequence[int], attrs: Attributes) -> Pads:
    """What a pool pads. `ceil_mode` adds at the bottom and right: workloads floor their sizes."""
    kernel, strides = list(attrs["kernel_shape"]), list(attrs.get("strides", [1, 1]))
    rates = attrs.get("dilations", [1, 1])
    reach = [(k - 1) * rate + 1 for k, rate in zip(kernel, rates, strict=True)]
    pads = padding(plane, kernel, attrs)
    if not attrs.get("ceil_mode", 0) or attrs.get("auto_pad", "NOTSET") != "NOTSET":
        return pads
    top, left, bottom, right = pads
    return (
        top, left,
        _ceiled(plane[0], reach[0], strides[0], top, bottom),
        _ceiled(plane[1], reach[1], strides[1], left, right),
    )  # fmt: skip


def _ceiled(size: int, kernel: int, stride: int, head: int, tail: int) -> int:
    """Return the tail that makes the last window whole; one that starts in the tail is dropped."""
    outputs = -(-(size + head + tail - kernel) // stride) + 1
    if (outputs - 1) * stride >= size + head:
        outputs -= 1
    return max(0, (outputs - 1) * stride + kernel - size - head)


def _pooled(given: Given, attrs: Attributes, kind: str) -> tuple[Tensor, Attributes, Tensor]:
    """The plane to pool, its attributes, and the map."""
    x = given[0]
    attrs = plane_attrs(attrs, x.ndim)
    check_window(attrs)
    if len(attrs["kernel_shape"]) != 2:
        raise ValueError(f"{kind} of {tuple(x.shape)}: only planes are pooled")
    return x.reshape(plane_shape(x.shape)), attrs, x


def _largest(given: Given, attrs: Attributes) -> list[Tensor | None]:
    plane, attrs, x = _pooled(given, attrs, "MaxPool")
    pads = pool_pads(plane.shape[2:], attrs)
    strides, rates = attrs.get("strides", [1, 1]), attrs.get("dilations", [1, 1])
    out = F.max_pool2d(
        padded(plane.float(), pads, -math.inf), attrs["kernel_shape"], strides, 0, rates
    )
    return [out.to(x.dtype).reshape(_as_rank(out, x.ndim)), None]


def _mean(given: Given, attrs: Attributes) -> Tensor:
    """The mean of each window: of the map's own values, or of the padding's zeros too."""
    plane, attrs, x = _pooled(given, attrs, "AveragePool")
    declared = padding(plane.shape[2:], attrs["kernel_shape"], attrs)
    pads = pool_pads(plane.shape[2:], attrs)
    over = max(pads[2] - declared[2], pads[3] - declared[3])
    if over > 1:
        raise ValueError(
            f"its last window reaches {over} beyond the padding, where runtimes differ in ceil_mode"
        )
    kernel, strides = list(attrs["kernel_shape"]), list(attrs.get("strides", [1, 1]))
    ones = torch.ones_like(plane[:1, :1])
    if attrs.get("count_include_pad", 0):
        inner = (*declared[:2], min(declared[2], pads[2]), min(declared[3], pads[3]))
        rest = (0, 0, max(0, pads[2] - declared[2]), max(0, pads[3] - declared[3]))
        counted = padded(padded(ones, inner, 1.0), rest)
    else:
        counted = padded(ones, pads)
    out = F.avg_pool2d(padded(plane, pads), kernel, strides) / F.avg_pool2d(
        counted, kernel, strides
    )
    return out.reshape(_as_rank(out, x.ndim))


def _whole(amount: Callable[[Tensor, list[int]], Tensor]) -> Compute:
    def compute(given: Given, _attrs: Attributes) -> Tensor:
        axes = list(range(2, given[0].ndim))
        return amount(given[0], axes)

    return compute


_POOL = ("kernel_shape", "strides", "pads", "auto_pad", "ceil_mode")
KINDS: dict[str, Kind] = {
    "Conv": Kind(rule="conv", inputs=(2, 3), reads=(*_WINDOW, "group"), compute=_convolution),
    "ConvTranspose": Kind(
        rule="deconv", inputs=(2, 3), compute=_transposed,
        reads=(*_WINDOW, "group", "output_padding", "output_shape"),
    ),
    "MaxPool": Kind(
        rule="pool", reads=_POOL, only={"dilations": 1, "storage_order": 0}, compute=_largest
    ),
    "AveragePool": Kind(
        rule="pool", reads=(*_POOL, "count_include_pad"), only={"dilations": 1}, compute=_mean
    ),
    "GlobalAveragePool": Kind(rule="whole", compute=_whole(lambda x, a: x.mean(a, keepdim=True))),
    "GlobalMaxPool": Kind(rule="whole", compute=_whole(lambda x, a: x.amax(a, keepdim=True))),
}  # fmt: skip
