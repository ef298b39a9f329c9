"""Operators that take a part of a map: stretches are views, what is picked one by one moves."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from sdalgo.importer.constants import top_count
from sdalgo.importer.drawing import Drawing, factored
from sdalgo.importer.places import (
    OUTSIDE,
    Place,
    Plane,
    around,
    channel_of,
    moved_channel,
    natural,
)
from sdalgo.importer.rules_post import unary
from sdalgo.importer.shaping import cuts, split_sizes
from sdalgo.importer.trace import Step, Value


def cut(step: Step, drawing: Drawing) -> None:
    """A stretch of one axis or more; what a step leaves out is not read."""
    value = step.maps[0]
    place, shape = drawing.place(value), list(value.shape)
    for axis, start, end, stride in cuts(step.tensors(), len(shape)):
        chosen = range(shape[axis])[start:end:stride]
        if len(chosen) == shape[axis]:
            continue
        first = min(chosen) if stride == 1 else 0
        place = stretch(step.name, drawing, Part(value, tuple(shape), place), axis, (
            first, first + len(chosen)))  # fmt: skip
        shape[axis] = len(chosen)
    drawing.put(step.out, place)


def split(step: Step, drawing: Drawing) -> None:
    value = step.maps[0]
    axis, start = step.attrs.get("axis", 0) % len(value.shape), 0
    sizes = split_sizes(step.tensors(), step.attrs, len(step.made))
    for index, (made, size) in enumerate(zip(step.made, sizes, strict=False)):
        if made is not None and size < value.shape[axis]:
            part = Part(value, value.shape, drawing.place(value))
            ends = (start, start + size)
            drawing.put(made, stretch(f"{step.name}.{index}", drawing, part, axis, ends))
        elif made is not None:
            drawing.put(made, drawing.place(value))
        start += size


class Part:
    """A value, or what is left of it after cuts along other axes."""

    def __init__(self, value: Value, shape: tuple[int, ...], place: Place) -> None:
        self.value, self.shape, self.place = value, shape, place


def stretch(name: str, drawing: Drawing, part: Part, axis: int, ends: tuple[int, int]) -> Place:
    """The entries start..stop of an axis, as a slice of channels, rows or columns."""
    place, shape = part.place, part.shape
    if place.repeats > 1 or place.padded:
        if place.narrow is not None and place.narrow[axis] == 1:  # the copies are cut, not they
            less = ends[1] - ends[0]
            return replace(place, repeats=place.repeats // shape[axis] * less)
        place = drawing.settled(part.value)
        if shape != part.value.shape:
            raise ValueError("cuts a repeated map twice")
    if not place.source:
        return OUTSIDE.over(place.channel)
    channel = channel_of(shape, place)
    plane = natural(shape, channel)
    key = dimension(shape, channel, axis)
    if key is None:
        plane, key = around(shape, axis), 1
        channel = -1
    source = drawing.viewed(place.source, bounded(plane))
    length = ends[1] - ends[0]
    made: Plane = (
        length if key == 0 else plane[0],
        length if key == 1 else plane[1],
        length if key == 2 else plane[2],
    )
    fields = {("channels", "rows", "columns")[key]: list(ends)}
    unique = drawing.layer(name, "slice", (source,), fields, made)
    return Place(source=unique, plane=made, channel=None if channel < 0 else channel)


def bounded(plane: Plane) -> Plane:
    """The plane; ValueError where a workload has no such plane."""
    if max(plane[1:]) > 65_536 or plane[0] > 2**20:
        raise ValueError(f"a map as {plane}: more rows or columns than a workload may have")
    return plane


def dimension(shape: tuple[int, ...], channel: int, axis: int) -> int | None:
    """Which dimension of the natural plane an axis is, alone; None where it shares it."""
    if axis == channel:
        return 0
    rest = [i for i in range(len(shape)) if i != channel]
    if rest and shape[rest[0]] == 1 and (channel != 0 or len(rest) > 2):
        rest = rest[1:]
    if len(rest) == 2 and axis in rest:
        return 1 + rest.index(axis)
    return 2 if rest == [axis] else None


def gather(step: Step, drawing: Drawing) -> None:
    """Rows of a constant table are read from DRAM; of a map a stretch is a view, the rest moves."""
    table, index = step.given[0], step.given[1]
    assert table is not None
    assert index is not None
    axis = step.attrs.get("axis", 0) % max(1, len(table.shape))
    if not table.is_map:
        _embedding(step, drawing, table, prod(index.shape), axis)
        return
    chosen = None if index.is_map else [i % table.shape[axis] for i in _listed(index)]
    if chosen and chosen == list(range(chosen[0], chosen[0] + len(chosen))):
        part = Part(table, table.shape, drawing.place(table))
        place = part.place
        if len(chosen) < table.shape[axis]:
            ends = (chosen[0], chosen[0] + len(chosen))
            place = stretch(step.name, drawing, part, axis, ends)
        cut_shape = (*table.shape[:axis], len(chosen), *table.shape[axis + 1 :])
        moved = moved_channel(cut_shape, step.out.shape, place.channel)
        drawing.put(step.out, place.over(moved))
        return
    _copied(step, table, drawing)


def _listed(index: Value) -> list[int]:
    return [int(i) for i in index.known.reshape(-1).tolist()]


def _embedding(step: Step, drawing: Drawing, table: Value, tokens: int, axis: int) -> None:
    before, rows, width = around(table.shape, axis)
    if tokens < 1 or before != 1:
        raise ValueError(f"reads {tokens} rows along axis {axis} of a table {table.shape}")
    fields = {"rows": rows, "out_channels": width, "tokens": tokens}
    plane = (width, 1, tokens)
    name = drawing.layer(step.name, "embedding", (), fields, plane)
    rank = len(step.out.shape)
    drawing.put(step.out, Place(source=name, plane=plane, channel=max(0, rank - 1)))


def moved(step: Step, drawing: Drawing) -> None:
    """Elements that are picked one by one: they are read and written."""
    if step.given[0] is not None and step.given[0].is_map:
        _copied(step, step.given[0], drawing)
    else:
        raise ValueError("picks from a constant by what the network computes")


def _copied(step: Step, value: Value, drawing: Drawing) -> None:
    """So many elements of a map, copied; more than there are, repeated."""
    wanted, held = prod(step.out.shape), prod(value.shape)
    inputs, plane = drawing.alone(value)
    if not inputs:
        drawing.put(step.out, OUTSIDE)
        return
    drawing.note(f"{step.what} as a copy of as many values")
    if wanted < held:
        flat = factored(held)
        unit = held // flat[0]
        if wanted % unit or wanted < unit:
            raise ValueError(f"picks {wanted} of {held} values")
        source = drawing.viewed(inputs[0], flat)
        made = (wanted // unit, flat[1], flat[2])
        fields = {"channels": [0, made[0]], "copy": True}
        name = drawing.layer(step.name, "slice", (source,), fields, made)
    else:
        fields = {"out_channels": plane[0], "out_size": list(plane[1:]), "copy": True}
        name, made = drawing.layer(step.name, "reshape", inputs, fields, plane), plane
    if wanted > held and wanted % held:
        raise ValueError(f"picks {wanted} of {held} values")
    drawing.put(step.out, Place(source=name, plane=made, repeats=max(1, wanted // held)))


def top(step: Step, drawing: Drawing) -> None:
    """The largest of a row: one step an element, then a stretch of the result."""
    unary(step, drawing, "elementwise", {"function": "topk"})
    value, axis = step.maps[0], step.attrs.get("axis", -1) % len(step.maps[0].shape)
    count = top_count(step.tensors())
    place = drawing.place(step.out)
    if count < value.shape[axis]:
        part = Part(value, value.shape, place)
        place = stretch(f"{step.name}.{count}", drawing, part, axis, (0, count))
    for made in step.made:
        drawing.put(made, place)
