"""Operators that stand for several others, which take their place once shapes are known.

Attention (https://onnx.ai/onnx/operators/onnx__Attention.html, opset 23) becomes its two products,
an Einsum of one operand or of more than two becomes steps of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from sdalgo.importer.kinds import Attributes, Given, Kind
from sdalgo.importer.operations import Operation
from sdalgo.importer.products import equation_of
from sdalgo.importer.trace import Value

Shape = tuple[int, ...]


@dataclass
class Expansion:
    """What takes an operator's place: operators in order, and constants that they read."""

    name: str
    operations: list[Operation] = field(default_factory=list)
    constants: dict[str, Tensor] = field(default_factory=dict)

    def add(self, kind: str, inputs: Sequence[str], out: str = "", **attrs: Any) -> str:
        """Append an operator; returns the name of what it gives."""
        name = f"{self.name}.{kind.lower()}"
        taken = {each.name for each in self.operations}
        unique, count = name, 2
        while unique in taken:
            unique, count = f"{name}_{count}", count + 1
        made = out or unique
        self.operations.append(
            Operation(kind=kind, name=unique, inputs=tuple(inputs), outputs=(made,), attrs=attrs)
        )
        return made

    def constant(self, value: Tensor) -> str:
        """Append a constant; returns its name."""
        name = f"{self.name}.constant_{len(self.constants)}"
        self.constants[name] = value
        return name

    def reshape(self, x: str, shape: Sequence[int], out: str = "") -> str:
        """Append a change of shape."""
        return self.add("Reshape", (x, self.constant(torch.tensor(list(shape)))), out)


def expanded(operation: Operation, values: Mapping[str, Value]) -> Expansion | None:
    """Return what takes an operator's place; None where it stays.

    Args:
        values: what it reads, among others.

    Raises:
        ValueError: something of it is not understood.
    """
    rule = _RULES.get(operation.kind)
    return rule(operation, [values.get(name) for name in operation.inputs]) if rule else None


def _attention(operation: Operation, values: list[Value | None]) -> Expansion:
    """Queries times keys, scaled, masked, normalised, times values; heads that share keys repeat
    them, which is a view."""
    given = [*operation.inputs, *[""] * 7][:7]
    if given[6] or len(operation.outputs) > 3:
        raise ValueError("Attention with lengths of its keys, or that gives its scores")
    new, attrs = Expansion(operation.name), operation.attrs
    shapes, mask = _shapes(values), values[3] if len(values) > 3 else None
    counts = [int(attrs.get(key, 0)) for key in ("q_num_heads", *["kv_num_heads"] * 2)]
    q, k, v = (_heads(new, *each) for each in zip(given, shapes, counts, strict=False))
    sizes = [s if len(s) == 4 else (s[0], n, s[1], s[2] // n)
             for s, n in zip(shapes[:3], counts, strict=True)]  # fmt: skip
    past = shapes[4][2] if given[4] else 0
    k, v = (
        new.add("Concat", (before, x), _named(operation, i), axis=2) if before else x
        for i, (before, x) in enumerate(zip(given[4:6], (k, v), strict=True), 1)
    )
    if not past and len(operation.outputs) > 1:
        raise ValueError("Attention gives its keys without having read earlier ones")
    heads, shared, tokens = sizes[0][1], sizes[1][1], sizes[1][2] + past
    if shared < heads:
        k, v = (
            _repeated(new, x, (sizes[0][0], shared, heads // shared, tokens, size[3]))
            for x, size in ((k, sizes[1]), (v, sizes[2]))
        )
    turned = new.add("Transpose", (k,), perm=[0, 1, 3, 2])
    scale = torch.tensor(attrs.get("scale", 1 / sqrt(sizes[0][3])), dtype=torch.float32)
    scores = new.add("Mul", (new.add("MatMul", (q, turned)), new.constant(scale)))
    if attrs.get("is_causal", 0):
        above = torch.ones(sizes[0][2], tokens, dtype=torch.bool).triu(past + 1)
        scores = _masked(new, scores, new.constant(~above))
    if mask is not None:
        boolean = mask.dtype == torch.bool
        scores = _masked(new, scores, given[3]) if boolean else new.add("Add", (scores, given[3]))
    chances = new.add("Softmax", (scores,), axis=-1)
    whole = len(shapes[0]) == 4
    out = new.add("MatMul", (chances, v), operation.outputs[0] if whole else "")
    if not whole:
        joined = new.add("Transpose", (out,), perm=[0, 2, 1, 3])
        new.reshape(joined, (*shapes[0][:2], heads * sizes[2][3]), operation.outputs[0])
    return new


def _named(operation: Operation, index: int) -> str:
    return operation.outputs[index] if index < len(operation.outputs) else ""


def _heads(new: Expansion, x: str, shape: Shape, heads: int) -> str:
    """(N, heads, T, D) of (N, T, heads D), or as it is."""
    if len(shape) == 4:
        return x
    if heads < 1:
        raise ValueError(f"Attention of {shape} without a number of heads")
    parted = new.reshape(x, (shape[0], shape[1], heads, shape[2] // heads))
    return new.add("Transpose", (parted,), perm=[0, 2, 1, 3])


def _repeated(new: Expansion, x: str, shape: Sequence[int]) -> str:
    """(N, shared, T, D) for each of its heads, which follow each other: (N, heads, T, D)."""
    samples, shared, repeats, tokens, width = shape
    one = new.reshape(x, (samples, shared, 1, tokens, width))
    many = new.add("Expand", (one, new.constant(torch.tensor(list(shape)))))
    return new.reshape(many, (samples, shared * repeats, tokens, width))


def _masked(new: Expansion, scores: str, kept: str) -> str:
    return new.add("Where", (kept, scores, new.constant(torch.tensor(-torch.inf))))


def _shapes(values: list[Value | None]) -> list[Shape]:
    return [() if value is None else value.shape for value in values]


def _einsum(operation: Operation, values: list[Value | None]) -> Expansion | None:
    shapes = _shapes(values)
    operands, result = equation_of(operation.attrs["equation"], [len(s) for s in shapes])
    if any(len(set(letters)) < len(letters) for letters in operands):
        return None
    new = Expansion(operation.name)
    if len(operands) == 1:
        _single(new, operation, operands[0], result)
        return new
    if len(operands) == 2:
        return _side_by_side(new, operation, shapes, (operands[0], operands[1], result))
    rest = "".join(operands[2:]) + result
    both = "".join(dict.fromkeys(c for c in operands[0] + operands[1] if c in rest))
    pair = f"{operands[0]},{operands[1]}->{both}"
    first = new.add("Einsum", operation.inputs[:2], equation=pair)
    after = f"{','.join((both, *operands[2:]))}->{result}"
    new.add("Einsum", (first, *operation.inputs[2:]), operation.outputs[0], equation=after)
    return new


def _single(new: Expansion, operation: Operation, letters: str, result: str) -> None:
    """Sums over axes that go, then the order of the others."""
    x, gone = operation.inputs[0], [i for i, c in enumerate(letters) if c not in result]
    if gone:
        x = new.add("ReduceSum", (x, new.constant(torch.tensor(gone))), keepdims=0)
    left = [c for c in letters if c in result]
    new.add("Transpose", (x,), operation.outputs[0], perm=[left.index(c) for c in result])


def _side_by_side(
    new: Expansion, operation: Operation, shapes: list[Shape], letters: tuple[str, str, str]
) -> Expansion | None:
    """A product of elements, where nothing is summed; None for a product of matrices."""
    result = letters[2]
    if set(letters[0]) | set(letters[1]) != set(result) or not set(letters[0]) & set(letters[1]):
        return None
    if set(letters[0]) - set(letters[1]) and set(letters[1]) - set(letters[0]):
        return None  # an outer product in each batch
    sides = []
    for x, shape, own in zip(operation.inputs, shapes, letters, strict=False):
        order = [own.index(c) for c in result if c in own]
        turned = x if order == sorted(order) else new.add("Transpose", (x,), perm=order)
        sizes = [shape[own.index(c)] if c in own else 1 for c in result]
        sides.append(turned if len(own) == len(result) else new.reshape(turned, sizes))
    new.add("Mul", sides, operation.outputs[0])
    return new


_RULES: dict[str, Callable[[Operation, list[Value | None]], Expansion | None]] = {
    "Attention": _attention,
    "Einsum": _einsum,
}


def _never(_given: Given, _attrs: Attributes) -> Tensor:
    raise ValueError("it is expanded before it runs")


KINDS: dict[str, Kind] = {
    "Attention": Kind(
        rule="constant", inputs=(3, 7), compute=_never,
        reads=("is_causal", "kv_num_heads", "q_num_heads", "scale", "softmax_precision",
               "qk_matmul_output_mode"),
        only={"softcap": 0},
    ),
}  # fmt: skip
