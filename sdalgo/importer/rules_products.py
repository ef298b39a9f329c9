"""Products of matrices: by a constant a linear layer, of two maps a matmul."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from sdalgo.importer.drawing import Drawing, spread
from sdalgo.importer.places import Place
from sdalgo.importer.products import equation_of, gemm_weight
from sdalgo.importer.quantised import whole
from sdalgo.importer.rules_arrays import fitting_bytes, stored_input, stored_weight
from sdalgo.importer.shaping import broadcast_shape
from sdalgo.importer.trace import Step, Value


@dataclass(frozen=True, kw_only=True)
class Operand:
    """One side of a product of maps: its value, and (batch..., rows, columns) as it is read."""

    value: Value
    tensor: Tensor


def gemm(step: Step, drawing: Drawing) -> None:
    """alpha * A' * B' + beta * C; alpha becomes part of the weight."""
    attrs = step.attrs
    flags = [bool(attrs.get(key, 0)) for key in ("transA", "transB")]
    sides = [step.value(0), step.value(1)]
    bias = step.value(2)
    if bias is not None and bias.is_map:
        raise ValueError("Gemm adds a map: no layer of a workload does both")
    assert sides[0] is not None
    assert sides[1] is not None
    turned = [_turned(step, i, side, flags[i]) for i, side in enumerate(sides) if side is not None]
    if 0 in step.kept and 1 in step.kept:
        one = Operand(value=sides[0], tensor=turned[0])
        _product(step, drawing, one, Operand(value=sides[1], tensor=turned[1]))
    elif 0 in step.kept:
        weight = gemm_weight(sides[1].known, attrs)
        _linear(step, drawing, sides[0], turned[0], weight)
    else:
        scale = attrs.get("alpha", 1.0)
        _linear(step, drawing, sides[1], turned[1].T, turned[0].T * scale)


def _turned(step: Step, index: int, value: Value, flag: bool) -> Tensor:
    x = _held(step, index, value)
    return x.T if flag else x


def _held(step: Step, index: int, value: Value) -> Tensor:
    """The tensor of an operand: a map's that was kept, or a constant's."""
    x = step.kept.get(index, value.tensor)
    assert x is not None
    return x


def matmul(step: Step, drawing: Drawing) -> None:
    left, right = step.given[0], step.given[1]
    assert left is not None
    assert right is not None
    tensors = _numbers(step)
    if 0 in step.kept and 1 in step.kept:
        _product(step, drawing, *_two(left, right, tensors))
    elif 0 in step.kept:
        _linear(step, drawing, left, tensors[0], _matrix(step, tensors[1]))
    else:  # W X is the transpose of X' W'
        x = tensors[1].transpose(-1, -2) if tensors[1].ndim > 1 else tensors[1]
        weight = _matrix(step, tensors[0])
        _linear(step, drawing, right, x, weight.T if tensors[0].ndim > 1 else weight)


def _numbers(step: Step) -> list[Tensor]:
    """The two operands, of MatMulInteger without their zero points."""
    found = []
    for index in (0, 1):
        value = step.given[index]
        x = step.kept.get(index, value.tensor if value is not None else None)
        assert x is not None
        axis = -2 if index == 0 else -1
        found.append(whole(x, step.constant(index + 2), axis) if "Integer" in step.what else x)
    return found


def _two(left: Value, right: Value, tensors: list[Tensor]) -> tuple[Operand, Operand]:
    a = tensors[0].unsqueeze(0) if tensors[0].ndim == 1 else tensors[0]
    b = tensors[1].unsqueeze(1) if tensors[1].ndim == 1 else tensors[1]
    if prod(b.shape[:-2]) == 1:  # one second matrix: rows of all batches are rows of one product
        a, b = a.reshape(1, -1, a.shape[-1]), b.reshape(1, *b.shape[-2:])
    return Operand(value=left, tensor=a), Operand(value=right, tensor=b)


def quantised_matmul(step: Step, drawing: Drawing) -> None:
    """QLinearMatMul: its whole numbers are what the layer holds."""
    a, b = step.given[0], step.given[3]
    assert a is not None
    assert b is not None
    sides = [
        whole(_held(step, i, value), step.constant(i + 2), axis)
        for i, value, axis in ((0, a, -2), (3, b, -1))
    ]
    scales = [step.constant(i) for i in (1, 4)]
    real = [x if s is None or s.numel() > 1 else x * s for x, s in zip(sides, scales, strict=True)]
    if 0 in step.kept and 3 in step.kept:
        _product(step, drawing, *_two(a, b, real))
    elif 0 in step.kept:
        name = _linear(step, drawing, a, real[0], _matrix(step, real[1]))
        _hold_bytes(drawing, name, fitting_bytes(sides[0]), fitting_bytes(sides[1]))
    else:
        raise ValueError("QLinearMatMul with a constant on its left")


def _matrix(step: Step, weight: Tensor) -> Tensor:
    """A constant (C, K), of one column where it is a vector."""
    if weight.ndim == 1:
        return weight.unsqueeze(1)
    if prod(weight.shape[:-2]) != 1:
        raise ValueError(f"{step.what} by a constant {tuple(weight.shape)}: (C, K) is needed")
    return weight.reshape(weight.shape[-2:])


def _linear(step: Step, drawing: Drawing, value: Value, x: Tensor, weight: Tensor) -> str:
    """The layer of a weight (C, K) and rows of C channels, one a token."""
    channels, outputs = weight.shape
    rows = x.reshape(-1, channels)
    if prod(step.out.shape) != len(rows) * outputs:
        raise ValueError(f"gives {step.out.shape}; a map may not be broadcast")
    fields = {"in_channels": channels, "out_channels": outputs}
    if len(rows) > 1:
        fields["tokens"] = len(rows)
    plane = (outputs, 1, len(rows))
    inputs = drawing.read(value) if drawing.place(value).source else ()
    name = drawing.layer(step.name, "linear", inputs, fields, plane)
    filters = weight.T.contiguous()
    held = filters.reshape(*filters.shape, 1, 1) if len(rows) > 1 else filters
    drawing.hold(name, held, spread(rows))
    _keep_bytes(step, drawing, name, value)
    shape = step.out.shape
    last = len(shape) - 1 if not shape or shape[-1] == outputs or len(shape) < 2 else len(shape) - 2
    drawing.put(step.out, Place(source=name, plane=plane, channel=max(0, last)))
    return name


def _keep_bytes(step: Step, drawing: Drawing, name: str, value: Value) -> None:
    """Whole numbers that a quantised network holds for a layer, in the layer's own layout."""
    if "Integer" in step.what:
        given, weight = _numbers(step)
        _hold_bytes(drawing, name, fitting_bytes(given), fitting_bytes(weight))
        return
    index = step.given.index(value)
    other = step.given[1 - index] if step.what in ("MatMul", "Gemm") else None
    numbers = stored_weight(other)
    if index == 0 and numbers is not None and not step.attrs.get("transA", 0):
        if step.attrs.get("transB", 0):
            numbers = numbers.T
        if step.attrs.get("alpha", 1.0) == 1:
            _hold_bytes(drawing, name, stored_input(value, step.kept[0]), numbers)


def _hold_bytes(drawing: Drawing, name: str, given: object, weight: object) -> None:
    held = drawing.stored.setdefault(name, {})
    if isinstance(given, np.ndarray):
        rows = given.reshape(-1, given.shape[-1])
        held["input"] = (rows.T if len(rows) > 1 else rows).reshape(drawing.inputs[name].shape)
    if isinstance(weight, np.ndarray):
        matrix = weight.reshape(weight.shape[-2:] if weight.ndim > 1 else (-1, 1))
        held["weight"] = np.ascontiguousarray(matrix.T).reshape(drawing.weights[name].shape)


def einsum(step: Step, drawing: Drawing) -> None:
    """A contraction of two operands, its letters sorted into those of a product."""
    if len(step.given) != 2:
        raise ValueError(f"Einsum of {len(step.given)} operands: two are read")
    values = [value for value in step.given if value is not None]
    operands, result = equation_of(step.attrs["equation"], [len(v.shape) for v in values])
    one, two = operands
    sums = [c for c in one if c in two and c not in result]
    batch = [c for c in one if c in two and c in result]
    rows = [c for c in one if c not in two]
    columns = [c for c in two if c not in one]
    if any(c not in result for c in rows + columns) or len(set(one)) < len(one) or not sums:
        raise ValueError(f"Einsum {step.attrs['equation']!r} is no product of matrices")
    tensors = [step.kept.get(i, v.tensor) for i, v in enumerate(values)]
    a = _sorted(tensors[0], one, (batch, rows, sums))
    b = _sorted(tensors[1], two, (batch, sums, columns))
    if 0 in step.kept and 1 in step.kept:
        _product(
            step, drawing, Operand(value=values[0], tensor=a), Operand(value=values[1], tensor=b)
        )
    elif a.shape[0] > 1:
        raise ValueError(f"Einsum {step.attrs['equation']!r} by a constant for each batch")
    elif 0 in step.kept:
        _linear(step, drawing, values[0], a[0], b[0])
    else:
        _linear(step, drawing, values[1], b[0].T, a[0].T)


def _sorted(x: Tensor | None, letters: str, groups: tuple[list[str], ...]) -> Tensor:
    assert x is not None
    order = [letters.index(c) for group in groups for c in group]
    sizes = [prod(x.shape[letters.index(c)] for c in group) for group in groups]
    return x.permute(order).reshape(sizes)


def _product(step: Step, drawing: Drawing, one: Operand, two: Operand) -> None:
    """A matmul layer: heads of (M, K) times (K, N), fewer second ones where they are shared."""
    a, b = one.tensor, two.tensor
    lead = broadcast_shape(a.shape[:-2], b.shape[:-2])
    heads = prod(lead)
    if prod(a.shape[:-2]) < heads == prod(b.shape[:-2]):  # the shared one is the second
        turned = (Operand(value=v.value, tensor=v.tensor.transpose(-1, -2)) for v in (two, one))
        _product(step, drawing, *turned)
        return
    if prod(a.shape[:-2]) < heads:
        raise ValueError(f"a product of {tuple(a.shape)} and {tuple(b.shape)}, both broadcast")
    a, b = _shared_last(a, b)
    groups = b.shape[0]
    place = drawing.place(two.value)
    if groups == heads and place.repeats > 1 and heads % place.repeats == 0:
        groups, b = _unrepeated(b, place.repeats)
    fields = {
        "heads": heads, "rows": a.shape[1], "inner": a.shape[2], "columns": b.shape[2],
    }  # fmt: skip
    if groups < heads:
        fields["kv_heads"] = groups
    causal = _is_causal(a)
    names = (drawing.source(one.value), _second(drawing, two.value, b.numel()))
    plane = (heads * b.shape[2], 1, a.shape[1])
    known = fields | ({"causal": True} if causal else {})
    name = drawing.layer(step.name, "matmul", names, known, plane)
    drawing.hold(name, b.transpose(1, 2), a.unsqueeze(0))
    drawing.put(step.out, Place(source=name, plane=plane, channel=len(step.out.shape) - 1))


def _second(drawing: Drawing, value: Value, wanted: int) -> str:
    """The layer of the second operand, before it is repeated for each of its heads."""
    place = drawing.place(value)
    if place.source and place.repeats > 1 and prod(drawing.plane(place.source)) == wanted:
        return place.source
    return drawing.source(value)


def _shared_last(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """(heads, M, K) and (key-value heads, K, N): heads that share a second matrix follow each
    other."""
    lead = a.shape[:-2]
    own = (1,) * (len(lead) - b.ndim + 2) + tuple(b.shape[:-2])
    kept = [i for i, size in enumerate(own) if size == lead[i]]
    shared = [i for i in range(len(lead)) if i not in kept]
    order = [*kept, *shared, len(lead), len(lead) + 1]
    heads = a.permute(order).reshape(-1, *a.shape[-2:])
    return heads, b.reshape(-1, *b.shape[-2:])


def _unrepeated(b: Tensor, repeats: int) -> tuple[int, Tensor]:
    """One of so many equal neighbours; all of them where they differ."""
    pairs = b.reshape(-1, repeats, *b.shape[1:])
    if bool((pairs == pairs[:, :1]).all()):
        return len(pairs), pairs[:, 0]
    return len(b), b


def _is_causal(a: Tensor) -> bool:
    """Whether a first operand is zero above the diagonal that ends in its last corner."""
    _, rows, inner = a.shape
    if rows < 2 or inner < rows:
        return False
    above = torch.ones(rows, inner, dtype=torch.bool).triu(inner - rows + 1)
    return not bool(a[:, above].any())
