"""Convolutions and recurrent operators: layers whose weights are constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdalgo.importer import recurrent
from sdalgo.importer.drawing import Drawing, as_planes, bare
from sdalgo.importer.places import OUTSIDE, Place, Plane
from sdalgo.importer.quantised import whole
from sdalgo.importer.rules_views import constant_tensor
from sdalgo.importer.trace import Step, Value
from sdalgo.importer.windows import (
    padding,
    plane_attrs,
    plane_shape,
    plus,
    transposed_pads,
)

Whole = NDArray[np.integer[Any]]


def conv(step: Step, drawing: Drawing) -> None:
    """A convolution by a constant kernel; ConvInteger has zero points beside it."""
    weight = constant_tensor(step, 1)
    x, kept = step.maps[0] if step.maps else step.given[0], step.kept[0]
    assert x is not None
    if step.what == "ConvInteger":
        kept = whole(kept, step.constant(2))
        weight = whole(weight, step.constant(3), 0)
        ints = (fitting_bytes(kept), fitting_bytes(weight))
    else:
        ints = (stored_input(x, kept), stored_weight(step.given[1]))
    name = _conv(step, drawing, x, weight, kept)
    _store(drawing, name, ints)


def quantised_conv(step: Step, drawing: Drawing) -> None:
    """QLinearConv: its whole numbers are what the layer holds."""
    _x, x_scale, x_zero, weight, scale, zero = (step.constant(i) for i in range(6))
    if weight is None or scale is None or x_scale is None:
        raise ValueError("QLinearConv by a kernel or scales that the network computes")
    numbers = whole(weight, zero, 0)
    given = whole(step.kept[0], x_zero)
    sizes = [-1] + [1] * (numbers.ndim - 1)
    real = numbers * (scale.reshape(sizes) if scale.numel() > 1 else scale)
    value = step.given[0]
    assert value is not None
    name = _conv(step, drawing, value, real, given * x_scale)
    _store(drawing, name, (fitting_bytes(given), fitting_bytes(numbers)))


def _store(drawing: Drawing, name: str, ints: tuple[Whole | None, Whole | None]) -> None:
    shapes = (drawing.inputs[name].shape, drawing.weights[name].shape)
    for what, held, shape in zip(("input", "weight"), ints, shapes, strict=True):
        if held is not None and held.size == np.prod(shape):
            drawing.stored.setdefault(name, {})[what] = held.reshape(shape)


def _conv(step: Step, drawing: Drawing, x: Value, weight: Tensor, kept: Tensor) -> str:
    rank = len(x.shape)
    attrs = plane_attrs(step.attrs, rank)
    shape, kernel = plane_shape(x.shape), plane_shape(weight.shape)
    place = drawing.place(x)
    pads = plus(padding(shape[2:], kernel[2:], attrs), place.pads)
    planes = bare(as_planes(kept, rank), place)
    stride = list(attrs.get("strides", [1, 1]))
    groups = int(attrs.get("group", 1))
    if shape[0] > 1:
        planes = _as_one(planes, [*kernel[2:], *stride, *(1 + p for p in pads)], shape[0])
    plane: Plane = (planes.shape[1], planes.shape[2], planes.shape[3])
    fields = {
        "in_channels": plane[0], "out_channels": kernel[0], "in_size": list(plane[1:]),
        "kernel": list(kernel[2:]), "stride": stride, "padding": _padding(pads),
        "dilation": list(attrs.get("dilations", [1, 1])), "groups": groups,
    }  # fmt: skip
    out = plane_shape(step.out.shape)
    made: Plane = (out[1], *((out[2], out[3]) if shape[0] == 1 else plane[1:]))
    name = drawing.layer(step.name, "conv", _padded_source(drawing, x, plane), fields, made)
    drawing.hold(name, weight.reshape(kernel), planes)
    drawing.put(step.out, Place(source=name, plane=made, channel=1))
    return name


def _padded_source(drawing: Drawing, x: Value, plane: Plane) -> tuple[str, ...]:
    """Who gives a plane whose padding the reader takes over."""
    place = drawing.place(x)
    if place.padded:
        return (drawing.viewed(place.source, plane),) if place.source else ()
    return drawing.alone(x, plane)[0]


def _as_one(planes: Tensor, ones: list[int], samples: int) -> Tensor:
    """Samples under each other: a kernel of one value does not look beyond its own."""
    if any(number != 1 for number in ones):
        raise ValueError(f"a convolution of {samples} samples at once")
    n, c, h, w = planes.shape
    return planes.permute(1, 0, 2, 3).reshape(1, c, n, h * w)


def _padding(pads: tuple[int, int, int, int]) -> list[int]:
    return list(pads[:2]) if pads[:2] == pads[2:] else list(pads)


def deconv(step: Step, drawing: Drawing) -> None:
    """A transposed convolution; its tensors are those of the convolution of its sub-kernels."""
    weight, x = constant_tensor(step, 1), step.given[0]
    assert x is not None
    rank = len(x.shape)
    attrs = plane_attrs(step.attrs, rank)
    shape, kernel = plane_shape(x.shape), plane_shape(weight.shape)
    if shape[0] > 1 or any(rate != 1 for rate in attrs.get("dilations", [1, 1])):
        raise ValueError("a transposed convolution that is dilated, or of several samples")
    planes = as_planes(step.kept[0], rank)
    plane: Plane = (planes.shape[1], planes.shape[2], planes.shape[3])
    stride, groups = list(attrs.get("strides", [1, 1])), int(attrs.get("group", 1))
    pads = transposed_pads(shape[2:], kernel[2:], attrs)
    made = plane_shape(step.out.shape)[1:]
    fields = {
        "in_channels": plane[0], "out_channels": made[0], "in_size": list(plane[1:]),
        "kernel": list(kernel[2:]), "stride": stride, "padding": _padding(pads),
        "output_padding": list(attrs.get("output_padding", [0, 0])), "groups": groups,
    }  # fmt: skip
    if min(pads) < 0:
        raise ValueError(f"pads {pads}: an output larger than its kernel reaches is not read")
    inputs = drawing.alone(x, plane)[0]
    out: Plane = (made[0], made[1], made[2])
    name = drawing.layer(step.name, "deconv", inputs, fields, out)
    drawing.hold(name, sub_kernels(weight.reshape(kernel), stride, groups), planes)
    drawing.put(step.out, Place(source=name, plane=out, channel=1))


def sub_kernels(weight: Tensor, stride: list[int], groups: int) -> Tensor:
    """(C, K/groups, R, S) of a transposed convolution as (K * s * s, C/groups, R/s, S/s): a filter
    for each output channel and phase, its taps turned round, missing ones zero."""
    c, k, r, s = weight.shape
    rows, columns = (-(-size // step) for size, step in zip((r, s), stride, strict=True))
    full = weight.new_zeros(c, k, rows * stride[0], columns * stride[1])
    full[:, :, :r, :s] = weight
    taps = full.reshape(groups, c // groups, k, rows, stride[0], columns, stride[1])
    taps = taps.permute(0, 2, 4, 6, 1, 3, 5).flip(5, 6)
    return taps.reshape(groups * k * stride[0] * stride[1], c // groups, rows, columns)


def recur(step: Step, drawing: Drawing) -> None:
    """Two linear layers for each direction, of the inputs and of the state before each step; the
    gates between them have no name in a workload, so that what follows is fed from outside."""
    tensors: Any = [v and v.tensor for v in step.given]
    for index, kept in step.kept.items():
        tensors[index] = kept
    if any(tensors[i] is None for i in (1, 2)) or (step.maps[1:] and _weights_computed(step)):
        raise ValueError(f"{step.what} with weights that the network computes")
    value = step.given[0]
    assert value is not None
    kind, tensors = recurrent.plain(step.what, tensors)
    x = recurrent.steps_first(tensors[0], step.attrs)
    for index, each in enumerate(recurrent.directions(tensors, step.attrs, kind)):
        _, before, _ = recurrent.run(kind, x, each)
        back = "_reverse" if index else ""
        source = drawing.read(value) if drawing.place(value).source else ()
        for part, weight, given, inputs in (
            ("ih", each.weight, x, source), ("hh", each.back, before, ()),
        ):  # fmt: skip
            rows = given.reshape(-1, weight.shape[1])
            fields = {"in_channels": weight.shape[1], "out_channels": weight.shape[0]}
            if len(rows) > 1:
                fields["positions"] = len(rows)
            name = f"{step.name}.weight_{part}{back}"
            name = drawing.layer(name, "linear", inputs, fields, (weight.shape[0], 1, len(rows)))
            drawing.hold(name, weight, rows if len(rows) == 1 else rows.unsqueeze(0))
    drawing.note(f"{kind}: its gates are left out, as of every recurrent layer")
    for made in step.made:
        drawing.put(made, OUTSIDE)


def _weights_computed(step: Step) -> bool:
    return any(value is not None and value.is_map for value in step.given[1:4])


def stored_weight(value: Value | None) -> Whole | None:
    """Whole numbers of a constant that was dequantised; None for any other."""
    step = value.step if value is not None else None
    if step is None or step.what != "DequantizeLinear" or step.maps:
        return None
    numbers, zero = step.constant(0), step.constant(2)
    return (
        None if numbers is None else fitting_bytes(whole(numbers, zero, step.attrs.get("axis", 1)))
    )


def stored_input(value: Value, kept: Tensor) -> Whole | None:
    """Whole numbers of a map that was quantised with one scale; None for any other."""
    step = value.step
    if step is None or step.what != "DequantizeLinear" or not step.maps:
        return None
    scale = step.constant(1)
    if scale is None or scale.numel() != 1:
        return None
    return fitting_bytes(torch.round(kept / scale.reshape(())))


def fitting_bytes(numbers: Tensor) -> Whole | None:
    """Whole numbers as bytes with or without a sign; None where they fit neither."""
    if not numbers.numel():
        return None
    low, high = float(numbers.min()), float(numbers.max())
    if low >= -127 and high <= 127:
        return np.asarray(numbers.numpy().astype(np.int8))
    return np.asarray(numbers.numpy().astype(np.uint8)) if low >= 0 and high <= 255 else None
