"""Rules of what runs on an array: linear layers, convolutions, products, attention."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import fx

from sdalgo.exported.rule import Arguments, Rule
from sdalgo.exported.writer import Writer, rank_of, shape_of


def _linear(writer: Writer, given: Arguments) -> str:
    x, weight, bias = given["input"], given["weight"], given["bias"]
    name = writer.weight_name(weight)
    if rank_of(x) == 2:
        return writer.emit("Gemm", x, weight, bias, name=name, transB=1)
    value = writer.tensor(weight)
    turned = writer.emit("Transpose", weight, perm=[1, 0]) if value is None else value.T
    found = writer.emit("MatMul", x, turned, name=name)
    return found if bias is None else writer.emit("Add", found, bias)


def _addmm(writer: Writer, given: Arguments) -> str:
    x, weight = given["mat1"], given["mat2"]
    return writer.emit(
        "Gemm", x, weight, given["self"], name=writer.weight_name(weight),
        alpha=float(given["alpha"]), beta=float(given["beta"]),
    )  # fmt: skip


def _matmul(writer: Writer, given: Arguments) -> str:
    one, other = given["self"], given.get("mat2", given.get("other"))
    name = writer.weight_name(other) or writer.weight_name(one)
    return writer.emit("MatMul", one, other, name=name)


def _baddbmm(writer: Writer, given: Arguments) -> str:
    if given["alpha"] != 1 or given["beta"] != 1:
        raise ValueError(f"baddbmm with alpha {given['alpha']} and beta {given['beta']}: only 1")
    product = writer.emit("MatMul", given["batch1"], given["batch2"])
    return writer.emit("Add", product, given["self"])


def _convolution(writer: Writer, given: Arguments) -> str:
    x, weight, axes = given["input"], given["weight"], rank_of(given["input"]) - 2
    attrs: dict[str, Any] = {
        "kernel_shape": list(shape_of(weight)[2:]),
        "strides": _each(given["stride"], axes),
        "dilations": _each(given["dilation"], axes),
        "pads": _each(given["padding"], axes) * 2,
        "group": int(given["groups"]),
    }
    name = writer.weight_name(weight)
    if given["transposed"]:
        attrs["output_padding"] = _each(given["output_padding"], axes)
        return writer.emit("ConvTranspose", x, weight, given["bias"], name=name, **attrs)
    return writer.emit("Conv", x, weight, given["bias"], name=name, **attrs)


def _each(values: Any, axes: int) -> list[int]:
    """One number an axis; torch lets one stand for all."""
    numbers = [int(value) for value in values]
    return numbers * axes if len(numbers) == 1 else numbers


def _attention(writer: Writer, given: Arguments) -> str:
    """softmax(Q K' / sqrt(D) + mask) V, in operators, heads that share a key spread before."""
    query, key, value = given["query"], given["key"], given["value"]
    if given["dropout_p"]:
        raise ValueError("attention with dropout is not read: call eval() on the module")
    *_, tokens, width = shape_of(query)
    length = shape_of(key)[-2]
    scale = given["scale"] or 1 / math.sqrt(width)
    rank = rank_of(key)
    if given["enable_gqa"]:
        heads = shape_of(query)[-3]
        key, value = _spread(writer, key, heads), _spread(writer, value, heads)
    order = [*range(rank - 2), rank - 1, rank - 2]
    turned = writer.emit("Transpose", key, perm=order)
    scores = writer.emit("MatMul", writer.emit("Mul", query, scale), turned)
    if given["is_causal"]:
        later = torch.ones(tokens, length, dtype=torch.bool).triu(1)
        mask = torch.zeros(tokens, length).masked_fill(later, -math.inf)
        scores = writer.emit("Add", scores, writer.constant(mask))
    elif given["attn_mask"] is not None:
        scores = writer.emit("Add", scores, _additive(writer, given["attn_mask"]))
    weights = writer.emit("Softmax", scores, axis=-1)
    return writer.emit("MatMul", weights, value)


def _spread(writer: Writer, of: fx.Node, heads: int) -> Any:
    """Keys or values (N, groups, L, D), each repeated for the heads that share it."""
    *batch, groups, length, width = shape_of(of)
    if groups == heads:
        return of
    axis = len(batch) + 1
    apart = writer.emit("Unsqueeze", of, writer.whole([axis]))
    wide = [*batch, groups, heads // groups, length, width]
    copied = writer.emit("Expand", apart, writer.whole(wide))
    return writer.emit("Reshape", copied, writer.whole([*batch, heads, length, width]))


def _additive(writer: Writer, mask: fx.Node) -> Any:
    """A mask to add; one that says which keys are read becomes 0 and minus infinity."""
    if mask.meta["val"].dtype != torch.bool:
        return mask
    value = writer.tensor(mask)
    if value is not None:
        return writer.constant(torch.zeros(value.shape).masked_fill(~value, -math.inf))
    return writer.emit("Where", mask, writer.constant(0.0), writer.constant(-math.inf))


def _embedding(writer: Writer, given: Arguments) -> str:
    weight = given["weight"]
    name = writer.weight_name(weight)
    return writer.emit("Gather", weight, given["indices"], name=name, axis=0)


RULES: dict[str, Rule] = {
    "linear": _linear, "addmm": _addmm, "mm": _matmul, "bmm": _matmul, "matmul": _matmul,
    "baddbmm": _baddbmm, "convolution": _convolution, "scaled_dot_product_attention": _attention,
    "embedding": _embedding,
}  # fmt: skip
