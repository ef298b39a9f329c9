"""Operators on whole numbers with scales: networks that were quantised before.

Their values are computed in float32 from the stored whole numbers, which it holds exactly up to
2^24; products of whole numbers are summed in double, which holds them all.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sdalgo.importer.kinds import Attributes, Given, Kind, optional
from sdalgo.importer.windows import KINDS as WINDOWS

_BOUNDS = {
    torch.int8: (-128, 127), torch.uint8: (0, 255), torch.int16: (-32768, 32767),
}  # fmt: skip


def _along(value: Tensor, x: Tensor, axis: int) -> Tensor:
    """A scale or zero point for each entry of an axis, or for all; ValueError for blocks."""
    if value.numel() == 1:
        return value.reshape(())
    if value.ndim != 1 or value.numel() != x.shape[axis]:
        raise ValueError(f"scales {tuple(value.shape)} of {tuple(x.shape)} are not read")
    return value.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])


def quantised(x: Tensor, scale: Tensor, zero: Tensor | None, axis: int = 1) -> Tensor:
    """Whole numbers of the zero point's type, rounded half to even and cut at their bounds."""
    kind = torch.uint8 if zero is None else zero.dtype
    if kind not in _BOUNDS:
        raise ValueError(f"whole numbers of type {kind} are not read")
    shifted = torch.round(x / _along(scale, x, axis))
    if zero is not None:
        shifted = shifted + _along(zero, x, axis)
    return shifted.clamp(*_BOUNDS[kind]).to(kind)


def whole(x: Tensor, zero: Tensor | None, axis: int = 1) -> Tensor:
    """x - zero as float32."""
    return x.float() if zero is None else x.float() - _along(zero.float(), x, axis)


def _quantise(given: Given, attrs: Attributes) -> Tensor:
    return quantised(given[0], given[1], optional(given, 2), attrs.get("axis", 1))


def _dequantise(given: Given, attrs: Attributes) -> Tensor:
    x, scale, axis = given[0], given[1], attrs.get("axis", 1)
    return whole(x, optional(given, 2), axis) * _along(scale, x, axis)


def _dynamic(given: Given, _attrs: Attributes) -> list[Tensor]:
    x = given[0]
    low, high = x.min().clamp(max=0), x.max().clamp(min=0)
    scale = (high - low) / 255
    zero = (
        torch.round(-low / scale).clamp(0, 255).to(torch.uint8)
        if scale > 0
        else (torch.zeros((), dtype=torch.uint8))
    )
    return [quantised(x, scale if scale > 0 else torch.ones(()), zero), scale, zero]


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, attrs: Attributes) -> Tensor:
    given = [x.double(), weight.double()] + ([] if bias is None else [bias.double()])
    out = WINDOWS["Conv"].compute(given, attrs)
    assert isinstance(out, Tensor)
    return out


def _qlinear_conv(given: Given, attrs: Attributes) -> Tensor:
    x, xs, xz, w, ws, wz, ys, yz, *rest = given
    sums = _conv(whole(x, xz), whole(w, wz, 0), rest[0] if rest else None, attrs)
    sizes = [1, -1] + [1] * (sums.ndim - 2)
    scale = (xs.double() * ws.double()).reshape(sizes if ws.numel() > 1 else [])
    return quantised((sums * scale).float(), ys, yz)


def _qlinear_matmul(given: Given, _attrs: Attributes) -> Tensor:
    a, a_scale, a_zero, b, b_scale, b_zero, ys, yz = given
    sums = whole(a, a_zero, -2).double() @ whole(b, b_zero, -1).double()
    scale = _along(a_scale, a, -2).double() * _along(b_scale, b, -1).double()
    return quantised((sums * scale).float(), ys, yz)


def _matmul_integer(given: Given, _attrs: Attributes) -> Tensor:
    a, b = whole(given[0], optional(given, 2), -2), whole(given[1], optional(given, 3), -1)
    return (a.double() @ b.double()).to(torch.int32)


def _conv_integer(given: Given, attrs: Attributes) -> Tensor:
    x, w = whole(given[0], optional(given, 2)), whole(given[1], optional(given, 3), 0)
    return _conv(x, w, None, attrs).to(torch.int32)


_WINDOW = WINDOWS["Conv"].reads
KINDS: dict[str, Kind] = {
    "QuantizeLinear": Kind(
        rule="point", inputs=(2, 3), reads=("axis", "output_dtype"), only={"block_size": 0},
        compute=_quantise,
    ),
    "DequantizeLinear": Kind(
        rule="point", inputs=(2, 3), reads=("axis", "output_dtype"), only={"block_size": 0},
        compute=_dequantise,
    ),
    "DynamicQuantizeLinear": Kind(rule="dynamic", compute=_dynamic),
    "QLinearConv": Kind(rule="qconv", inputs=(8, 9), reads=_WINDOW, compute=_qlinear_conv),
    "QLinearMatMul": Kind(rule="qmatmul", inputs=(8, 8), compute=_qlinear_matmul),
    "ConvInteger": Kind(rule="conv", inputs=(2, 4), reads=_WINDOW, compute=_conv_integer),
    "MatMulInteger": Kind(rule="matmul", inputs=(2, 4), compute=_matmul_integer),
}  # fmt: skip
