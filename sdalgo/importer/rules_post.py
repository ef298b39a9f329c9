"""Layers of the post-processor: arithmetic between maps, functions of them, norms and pools."""

from __future__ import annotations

from math import prod
from typing import Any

from sdalgo.importer.drawing import Drawing
from sdalgo.importer.places import (
    Place,
    Plane,
    around,
    channel_of,
    natural,
    shared_planes,
)
from sdalgo.importer.reducing import reduced_axes
from sdalgo.importer.resizing import resized_shape
from sdalgo.importer.trace import Step, Value
from sdalgo.importer.windows import plane_attrs, plane_shape, plus, pool_pads


def disappear(step: Step, drawing: Drawing) -> None:
    """A function of one map on the way out of its layer; a constant beside it may repeat it."""
    if len(step.maps) > 1 and len(set(step.maps)) > 1:
        combine(step, drawing)
        return
    pass_on(step.maps[0], step.out, drawing)


def pass_on(value: Value, out: Value, drawing: Drawing) -> None:
    """The map lies where it lay, repeated where arithmetic with a constant made it larger."""
    place = drawing.place(value)
    if out.shape == value.shape:
        drawing.put(out, place)
        return
    if place.padded:
        place = drawing.settled(value)
    drawing.put(out, repeated(place, value, out))


def repeated(place: Place, value: Value, out: Value) -> Place:
    """Where a map lies that is broadcast to a larger shape, or to more axes."""
    lead = len(out.shape) - len(value.shape)
    channel = None if place.channel is None else place.channel + lead
    narrow = place.narrow or value.shape
    return Place(
        source=place.source, plane=place.plane, channel=channel,
        repeats=place.repeats * prod(out.shape) // max(1, prod(value.shape)),
        narrow=(1,) * (len(out.shape) - len(narrow)) + narrow,
    )  # fmt: skip


def unary(
    step: Step, drawing: Drawing, op: str, fields: dict[str, Any] | None = None,
    value: Value | None = None,
) -> None:  # fmt: skip
    """A layer that gives the plane it reads."""
    value = value or step.maps[0]
    inputs, plane = drawing.alone(value)
    known = dict(fields or {})
    if not inputs:
        known |= {"in_channels": plane[0], "in_size": list(plane[1:])}
    name = drawing.layer(step.name, op, inputs, known, plane)
    channel = drawing.place(value).channel
    drawing.put(step.out, Place(source=name, plane=plane, channel=channel))


def elementwise(step: Step, drawing: Drawing) -> None:
    """Arithmetic that a workload has no name for: its function is said."""
    function = step.kind.function or step.what.lower()
    if len(step.maps) == 1 and step.out.shape == step.maps[0].shape:
        unary(step, drawing, "elementwise", {"function": function})
    else:
        _arithmetic(step, drawing, "elementwise", {"function": function})


def combine(step: Step, drawing: Drawing) -> None:
    """Add, Mul and the like: with constants they disappear, between maps they are layers."""
    if len(step.maps) == 1:
        if step.what == "Div" and step.given[0] is not step.maps[0]:
            elementwise(step, drawing)
        else:
            pass_on(step.maps[0], step.out, drawing)
        return
    op = {"add": "add", "mean": "add", "mul": "mul"}.get(step.kind.function, "elementwise")
    said = step.kind.function or step.what.lower()
    fields = {"function": said} if op == "elementwise" else {}
    _arithmetic(step, drawing, op, fields)


def where(step: Step, drawing: Drawing) -> None:
    """A mask that is known disappears; one that the network computes is arithmetic."""
    chosen = [value for value in step.given[1:] if value is not None and value.is_map]
    if len(chosen) == 1 and len(step.maps) == 1:
        pass_on(chosen[0], step.out, drawing)
    else:
        _arithmetic(step, drawing, "elementwise", {"function": "where"})


def _arithmetic(step: Step, drawing: Drawing, op: str, fields: dict[str, Any]) -> None:
    maps = step.maps
    out = step.out
    planes, channel = _planes(maps, out, drawing)
    names = tuple(
        drawing.viewed(_base(v, drawing), p) if p else drawing.source(v)
        for v, p in zip(maps, planes, strict=True)
    )
    given = [drawing.plane(name) for name in names]
    plane = (max(p[0] for p in given), max(p[1] for p in given), max(p[2] for p in given))
    name = drawing.layer(step.name, op, names, fields, plane)
    repeats = prod(out.shape) // prod(plane)
    drawing.put(out, Place(source=name, plane=plane, channel=channel, repeats=repeats))


def _base(value: Value, drawing: Drawing) -> str:
    """The layer of a value before it is repeated, where its reader broadcasts."""
    place = drawing.place(value)
    if place.narrow is not None and place.source and not place.padded:
        return place.source
    return drawing.source(value)


def _narrow(value: Value, drawing: Drawing) -> tuple[int, ...]:
    place = drawing.place(value)
    return place.narrow if place.narrow is not None and place.source else value.shape


def _planes(
    maps: list[Value], out: Value, drawing: Drawing
) -> tuple[list[Plane | None], int | None]:
    """The plane in which each operand is read (None: as it lies), and the axis of channels."""
    shapes = [_narrow(value, drawing) for value in maps]
    wide = max(maps, key=lambda value: prod(value.shape))
    place = drawing.place(wide)
    lead = len(out.shape) - len(wide.shape)
    channel = None if place.channel is None else place.channel + lead
    if all(shape == shapes[0] for shape in shapes):
        source = next((drawing.settled(v) for v in maps if drawing.settled(v).source), None)
        plane = source.plane if source else None
        return [plane or natural(out.shape, channel_of(out.shape, place))] * len(maps), channel
    axis = channel_of(out.shape, Place(channel=channel))
    aligned = [(1,) * (len(out.shape) - len(shape)) + shape for shape in shapes]
    whole = natural(out.shape, axis)
    read = [natural(shape, axis) for shape in aligned]
    if all(_fits(plane, whole) for plane in read):
        return list(read), channel
    if len({prod(shape) for shape in shapes}) == 1 and prod(shapes[0]) == prod(out.shape):
        return [whole] * len(maps), channel
    shared = shared_planes(aligned, out.shape)
    if shared is None:
        raise ValueError(f"broadcasts {' and '.join(map(str, shapes))}: no planes say so")
    return list(shared), None


def _fits(plane: Plane, whole: Plane) -> bool:
    return all(size in (1, full) for size, full in zip(plane, whole, strict=True))


def softmax(step: Step, drawing: Drawing) -> None:
    unary(step, drawing, "softmax", {"row": step.out.shape[step.attrs.get("axis", -1)]})


def layer_norm(step: Step, drawing: Drawing) -> None:
    """Layer, instance, group and mean-variance normalisation, each with its row."""
    shape = step.out.shape
    row = prod(shape[step.attrs.get("axis", -1) :])
    if step.what == "InstanceNormalization":
        row = prod(shape[2:])
    elif step.what == "GroupNormalization":
        row = prod(shape[1:]) // step.attrs["num_groups"]
    elif step.what == "MeanVarianceNormalization":
        row = prod(shape[axis] for axis in step.attrs.get("axes", [0, 2, 3]))
    unary(step, drawing, "layernorm", {"row": row})


def rms_norm(step: Step, drawing: Drawing) -> None:
    axis = step.attrs.get("axis", -1)
    shape = step.out.shape
    row = shape[axis] if step.what == "LpNormalization" else prod(shape[axis:])
    unary(step, drawing, "rmsnorm", {"row": row})


def reduce(step: Step, drawing: Drawing) -> None:
    """A pool over the axes that go, whatever it computes of them."""
    value = step.maps[0]
    rank = len(value.shape)
    if "Arg" in step.what:
        axes = [step.attrs.get("axis", 0) % rank]
    else:
        axes = reduced_axes(step.tensors(), step.attrs, rank)
    kind = "max" if step.what in ("ReduceMax", "ReduceMin", "ArgMax", "ArgMin") else "avg"
    if prod(value.shape[axis] for axis in axes) == 1:
        drawing.put(step.out, drawing.place(value).over(None))
        return
    if step.what not in ("ReduceMean", "ReduceMax"):
        drawing.note(f"{step.what} as a pool ({kind})")
    keep = bool(step.attrs.get("keepdims", 1))
    _pool_axes(step, drawing, axes, kind, keep=keep)


def _pool_axes(step: Step, drawing: Drawing, axes: list[int], kind: str, *, keep: bool) -> None:
    value = step.maps[0]
    channel = channel_of(value.shape, drawing.place(value))
    large = [axis for axis, size in enumerate(value.shape) if size > 1]
    kept = prod(size for axis, size in enumerate(value.shape) if axis not in axes)
    fields: dict[str, Any] = {"kind": kind, "global": True}
    rest: int | None = None
    if set(large) - {channel} <= set(axes) and channel not in axes:
        plane, out = natural(value.shape, channel), (value.shape[channel], 1, 1)
        rest = channel if keep else channel - sum(axis < channel for axis in axes)
    elif axes == list(range(axes[0], axes[-1] + 1)) and prod(value.shape[axes[-1] + 1 :]) > 1:
        before, after = prod(value.shape[: axes[0]]), prod(value.shape[axes[-1] + 1 :])
        size = prod(value.shape[axis] for axis in axes)
        plane, out = (before, size, after), (before, 1, after)
        fields = {"kind": kind, "kernel": [size, 1], "stride": [1, 1]}
    else:
        plane, out = (kept, 1, prod(value.shape) // kept), (kept, 1, 1)
    inputs, plane = drawing.alone(value, plane)
    fields |= {"in_channels": plane[0], "in_size": list(plane[1:])}
    name = drawing.layer(step.name, "pool", inputs, fields, out)
    drawing.put(step.out, Place(source=name, plane=out, channel=rest))


def whole(step: Step, drawing: Drawing) -> None:
    """A pool of the whole plane."""
    value = step.maps[0]
    axes = list(range(2, len(value.shape)))
    kind = "max" if step.what == "GlobalMaxPool" else "avg"
    drawing.put(value, _first_channel(drawing.place(value)))
    _pool_axes(step, drawing, axes, kind, keep=True)


def _first_channel(place: Place) -> Place:
    """The operator itself says that channels lie along axis 1."""
    return Place(
        source=place.source, plane=place.plane, channel=1, pads=place.pads, repeats=place.repeats
    )


def pool(step: Step, drawing: Drawing) -> None:
    value = step.maps[0]
    attrs = plane_attrs(step.attrs, len(value.shape))
    shape, out = plane_shape(value.shape), plane_shape(step.out.shape)
    place = drawing.place(value)
    top, left, bottom, right = place.pads
    plane = (shape[0] * shape[1], shape[2] - top - bottom, shape[3] - left - right)
    inputs: tuple[str, ...] = ()
    if place.padded and place.source:
        inputs = (drawing.viewed(place.source, plane),)
    elif not place.padded:
        inputs, plane = drawing.alone(value, plane)
    fields = {
        "in_channels": plane[0], "in_size": list(plane[1:]),
        "kind": "max" if step.what == "MaxPool" else "avg",
        "kernel": list(attrs["kernel_shape"]), "stride": list(attrs.get("strides", [1, 1])),
        "padding": list(plus(pool_pads(shape[2:], attrs), place.pads)),
    }  # fmt: skip
    made = (plane[0], out[2], out[3])
    name = drawing.layer(step.name, "pool", inputs, fields, made)
    drawing.put(step.out, Place(source=name, plane=made, channel=1))


def resize(step: Step, drawing: Drawing) -> None:
    """Another size of a plane; a size that stays is nothing."""
    value = step.maps[0]
    shape, out = value.shape, step.out.shape
    resized_shape(step.tensors(), step.attrs)
    changed = [axis for axis, size in enumerate(shape) if out[axis] != size]
    if not changed:
        drawing.put(step.out, drawing.place(value))
        return
    channel: int | None = len(shape) - 1 if 1 in changed else 1  # as the operator is mostly used
    assert channel is not None
    if channel not in changed and len(shape) - (shape[0] == 1) <= 3:
        plane, made = natural(shape, channel), natural(out, channel)
    elif len(changed) == 1:
        (axis,) = changed
        before, size, after = around(shape, axis)
        plane, made, channel = (before, size, after), (before, out[axis], after), None
    else:
        raise ValueError(f"{shape} to {out}: only the plane of one sample is resized")
    inputs, plane = drawing.alone(value, plane)
    fields: dict[str, Any] = {"out_size": list(made[1:])}
    if not inputs:
        fields |= {"in_channels": plane[0], "in_size": list(plane[1:])}
    name = drawing.layer(step.name, "resize", inputs, fields, made)
    drawing.put(step.out, Place(source=name, plane=made, channel=channel))
