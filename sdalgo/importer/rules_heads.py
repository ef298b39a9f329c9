"""Products in which each head has a matrix of its own."""

from __future__ import annotations

from math import prod

from torch import Tensor

from sdalgo.importer.drawing import Drawing
from sdalgo.importer.places import Place
from sdalgo.importer.shaping import broadcast_shape
from sdalgo.importer.trace import Step, Value


def shared_last(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """(heads, M, K) and (key-value heads, K, N): heads that share a second matrix follow each
    other."""
    lead = a.shape[:-2]
    own = (1,) * (len(lead) - b.ndim + 2) + tuple(b.shape[:-2])
    kept = [i for i, size in enumerate(own) if size == lead[i]]
    shared = [i for i in range(len(lead)) if i not in kept]
    order = [*kept, *shared, len(lead), len(lead) + 1]
    heads = a.permute(order).reshape(-1, *a.shape[-2:])
    return heads, b.reshape(-1, *b.shape[-2:])


def by_heads(step: Step, drawing: Drawing, value: Value, x: Tensor, weight: Tensor) -> None:
    """A map (heads..., M, K) by a constant (heads..., K, N): a 1x1 convolution with a group for
    each matrix, over a plane of 1 x M."""
    lead = broadcast_shape(x.shape[:-2], weight.shape[:-2])
    if prod(x.shape[:-2]) < prod(lead):
        raise ValueError(f"{step.what} of a map {tuple(x.shape)} that each of {lead} reads")
    rows, matrices = shared_last(x, weight)
    groups, inner, columns = matrices.shape
    rows = rows.reshape(groups, -1, inner)
    plane = (groups * columns, 1, rows.shape[1])
    fields = {
        "in_channels": groups * inner, "out_channels": plane[0], "in_size": list(plane[1:]),
        "kernel": [1, 1], "groups": groups,
    }  # fmt: skip
    read = (groups * inner, *plane[1:])
    inputs = (drawing.source(value, read),) if drawing.place(value).source else ()
    name = drawing.layer(step.name, "conv", inputs, fields, plane)
    filters = matrices.transpose(1, 2).reshape(plane[0], inner, 1, 1)
    drawing.hold(name, filters, rows.transpose(1, 2).reshape(1, *read))
    drawing.put(step.out, Place(source=name, plane=plane, channel=len(step.out.shape) - 1))
