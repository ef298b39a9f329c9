"""Rules of functions of each element, of two, and of sums over axes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import fx

from sdalgo.exported.rule import Arguments, Rule
from sdalgo.exported.writer import Writer, rank_of


def _one(kind: str, **attrs: Any) -> Rule:
    def rule(writer: Writer, given: Arguments) -> str:
        return writer.emit(kind, next(iter(given.values())), **attrs)

    return rule


def _two(kind: str, *, turned: bool = False) -> Rule:
    """An operator of two values; one that is a number takes the other's type."""

    def rule(writer: Writer, given: Arguments) -> str:
        one, other = given["self"], given.get("other", given.get("exponent"))
        pair = [_operand(writer, one, other), _operand(writer, other, one)]
        alpha = given.get("alpha", 1)
        if alpha != 1:  # add and sub multiply their second operand
            pair[1] = writer.emit("Mul", pair[1], _operand(writer, alpha, one))
        return writer.emit(kind, *(reversed(pair) if turned else pair))

    return rule


def _operand(writer: Writer, of: Any, beside: Any) -> Any:
    if isinstance(of, fx.Node):
        return of
    dtype = beside.meta["val"].dtype if isinstance(beside, fx.Node) else None
    if dtype is not None and not dtype.is_floating_point and isinstance(of, float):
        dtype = torch.float32
    return writer.constant(of, dtype)


def _clip(low: str, high: str) -> Rule:
    def rule(writer: Writer, given: Arguments) -> str:
        bounds = [given.get(low), given.get(high)]
        limits = [None if b is None else _operand(writer, b, given["self"]) for b in bounds]
        return writer.emit("Clip", given["self"], *limits)

    return rule


def _gelu(writer: Writer, given: Arguments) -> str:
    return writer.emit("Gelu", given["self"], approximate=str(given["approximate"]))


def _silu(writer: Writer, given: Arguments) -> str:
    return writer.emit("Swish", given["self"])


def _leaky(writer: Writer, given: Arguments) -> str:
    return writer.emit("LeakyRelu", given["self"], alpha=float(given["negative_slope"]))


def _elu(writer: Writer, given: Arguments) -> str:
    if given["scale"] != 1 or given["input_scale"] != 1:
        raise ValueError("an ELU whose sides are scaled (SELU, CELU) is not read")
    return writer.emit("Elu", given["self"], alpha=float(given["alpha"]))


def _prelu(writer: Writer, given: Arguments) -> str:
    slope = writer.tensor(given["weight"])
    if slope is None:
        raise ValueError("a PReLU whose slope depends on the input is not read")
    rank = rank_of(given["self"])
    return writer.emit("PRelu", given["self"], slope.reshape(-1, *[1] * (rank - 2)))


def _softplus(writer: Writer, given: Arguments) -> str:
    if given["beta"] != 1:
        raise ValueError(f"softplus with beta {given['beta']}: only 1 is read")
    return writer.emit("Softplus", given["self"])


def _rsqrt(writer: Writer, given: Arguments) -> str:
    return writer.emit("Reciprocal", writer.emit("Sqrt", given["self"]))


def _unequal(writer: Writer, given: Arguments) -> str:
    return writer.emit("Not", _two("Equal")(writer, given))


def _cumsum(writer: Writer, given: Arguments) -> str:
    return writer.emit("CumSum", given["self"], writer.constant(int(given["dim"])))


def _where(writer: Writer, given: Arguments) -> str:
    one, other = given["self"], given["other"]
    pair = _operand(writer, one, other), _operand(writer, other, one)
    return writer.emit("Where", given["condition"], *pair)


def _masked_fill(writer: Writer, given: Arguments) -> str:
    value = _operand(writer, given["value"], given["self"])
    return writer.emit("Where", given["mask"], value, given["self"])


def _divide(writer: Writer, given: Arguments) -> str:
    rounding = given.get("rounding_mode")
    if rounding not in (None, "floor"):
        raise ValueError(f"a division that rounds by {rounding!r} is not read")
    found = _two("Div")(writer, given | {"alpha": 1})
    return writer.emit("Floor", found) if rounding else found


def _reduce(kind: str) -> Rule:
    """A sum, mean or largest over axes; all of them where none is named."""

    def rule(writer: Writer, given: Arguments) -> str:
        axes = given.get("dim")
        axes = [axes] if isinstance(axes, int) else list(axes or range(rank_of(given["self"])))
        keep = int(bool(given.get("keepdim", False)))
        return writer.emit(kind, given["self"], writer.whole(axes), keepdims=keep)

    return rule


def _variance(writer: Writer, given: Arguments) -> str:
    """The mean of squared distances from the mean, of n - correction elements."""
    x, axes = given["self"], list(given["dim"] or range(rank_of(given["self"])))
    count = math.prod(int(x.meta["val"].shape[axis]) for axis in axes)
    mean = writer.emit("ReduceMean", x, writer.whole(axes), keepdims=1)
    apart = writer.emit("Sub", x, mean)
    square = writer.emit("Mul", apart, apart)
    keep = int(bool(given["keepdim"]))
    found = writer.emit("ReduceMean", square, writer.whole(axes), keepdims=keep)
    correction = 1 if given["correction"] is None else given["correction"]
    if correction:
        found = writer.emit("Mul", found, writer.constant(count / (count - correction)))
    return str(found)


def _cast(writer: Writer, given: Arguments) -> str:
    """A copy, of another type where it says so; types of float are one here."""
    source, wanted = given["self"], writer.node.meta["val"].dtype
    before = source.meta["val"].dtype
    if wanted == before or (wanted.is_floating_point and before.is_floating_point):
        return writer.value(source)
    to = 1 if wanted.is_floating_point else 9 if wanted == torch.bool else 7  # TensorProto
    return writer.emit("Cast", source, to=to)


def _same(writer: Writer, given: Arguments) -> str:
    return writer.value(next(iter(given.values())))


RULES: dict[str, Rule] = {
    "relu": _one("Relu"), "sigmoid": _one("Sigmoid"), "tanh": _one("Tanh"), "erf": _one("Erf"),
    "exp": _one("Exp"), "log": _one("Log"), "sqrt": _one("Sqrt"), "abs": _one("Abs"),
    "neg": _one("Neg"), "floor": _one("Floor"), "ceil": _one("Ceil"), "sin": _one("Sin"),
    "cos": _one("Cos"), "reciprocal": _one("Reciprocal"), "sign": _one("Sign"),
    "round": _one("Round"), "logical_not": _one("Not"), "bitwise_not": _one("Not"),
    "mish": _one("Mish"), "hardswish": _one("HardSwish"), "rsqrt": _rsqrt,
    "hardsigmoid": _one("HardSigmoid", alpha=1 / 6, beta=0.5),
    "gelu": _gelu, "silu": _silu, "leaky_relu": _leaky, "elu": _elu, "prelu": _prelu,
    "_prelu_kernel": _prelu, "softplus": _softplus,
    "clamp": _clip("min", "max"), "hardtanh": _clip("min_val", "max_val"),
    "clamp_min": _clip("min", ""), "clamp_max": _clip("", "max"),
    "add": _two("Add"), "sub": _two("Sub"), "mul": _two("Mul"), "div": _divide,
    "rsub": _two("Sub", turned=True), "pow": _two("Pow"), "maximum": _two("Max"),
    "minimum": _two("Min"), "eq": _two("Equal"), "gt": _two("Greater"), "lt": _two("Less"),
    "ge": _two("GreaterOrEqual"), "le": _two("LessOrEqual"), "logical_and": _two("And"),
    "logical_or": _two("Or"), "bitwise_and": _two("And"), "bitwise_or": _two("Or"),
    "ne": _unequal, "cumsum": _cumsum, "where": _where, "masked_fill": _masked_fill,
    "mean": _reduce("ReduceMean"), "sum": _reduce("ReduceSum"), "amax": _reduce("ReduceMax"),
    "amin": _reduce("ReduceMin"), "var": _variance,
    "_to_copy": _cast, "clone": _same, "alias": _same, "detach": _same, "lift_fresh_copy": _same,
    "contiguous": _same,
}  # fmt: skip
