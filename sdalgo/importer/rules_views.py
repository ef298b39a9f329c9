"""Operators that move elements: views that cost nothing, joins, padding and copies."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from torch import Tensor

from sdalgo.importer.drawing import Drawing
from sdalgo.importer.places import (
    Place,
    Plane,
    around,
    channel_of,
    moved_channel,
    natural,
)
from sdalgo.importer.rules_cache import cache, is_cache
from sdalgo.importer.rules_cuts import Part, bounded, dimension, stretch
from sdalgo.importer.rules_post import pass_on, repeated
from sdalgo.importer.shaping import pad_edges
from sdalgo.importer.trace import Step, Value
from sdalgo.importer.windows import plus

_LOWEST = -1e30  # a maximum never takes a value at or below it


def view(step: Step, drawing: Drawing) -> None:
    """Another shape of the same elements, in whatever order."""
    value, out = step.maps[0], step.out
    place = drawing.place(value)
    if out.shape == value.shape:
        drawing.put(out, place)
        return
    if place.padded:
        place = drawing.settled(value)
    drawing.put(out, place.over(moved_channel(value.shape, out.shape, place.channel)))


def transpose(step: Step, drawing: Drawing) -> None:
    value = step.maps[0]
    place = drawing.settled(value) if drawing.place(value).padded else drawing.place(value)
    order = step.attrs.get("perm") or list(range(len(value.shape)))[::-1]
    channel = channel_of(value.shape, place)
    drawing.put(step.out, place.over(order.index(channel) if channel in order else None))


def repeat(step: Step, drawing: Drawing) -> None:
    """Expand and Tile write nothing until a reader needs every copy."""
    value, out = step.maps[0], step.out
    if prod(out.shape) == prod(value.shape):
        view(step, drawing)
        return
    place = drawing.settled(value) if drawing.place(value).padded else drawing.place(value)
    made = repeated(place, value, out)
    drawing.put(out, made if step.what == "Expand" else replace(made, narrow=None))


def pad(step: Step, drawing: Drawing) -> None:
    """Zeros around a plane wait for the window that takes them over; else they are written."""
    value = step.maps[0]
    shape, rank = value.shape, len(value.shape)
    edges = {a: e for a, e in pad_edges(step.tensors(), step.attrs, rank).items() if any(e)}
    if not edges:
        drawing.put(step.out, drawing.place(value))
        return
    place = drawing.place(value)
    if any(min(pair) < 0 for pair in edges.values()):
        _cropped(step, drawing, edges)
        return
    planes = set(edges) <= {rank - 2, rank - 1} if rank == 4 else set(edges) == {2} and rank == 3
    if planes and channel_of(shape, place) == 1 and _taken_over(step) and place.repeats == 1:
        (top, bottom), (left, right) = edges.get(rank - 2, (0, 0)), edges.get(rank - 1, (0, 0))
        if rank == 3:
            top = bottom = 0
        pads = plus(place.pads, (top, left, bottom, right))
        drawing.put(step.out, replace(place, pads=pads, narrow=None))
        return
    drawing.put(step.out, _grown(step, drawing, sorted(edges)))


def _taken_over(step: Step) -> bool:
    """Whether a window can pad by itself what a Pad writes."""
    value = step.constant(2)
    filler = 0.0 if value is None or not value.numel() else float(value.reshape(-1)[0])
    kinds = {reader.what for reader in step.out.readers}
    if step.attrs.get("mode", "constant") != "constant" or step.out.final:
        return False
    if filler == 0:
        return kinds <= {"Conv", "AveragePool", "MaxPool", "Pad", "QLinearConv", "ConvInteger"}
    return filler <= _LOWEST and kinds <= {"MaxPool"}


def _cropped(step: Step, drawing: Drawing, edges: dict[int, tuple[int, int]]) -> None:
    value = step.maps[0]
    place, shape = drawing.place(value), list(value.shape)
    for axis, (before, after) in edges.items():
        if max(before, after) > 0:
            raise ValueError(f"pads and crops axis {axis} at once")
        ends = (-before, shape[axis] + after)
        place = stretch(step.name, drawing, Part(value, tuple(shape), place), axis, ends)
        shape[axis] = ends[1] - ends[0]
    drawing.put(step.out, place)


def _grown(step: Step, drawing: Drawing, axes: list[int]) -> Place:
    """Padding that is written: a resize of the whole map."""
    value, out = step.maps[0], step.out
    channel = channel_of(value.shape, drawing.place(value))
    plane, made = natural(value.shape, channel), natural(out.shape, channel)
    if plane[0] != made[0]:
        if len(axes) > 1:
            raise ValueError(f"pads axes {axes}, channels and others at once")
        before, size, after = around(value.shape, axes[0])
        plane, made, channel = (before, size, after), (before, out.shape[axes[0]], after), -1
    inputs, plane = drawing.alone(value, plane)
    fields: dict[str, object] = {"out_size": list(made[1:])}
    if not inputs:
        fields |= {"in_channels": plane[0], "in_size": list(plane[1:])}
    name = drawing.layer(step.name, "resize", inputs, fields, made)
    return Place(source=name, plane=made, channel=None if channel < 0 else channel)


def concat(step: Step, drawing: Drawing) -> None:
    """Maps one after the other; a constant among them is read from DRAM."""
    if is_cache(step, drawing):
        cache(step, drawing)
        return
    given = [value for value in step.given if value is not None and 0 not in value.shape]
    maps = [value for value in given if value.is_map]
    if len(given) == 1:
        pass_on(given[0], step.out, drawing)
        return
    rank = len(step.out.shape)
    axis = step.attrs["axis"] % rank
    channel = _common_channel(maps, drawing, step.out.shape)
    key = dimension(step.out.shape, channel, axis)
    names: list[str] = []
    planes: list[Plane] = []
    for value in given:
        plane = around(value.shape, axis) if key is None else natural(value.shape, channel)
        whole = natural(step.out.shape, channel) if key is not None else plane
        if key is not None and any(plane[i] != whole[i] for i in range(3) if i != key):
            raise ValueError(f"joins {value.shape} to {step.out.shape} along axis {axis}")
        plane = bounded(plane)
        planes.append(plane)
        known = drawing.source(value, plane) if value.is_map else _table(step, drawing, plane)
        names.append(known)
    where = 1 if key is None else key
    total = sum(plane[where] for plane in planes)
    made: Plane = tuple(total if i == where else planes[0][i] for i in range(3))  # type: ignore[assignment]
    fields = {} if where == 0 else {"axis": ("channels", "rows", "columns")[where]}
    name = drawing.layer(step.name, "concat", tuple(names), fields, made)
    place = Place(source=name, plane=made, channel=channel if key is not None else None)
    drawing.put(step.out, place)


def _common_channel(maps: list[Value], drawing: Drawing, shape: tuple[int, ...]) -> int:
    known = [drawing.place(value) for value in maps]
    first = next((place for place in known if place.channel is not None), Place())
    return channel_of(shape, first)


def _table(step: Step, drawing: Drawing, plane: Plane) -> str:
    """A constant as rows of a table that are read."""
    tokens = plane[1] * plane[2]
    fields = {"rows": tokens, "out_channels": plane[0], "tokens": tokens}
    name = f"{step.name}.constant"
    made = drawing.layer(name, "embedding", (), fields, (plane[0], 1, tokens))
    return drawing.viewed(made, plane)


def constant_tensor(step: Step, index: int) -> Tensor:
    """A constant input that a rule cannot do without; ValueError where a map stands there."""
    found = step.constant(index)
    if found is None:
        raise ValueError(f"{step.what} by an operand {index} that the network computes")
    return found
