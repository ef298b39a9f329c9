"""The ONNX operators that are known: what each understands, and its computation in float32.

Everything that an operator's entry does not declare is refused by name (docs/reference/onnx.md).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from archsim.formats.errors import Problem
from sdalgo.importer.operations import Operation

Attributes = dict[str, Any]
Given = list[Tensor]
"""Tensors in the order of a node's inputs; None stands for one that is left out."""
Run = Callable[[Given, Attributes], Tensor]


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator as far as it is understood.

    Attributes:
        role: what becomes of a map. `point`: an element-wise function of it, which disappears;
            `view`: the same elements in another shape; `fold`: constants alone are taken; or the
            rule of `sdalgo.onnx_layers` that makes a layer of it.
        inputs: fewest and most inputs.
        reads: attributes of which every value is understood.
        only: attributes of which one value is understood, in lists every item.
        run: the computation; None where the role has its own.
    """

    role: str
    inputs: tuple[int, int] = (1, 1)
    reads: tuple[str, ...] = ()
    only: Attributes = field(default_factory=dict)
    run: Run | None = None


def problems(node: Operation, name: str) -> list[Problem]:
    """Say what of a node is not understood; nothing is run for it."""
    kind = node.kind
    operator = OPERATORS.get(kind)
    if operator is None:
        return [Problem(name, f"operator {kind} is not known to the importer")]
    found = []
    for key, value in node.attrs.items():
        items = value if isinstance(value, list) else [value]
        if key in operator.only and any(item != operator.only[key] for item in items):
            wanted = operator.only[key]
            found.append(Problem(name, f"{kind} with {key} {value}: only {wanted} is read"))
        elif key not in operator.only and key not in operator.reads:
            found.append(Problem(name, f"{kind}: its attribute {key!r} is not known"))
    fewest, most = operator.inputs
    if not fewest <= len(node.inputs) <= most:
        found.append(Problem(name, f"{kind} with {len(node.inputs)} inputs: {fewest} to {most}"))
    return found


def axes_of(given: Given, attrs: Attributes) -> list[int] | None:
    """Return the axes of an attribute or of a second input; None where they are not given."""
    if "axes" in attrs:
        return [int(axis) for axis in attrs["axes"]]
    return given[1].tolist() if len(given) > 1 and given[1] is not None else None


def _reshape(given: Given, attrs: Attributes) -> Tensor:
    """As the file says, for one sample: sizes that were fixed for its batch are for so many."""
    x, sizes = given[0], given[1].tolist()
    sizes = [x.shape[i] if n == 0 else n for i, n in enumerate(sizes)]
    batch = attrs.get("batch", 0)
    if batch > 1 and x.shape[:1] == (1,) and sizes and sizes[0] > 0 and sizes[0] % batch == 0:
        whole = batch * x.numel()
        known = math.prod(size for size in sizes if size > 0)
        if (-1 in sizes and whole % known == 0) or known == whole:
            sizes[0] //= batch
    return x.reshape(sizes)


def _flatten(given: Given, attrs: Attributes) -> Tensor:
    axis, shape = attrs.get("axis", 1), given[0].shape
    axis += len(shape) if axis < 0 else 0
    return given[0].reshape(math.prod(shape[:axis]), -1)


def _transpose(given: Given, attrs: Attributes) -> Tensor:
    return given[0].permute(*attrs.get("perm", range(given[0].ndim)[::-1]))


def _squeeze(given: Given, attrs: Attributes) -> Tensor:
    axes = axes_of(given, attrs)
    return given[0].squeeze() if axes is None else given[0].squeeze(axes)


def _unsqueeze(given: Given, attrs: Attributes) -> Tensor:
    axes = axes_of(given, attrs) or []
    rank = given[0].ndim + len(axes)
    inserted = {axis % rank for axis in axes}
    sizes = iter(given[0].shape)
    return given[0].reshape([1 if i in inserted else next(sizes) for i in range(rank)])


def _cast(given: Given, attrs: Attributes) -> Tensor:
    from onnx import helper

    kind = helper.tensor_dtype_to_np_dtype(attrs["to"])
    if kind.kind in "iu":
        return given[0].to(torch.int64)
    if kind.kind == "b":
        return given[0].to(torch.bool)
    if kind.name in ("float16", "bfloat16", "float32", "float64"):
        return given[0].to(torch.float32)
    raise ValueError(f"a cast to {kind.name} is not read")


def _dropout(given: Given, _attrs: Attributes) -> Tensor:
    if len(given) > 2 and given[2] is not None and bool(given[2]):
        raise ValueError("training_mode is not read")
    return given[0]


def _softmax(given: Given, attrs: Attributes) -> Tensor:
    return F.softmax(given[0], attrs.get("axis", -1))


def _batch_norm(given: Given, attrs: Attributes) -> Tensor:
    x, scale, shift, mean, variance = given
    return F.batch_norm(x, mean, variance, scale, shift, eps=attrs.get("epsilon", 1e-5))


def _clip(given: Given, attrs: Attributes) -> Tensor:
    bounds = dict(zip(("min", "max"), given[1:], strict=False))
    low, high = (bounds.get(key) for key in ("min", "max"))
    return given[0].clamp(
        attrs.get("min", -math.inf) if low is None else float(low),
        attrs.get("max", math.inf) if high is None else float(high),
    )


def _lrn(given: Given, attrs: Attributes) -> Tensor:
    if attrs["size"] % 2 == 0:
        raise ValueError(f"size {attrs['size']}: only odd ones are read")
    alpha, beta = attrs.get("alpha", 1e-4), attrs.get("beta", 0.75)
    return F.local_response_norm(given[0], attrs["size"], alpha, beta, attrs.get("bias", 1.0))


def _filled(given: Given, attrs: Attributes) -> Tensor:
    value = attrs.get("value", torch.zeros(1))
    return torch.full(given[0].tolist(), value.item(), dtype=value.dtype)


def _shape(given: Given, attrs: Attributes) -> Tensor:
    return torch.tensor(list(given[0].shape)[attrs.get("start", 0) : attrs.get("end")])


def _gather(given: Given, attrs: Attributes) -> Tensor:
    axis, shape = attrs.get("axis", 0), tuple(given[0].shape)
    if -len(shape) <= axis < len(shape):  # numpy's result is not counted, so torch is asked for it
        rest = shape[axis + 1 :] if axis != -1 else ()
        torch.empty((*shape[:axis], *given[1].shape, *rest), dtype=given[0].dtype)
    taken = np.take(given[0].numpy(), given[1].numpy(), axis)
    return torch.from_numpy(np.asarray(taken))


def _slice(given: Given, _attrs: Attributes) -> Tensor:
    starts, ends = given[1].tolist(), given[2].tolist()
    axes, steps = (None if v is None else v.tolist() for v in (*given[3:], None, None)[:2])
    cuts = [slice(None)] * given[0].ndim
    for axis, start, end, step in zip(
        axes or range(len(starts)), starts, ends, steps or [1] * len(starts), strict=True
    ):
        cuts[axis] = slice(start, None if step < 0 and end < -(2**31) else end, step)
    return torch.from_numpy(given[0].numpy()[tuple(cuts)].copy())


def _divide(given: Given, _attrs: Attributes) -> Tensor:
    whole = not given[0].is_floating_point()
    return torch.div(given[0], given[1], rounding_mode="trunc" if whole else None)


def _sum(given: Given, _attrs: Attributes) -> Tensor:
    return sum(given[1:], given[0])


def _point(run: Run, **declared: Any) -> Operator:
    return Operator(role="point", run=run, **declared)


def _two(role: str, run: Run) -> Operator:
    return Operator(role=role, inputs=(2, 2), run=run)


_POOL = ("kernel_shape", "strides", "pads", "auto_pad", "ceil_mode")
_ANY = (1, 2**31)

OPERATORS: dict[str, Operator] = {
    "Relu": _point(lambda g, _: F.relu(g[0])),
    "LeakyRelu": _point(lambda g, a: F.leaky_relu(g[0], a.get("alpha", 0.01)), reads=("alpha",)),
    "PRelu": _point(lambda g, _: torch.where(g[0] < 0, g[0] * g[1], g[0]), inputs=(2, 2)),
    "Elu": _point(lambda g, a: F.elu(g[0], a.get("alpha", 1.0)), reads=("alpha",)),
    "Sigmoid": _point(lambda g, _: torch.sigmoid(g[0])),
    "HardSigmoid": _point(
        lambda g, a: (a.get("alpha", 0.2) * g[0] + a.get("beta", 0.5)).clamp(0, 1),
        reads=("alpha", "beta"),
    ),
    "HardSwish": _point(lambda g, _: g[0] * (g[0] / 6 + 0.5).clamp(0, 1)),
    "Tanh": _point(lambda g, _: torch.tanh(g[0])),
    "Clip": _point(_clip, inputs=(1, 3), reads=("min", "max")),
    "Softmax": _point(_softmax, reads=("axis",)),
    "LRN": _point(_lrn, reads=("size", "alpha", "beta", "bias")),
    "BatchNormalization": _point(
        _batch_norm, inputs=(5, 5), reads=("epsilon", "momentum"),
        only={"training_mode": 0, "spatial": 1},
    ),
    "Sub": _two("point", lambda g, _: g[0] - g[1]),
    "Div": _two("point", _divide),
    "Max": _two("point", lambda g, _: torch.maximum(*g)),
    "Min": _two("point", lambda g, _: torch.minimum(*g)),
    "Add": _two("add", lambda g, _: g[0] + g[1]),
    "Mul": _two("mul", lambda g, _: g[0] * g[1]),
    "Sum": Operator(role="add", inputs=_ANY, run=_sum),
    "Concat": Operator(
        role="concat", inputs=_ANY, reads=("axis",), run=lambda g, a: torch.cat(g, a["axis"])
    ),
    "Conv": Operator(
        role="conv", inputs=(2, 3),
        reads=("kernel_shape", "strides", "pads", "auto_pad", "dilations", "group"),
    ),
    "Gemm": Operator(
        role="gemm", inputs=(2, 3), reads=("alpha", "beta", "transA", "transB")
    ),
    "MatMul": Operator(role="matmul", inputs=(2, 2), run=lambda g, _: g[0] @ g[1]),
    "MaxPool": Operator(role="pool", reads=_POOL, only={"dilations": 1, "storage_order": 0}),
    "AveragePool": Operator(
        role="pool", reads=(*_POOL, "count_include_pad"), only={"dilations": 1}
    ),
    "GlobalAveragePool": Operator(role="whole"),
    "GlobalMaxPool": Operator(role="whole"),
    "ReduceMean": Operator(
        role="whole", inputs=(1, 2), reads=("axes", "keepdims"), only={"noop_with_empty_axes": 0}
    ),
    "Pad": Operator(
        role="pad", inputs=(1, 4), reads=("pads",), only={"mode": "constant", "value": 0}
    ),
    "Identity": Operator(role="view", run=lambda g, _: g[0]),
    "Dropout": Operator(role="view", inputs=(1, 3), run=_dropout),
    "Cast": Operator(role="view", reads=("to",), only={"saturate": 1}, run=_cast),
    "Flatten": Operator(role="view", reads=("axis",), run=_flatten),
    "Reshape": Operator(role="view", inputs=(2, 2), only={"allowzero": 0}, run=_reshape),
    "Transpose": Operator(role="view", reads=("perm",), run=_transpose),
    "Squeeze": Operator(role="view", inputs=(1, 2), reads=("axes",), run=_squeeze),
    "Unsqueeze": Operator(role="view", inputs=(1, 2), reads=("axes",), run=_unsqueeze),
    "Shape": Operator(role="shape", reads=("start", "end"), run=_shape),
    "ConstantOfShape": Operator(role="fold", reads=("value",), run=_filled),
    "Gather": Operator(role="fold", inputs=(2, 2), reads=("axis",), run=_gather),
    "Slice": Operator(role="fold", inputs=(3, 5), run=_slice),
}  # fmt: skip
