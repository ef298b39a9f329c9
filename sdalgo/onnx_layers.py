"""What an ONNX node becomes in a workload: a layer, or the map that it passes on.

One rule a role of `sdalgo.onnx_ops.Operator`. A rule raises ValueError for what no workload says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from torch import Tensor

from sdalgo import onnx_windows
from sdalgo.onnx_ops import Attributes, Operator, axes_of
from sdalgo.onnx_windows import Pads

UNPADDED: Pads = (0, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Value:
    """A tensor of the run.

    Attributes:
        source: the layer that gives it; "" for the network's input, None for a constant.
        pads: zeros around the plane that wait for a convolution or a pool to take them over.
    """

    tensor: Tensor
    source: str | None = None
    pads: Pads = UNPADDED

    @property
    def bare(self) -> Tensor:
        """The tensor without its padding."""
        top, left, bottom, right = self.pads
        if self.pads == UNPADDED:
            return self.tensor
        rows, columns = self.tensor.shape[2:]
        return self.tensor[:, :, top : rows - bottom, left : columns - right]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One node that is about to run, with what it is given (None: an input that is left out)."""

    kind: str
    operator: Operator
    attrs: Attributes
    given: list[Value | None]

    @property
    def maps(self) -> list[Value]:
        """What depends on the network's input."""
        return [value for value in self.given if value is not None and value.source is not None]

    def tensor(self, index: int) -> Tensor | None:
        value = self.given[index] if index < len(self.given) else None
        return None if value is None else value.tensor

    def first(self) -> Value:
        """The first input, which must be the only map, unpadded or not."""
        if len(self.maps) != 1 or self.given[0] is not self.maps[0]:
            raise ValueError(f"{self.kind}: only its first input may depend on the network's input")
        return self.maps[0]

    def run(self) -> Tensor:
        if self.operator.run is None:
            raise ValueError(f"{self.kind} of constants alone is not read")
        given = [None if value is None else value.tensor for value in self.given]
        return self.operator.run(cast("list[Tensor]", given), self.attrs)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a node gives: its output, and its layer where it is one.

    Attributes:
        value: the output; its source counts where there is no layer.
        op: of the layer; None where the node disappears.
        reads: the values that the layer reads, as it reads them.
        weight: (K, C/groups, R, S) or (K, C) of a layer that has one, and `input` what it reads.
    """

    value: Value
    op: str | None = None
    reads: list[Value] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    weight: Tensor | None = None
    input: Tensor | None = None


def fold(step: Step) -> Made:
    """Compute a constant."""
    if step.maps:
        raise ValueError(f"{step.kind} of a map: no workload layer stands for it")
    return Made(value=Value(tensor=step.run()))


def _shape(step: Step) -> Made:
    return Made(value=Value(tensor=step.run()))


def _point(step: Step) -> Made:
    if len(step.maps) > 1:
        raise ValueError(f"{step.kind} of two maps: no workload layer stands for it")
    source, out = step.maps[0], step.run()
    _unpadded(step)
    if out.shape != source.tensor.shape:
        raise ValueError(
            f"{step.kind} makes {tuple(out.shape)} of {tuple(source.tensor.shape)}; "
            "a map may not be broadcast"
        )
    return Made(value=Value(tensor=out, source=source.source))


def _view(step: Step) -> Made:
    source = step.first()
    _unpadded(step)
    out = step.run()
    if not out.is_floating_point():
        raise ValueError(f"{step.kind} of a map to whole numbers is not read")
    return Made(value=Value(tensor=out, source=source.source))


def _combine(op: str) -> Callable[[Step], Made]:
    def rule(step: Step) -> Made:
        if len(step.maps) == 1 and op != "concat":
            return _point(step)
        _unpadded(step)
        if op == "concat":
            _check_channels(step)
        if any(value.source == "" for value in step.maps):
            raise ValueError(
                f"{step.kind} reads the network's input, which no layer of a workload gives"
            )
        return Made(value=Value(tensor=step.run()), op=op, reads=step.maps)

    return rule


def _check_channels(step: Step) -> None:
    """A concatenation is one of channels: axis 1 of planes and vectors, the last of positions."""
    rank = step.maps[0].tensor.ndim
    if len(step.maps) < 2 or len(step.maps) < len(step.given):
        raise ValueError("Concat needs two maps, and no constant among them")
    if step.attrs["axis"] % rank != (2 if rank == 3 else 1):
        raise ValueError(f"Concat along axis {step.attrs['axis']}: only channels are joined")


def _conv(step: Step) -> Made:
    source = step.first()
    weight, x = step.tensor(1), source.tensor
    assert weight is not None
    out, pads = onnx_windows.convolution(x, weight, step.tensor(2), step.attrs)
    top, left, bottom, right = onnx_windows.plus(pads, source.pads)
    bare = source.bare
    fields = {
        "in_channels": bare.shape[1],
        "out_channels": weight.shape[0],
        "in_size": list(bare.shape[2:]),
        "kernel": list(weight.shape[2:]),
        "stride": list(step.attrs.get("strides", [1, 1])),
        "padding": [top, left] if (top, left) == (bottom, right) else [top, left, bottom, right],
        "dilation": list(step.attrs.get("dilations", [1, 1])),
        "groups": int(step.attrs.get("group", 1)),
    }
    return Made(
        value=Value(tensor=out), op="conv", reads=[source], fields=fields, weight=weight, input=bare
    )


def _gemm(step: Step) -> Made:
    """alpha * A' * B' + beta * C, B and C constants; alpha becomes part of the weight."""
    source, attrs = step.first(), step.attrs
    weight, bias = step.tensor(1), step.tensor(2)
    assert weight is not None
    x = source.tensor.T if attrs.get("transA", 0) else source.tensor
    weight = weight.T if attrs.get("transB", 0) else weight
    if attrs.get("alpha", 1.0) != 1:
        weight = weight * attrs["alpha"]
    out = x @ weight
    if bias is not None:
        out = out + (bias if attrs.get("beta", 1.0) == 1 else bias * attrs["beta"])
    return _linear(step, x, weight.T.contiguous(), out)


def _matmul(step: Step) -> Made:
    if len(step.maps) != 1:
        raise ValueError("MatMul of two maps: no workload layer stands for it")
    left, right = step.tensor(0), step.tensor(1)
    assert left is not None
    assert right is not None
    if step.given[0] is step.maps[0]:
        x, weight = left, right.T if right.ndim == 2 else right
    else:  # W X is the transpose of X' W'
        x, weight = right.transpose(-1, -2) if right.ndim > 1 else right, left
    return _linear(step, x, weight.contiguous(), step.run())


def _linear(step: Step, x: Tensor, weight: Tensor, out: Tensor) -> Made:
    """The layer of a weight (K, C) and rows of C channels, one a position."""
    _unpadded(step)
    if weight.ndim != 2:
        raise ValueError(f"{step.kind} by a constant {tuple(weight.shape)}: (K, C) is needed")
    positions = x.numel() // weight.shape[1]
    if out.numel() != positions * weight.shape[0]:
        raise ValueError(f"{step.kind} gives {tuple(out.shape)}; a map may not be broadcast")
    fields = {"in_channels": weight.shape[1], "out_channels": weight.shape[0]}
    rows = (1, positions, weight.shape[1]) if positions > 1 else (1, weight.shape[1])
    if positions > 1:
        fields["positions"] = positions
    return Made(
        value=Value(tensor=out), op="linear", reads=step.maps, fields=fields, weight=weight,
        input=x.reshape(rows),
    )  # fmt: skip


def _pool(step: Step) -> Made:
    source = step.first()
    out, pads = onnx_windows.pool(step.kind, source.tensor, step.attrs)
    fields = _plane(source.bare) | {
        "kind": "max" if step.kind == "MaxPool" else "avg",
        "kernel": list(step.attrs["kernel_shape"]),
        "stride": list(step.attrs.get("strides", [1, 1])),
        "padding": list(onnx_windows.plus(pads, source.pads)),
    }
    return Made(value=Value(tensor=out), op="pool", reads=[source], fields=fields)


def _whole(step: Step) -> Made:
    """A pool of the whole plane."""
    source, x, keep = step.first(), step.first().tensor, True
    _unpadded(step)
    if x.ndim != 4:
        raise ValueError(f"{step.kind} of a map {tuple(x.shape)}: only a plane is pooled")
    if step.kind == "ReduceMean":
        axes = axes_of(cast("list[Tensor]", [v and v.tensor for v in step.given]), step.attrs) or []
        keep = bool(step.attrs.get("keepdims", 1))
        if sorted(axis % 4 for axis in axes) != [2, 3]:
            raise ValueError(f"ReduceMean of axes {axes}: only the plane's mean is a pool")
    largest = step.kind == "GlobalMaxPool"
    out = x.amax((2, 3), keepdim=True) if largest else x.mean((2, 3), keepdim=keep)
    fields = {**_plane(x), "kind": "max" if largest else "avg", "global": True}
    return Made(value=Value(tensor=out), op="pool", reads=[source], fields=fields)


def _pad(step: Step) -> Made:
    """Zeros around a plane; the convolution or pool that follows takes them over."""
    source, x = step.first(), step.first().tensor
    amounts, value = step.tensor(1), step.tensor(2)
    axes = step.tensor(3)
    pads = step.attrs["pads"] if amounts is None else amounts.tolist()
    where = list(range(x.ndim)) if axes is None else [a % x.ndim for a in axes.tolist()]
    edges = dict.fromkeys(range(x.ndim), (0, 0))
    edges |= {a: (pads[i], pads[i + len(where)]) for i, a in enumerate(where)}
    plane = {2: edges.pop(2), 3: edges.pop(3)} if x.ndim == 4 else {}
    if any(map(any, edges.values())) or any(min(pair) < 0 for pair in plane.values()):
        raise ValueError(f"Pad by {pads}: only a plane is padded, and never cropped")
    if value is not None and value.item() != 0:
        raise ValueError(f"Pad with {value.item():g}: only zeros are read")
    if not plane:
        return Made(value=source)
    (top, bottom), (left, right) = plane[2], plane[3]
    added = (top, left, bottom, right)
    out = onnx_windows.padded(x, added)
    return Made(
        value=Value(tensor=out, source=source.source, pads=onnx_windows.plus(source.pads, added))
    )


def _plane(x: Tensor) -> dict[str, Any]:
    return {"in_channels": x.shape[1], "in_size": list(x.shape[2:])}


def _unpadded(step: Step) -> None:
    if any(value.pads != UNPADDED for value in step.maps):
        raise ValueError(
            f"{step.kind} of a padded map: only a convolution or pool may follow a Pad"
        )


ROLES: dict[str, Callable[[Step], Made]] = {
    "point": _point, "view": _view, "fold": fold, "shape": _shape, "add": _combine("add"),
    "mul": _combine("mul"), "concat": _combine("concat"), "conv": _conv, "gemm": _gemm,
    "matmul": _matmul, "pool": _pool, "whole": _whole, "pad": _pad,
}  # fmt: skip
