"""Operators that make each element from the elements at its place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sdalgo.importer.kinds import MANY, Attributes, Compute, Given, Kind, optional


def _free(compute: Compute, **declared: Any) -> Kind:
    """A function of one map that the way out of an array computes: no layer stands for it."""
    return Kind(rule="point", compute=compute, **declared)


def _one(function: str, compute: Compute, **declared: Any) -> Kind:
    return Kind(rule="elementwise", compute=compute, function=function, **declared)


def _two(function: str, compute: Compute, rule: str = "elementwise") -> Kind:
    return Kind(rule=rule, compute=compute, function=function, inputs=(2, 2))


def _many(function: str, compute: Compute, rule: str = "elementwise") -> Kind:
    return Kind(rule=rule, compute=compute, function=function, inputs=(1, MANY))


def _clip(given: Given, _attrs: Attributes) -> Tensor:
    low, high = optional(given, 1), optional(given, 2)
    if low is None and high is None:
        return given[0]
    bounds = (None if each is None else each.reshape(()) for each in (low, high))
    return torch.clamp(given[0], *bounds)


def _divide(given: Given, _attrs: Attributes) -> Tensor:
    whole = not given[0].is_floating_point()
    if whole and not given[1].all():
        raise ValueError("a whole number is divided by 0")
    return torch.div(given[0], given[1], rounding_mode="trunc" if whole else None)


def _power(given: Given, _attrs: Attributes) -> Tensor:
    base, exponent = given
    return torch.pow(base, exponent.to(torch.float32) if base.is_floating_point() else exponent).to(
        base.dtype
    )


def _modulo(given: Given, attrs: Attributes) -> Tensor:
    if not given[0].is_floating_point() and not given[1].all():
        raise ValueError("a whole number is divided by 0")
    if attrs.get("fmod", 0):
        return torch.fmod(given[0], given[1])
    return torch.remainder(given[0], given[1])


def _mean(given: Given, _attrs: Attributes) -> Tensor:
    return reduce(torch.add, given) / len(given)


def _gelu(given: Given, attrs: Attributes) -> Tensor:
    return F.gelu(given[0], approximate=attrs.get("approximate", "none"))


def _elu(x: Tensor, alpha: float, gamma: float = 1.0) -> Tensor:
    return gamma * torch.where(x < 0, alpha * torch.expm1(x), x)


def _shrink(given: Given, attrs: Attributes) -> Tensor:
    x, bias, edge = given[0], attrs.get("bias", 0.0), attrs.get("lambd", 0.5)
    return torch.where(x < -edge, x + bias, torch.where(x > edge, x - bias, 0.0))


def _hard_sigmoid(given: Given, attrs: Attributes) -> Tensor:
    slope, shift = float(attrs.get("alpha", 0.2)), float(attrs.get("beta", 0.5))
    return (given[0] * slope + shift).clamp(0, 1)


def _celu(given: Given, attrs: Attributes) -> Tensor:
    x, alpha = given[0], attrs.get("alpha", 1.0)
    return torch.where(x < 0, alpha * torch.expm1(x / alpha), x)


def _truth(given: Given, _attrs: Attributes) -> Tensor:
    return ~given[0].bool()


def _infinite(given: Given, attrs: Attributes) -> Tensor:
    high, low = attrs.get("detect_positive", 1), attrs.get("detect_negative", 1)
    x = given[0]
    return (torch.isposinf(x) & bool(high)) | (torch.isneginf(x) & bool(low))


def _each(function: Callable[..., Tensor], given: Given, _attrs: Attributes) -> Tensor:
    return function(*given)


_PLAIN: dict[str, Callable[..., Tensor]] = {
    "Exp": torch.exp, "Log": torch.log, "Sqrt": torch.sqrt, "Erf": torch.erf, "Abs": torch.abs,
    "Reciprocal": torch.reciprocal, "Floor": torch.floor, "Ceil": torch.ceil,
    "Round": torch.round, "Sign": torch.sign, "Softplus": F.softplus, "Softsign": F.softsign,
    "Mish": F.mish, "Sin": torch.sin, "Cos": torch.cos, "Tan": torch.tan, "Asin": torch.asin,
    "Acos": torch.acos, "Atan": torch.atan, "Sinh": torch.sinh, "Cosh": torch.cosh,
    "Asinh": torch.asinh, "Acosh": torch.acosh, "Atanh": torch.atanh, "IsNaN": torch.isnan,
}  # fmt: skip
_PAIRS: dict[str, Callable[..., Tensor]] = {
    "Equal": torch.eq, "Less": torch.lt, "LessOrEqual": torch.le, "Greater": torch.gt,
    "GreaterOrEqual": torch.ge, "And": torch.logical_and, "Or": torch.logical_or,
    "Xor": torch.logical_xor, "BitwiseAnd": torch.bitwise_and, "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
}  # fmt: skip

KINDS: dict[str, Kind] = {
    "Relu": _free(lambda g, _: F.relu(g[0])),
    "LeakyRelu": _free(lambda g, a: F.leaky_relu(g[0], a.get("alpha", 0.01)), reads=("alpha",)),
    "PRelu": _free(lambda g, _: torch.where(g[0] < 0, g[0] * g[1], g[0]), inputs=(2, 2)),
    "Elu": _free(lambda g, a: _elu(g[0], a.get("alpha", 1.0)), reads=("alpha",)),
    "Selu": _free(
        lambda g, a: _elu(g[0], a.get("alpha", 1.6732632423543772),
                          a.get("gamma", 1.0507009873554805)), reads=("alpha", "gamma"),
    ),
    "Celu": _free(_celu, reads=("alpha",)),
    "ThresholdedRelu": _free(
        lambda g, a: torch.where(g[0] > a.get("alpha", 1.0), g[0], 0.0), reads=("alpha",)
    ),
    "Shrink": _free(_shrink, reads=("bias", "lambd")),
    "Sigmoid": _free(lambda g, _: torch.sigmoid(g[0])),
    "HardSigmoid": _free(_hard_sigmoid, reads=("alpha", "beta")),
    "Tanh": _free(lambda g, _: torch.tanh(g[0])),
    "Neg": _free(lambda g, _: -g[0]),
    "Not": _free(_truth),
    "Clip": Kind(rule="point", compute=_clip, inputs=(1, 3)),
    "Max": _many("max", lambda g, _: reduce(torch.maximum, g), "combine"),
    "Min": _many("min", lambda g, _: reduce(torch.minimum, g), "combine"),
    "Mean": _many("mean", _mean, "combine"),
    "Sum": _many("add", lambda g, _: reduce(torch.add, g), "combine"),
    "Add": _two("add", lambda g, _: g[0] + g[1], "combine"),
    "Sub": _two("sub", lambda g, _: g[0] - g[1], "combine"),
    "Mul": _two("mul", lambda g, _: g[0] * g[1], "combine"),
    "Div": _two("div", _divide, "combine"),
    "Pow": _two("pow", _power),
    "Mod": Kind(
        rule="elementwise", compute=_modulo, inputs=(2, 2), reads=("fmod",), function="mod"
    ),
    "Where": Kind(
        rule="where", compute=lambda g, _: torch.where(g[0].bool(), g[1], g[2]), inputs=(3, 3),
        function="where",
    ),
    "Gelu": Kind(rule="gelu", compute=_gelu, only={"approximate": ("none", "tanh")}),
    "Swish": Kind(
        rule="silu", compute=lambda g, a: g[0] * torch.sigmoid(a.get("alpha", 1.0) * g[0]),
        reads=("alpha",),
    ),
    "HardSwish": Kind(rule="hardswish", compute=lambda g, _: g[0] * (g[0] / 6 + 0.5).clamp(0, 1)),
    "IsInf": _one("isinf", _infinite, reads=("detect_positive", "detect_negative")),
    "BitShift": Kind(
        rule="elementwise", inputs=(2, 2), reads=("direction",), function="bitshift",
        compute=lambda g, a: g[0] << g[1] if a["direction"] == "LEFT" else g[0] >> g[1],
    ),
    **{name: _one(name.lower(), partial(_each, f)) for name, f in _PLAIN.items()},
    **{name: _two(name.lower(), partial(_each, f)) for name, f in _PAIRS.items()},
}  # fmt: skip
