"""The layers of a workload file in order: producers exist, stand first, and form no cycle.

The shapes themselves are `archsim.workload.layer_shapes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from archsim.formats.errors import Problem
from archsim.formats.source import unknown
from archsim.formats.widths import ACTIVATION_BITS, DEFAULT_BITS, WEIGHT_BITS, WIDTH_KEYS
from archsim.formats.workload_records import Cache, LayerRecord, Matmul, Reshape, Slice
from archsim.formats.yaml12 import Document
from archsim.workload.layer import Layer
from archsim.workload.layer_shapes import resolved
from archsim.workload.values import Contradiction, Value, viewed

MAX_ORDER_PROBLEMS = 20


def resolve(
    document: Document, records: Sequence[LayerRecord | None], problems: list[Problem]
) -> tuple[Layer, ...]:
    """The layers in the file's order; what is wrong is added to `problems`.

    A None among the records is a layer whose own keys are wrong. Layers that depend on a wrong
    one are not checked against it. Views are no layers: what reads one reads the layer behind it.
    """
    first = _names(document, records, problems)
    _check_order(document, records, first, problems)
    made: dict[str, _Made] = {}
    layers: list[Layer] = []
    for index, record in enumerate(records):
        if record is None or not all(name in made for name in record.inputs):
            continue
        read = [made[name] for name in record.inputs]
        try:
            if _is_view(record):
                made[record.name] = _view(record, read[0])
                continue
            layer, value = resolved(record, [each.value for each in read])
        except Contradiction as wrong:
            place = document.place("layers", index, wrong.key)
            problems.append(Problem(place, f"layer {record.name!r}: {wrong}"))
            continue
        made[layer.name] = _Made(value, layer.name)
        sources = tuple(each.layer for each in read)
        views = tuple(each.part for each in read) if any(each.part for each in read) else ()
        layers.append(replace(layer, inputs=sources, views=views, **_widths(document, record)))
    if made and not layers:
        problems.append(Problem(document.place("layers"), "holds views alone; no layer works"))
    return tuple(layers)


@dataclass(frozen=True)
class _Made:
    """A value, the layer that makes it, and which part of what that layer makes it is: the name of
    a view, empty where it is all of it."""

    value: Value
    layer: str
    part: str = ""


def _is_view(record: LayerRecord) -> TypeGuard[Reshape | Slice | Cache]:
    return isinstance(record, Cache) or (isinstance(record, Reshape | Slice) and not record.copied)


def _view(record: Reshape | Slice | Cache, read: _Made) -> _Made:
    """What a view gives; the values of a reshaped one are the same ones."""
    part = read.part if isinstance(record, Reshape) else record.name
    return _Made(viewed(record, read.value), read.layer, part)


def _widths(document: Document, record: LayerRecord) -> dict[str, Any]:
    """How wide a layer's values are: what it says, else what the whole workload does. The second
    operand of a matmul is as wide as activations are."""
    own = {key: getattr(record, key, None) for key in WIDTH_KEYS}
    found = {key: bits or document.value.get(key, DEFAULT_BITS) for key, bits in own.items()}
    if isinstance(record, Matmul):
        found[WEIGHT_BITS] = found[ACTIVATION_BITS]
    return found


def _names(
    document: Document, records: Sequence[LayerRecord | None], problems: list[Problem]
) -> dict[str, int]:
    """Index of each name where it stands first, names of wrong layers included."""
    first: dict[str, int] = {}
    for index, entry in enumerate(document.value["layers"]):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        if name in first and records[index] is not None:
            line = document.place("layers", first[name], "name").split(":")[-2]
            place = document.place("layers", index, "name")
            problems.append(Problem(place, f"layer {name!r} stands in line {line} already"))
        first.setdefault(name, index)
    return first


def _check_order(
    document: Document,
    records: Sequence[LayerRecord | None],
    first: Mapping[str, int],
    problems: list[Problem],
) -> None:
    """Every producer exists and stands before its consumer."""
    wrong = 0
    for index, record in enumerate(records):
        for name in dict.fromkeys(record.inputs if record else ()):
            if first.get(name, index) < index or wrong >= MAX_ORDER_PROBLEMS:
                continue
            wrong += 1
            assert record is not None
            place = document.place("layers", index, "inputs", record.inputs.index(name))
            if name not in first:
                problems.append(Problem(place, unknown("layer", name, first)))
                continue
            cycle = _path(records, first, name, record.name)
            if cycle:
                loop = " -> ".join([record.name, *cycle])
                message = f"the layers go in a cycle: {loop} (each reads the next)"
            else:
                message = f"layer {record.name!r} reads {name!r}, which stands after it; move it up"
            problems.append(Problem(place, message))


def _path(
    records: Sequence[LayerRecord | None], first: Mapping[str, int], start: str, goal: str
) -> list[str]:
    """Names from `start` to `goal`, each reading the next; empty if there is no such way."""
    came: dict[str, str] = {start: ""}
    queue = [start]
    for name in queue:
        if name == goal:
            way = [goal]
            while came[way[-1]]:
                way.append(came[way[-1]])
            return way[::-1]
        record = records[first[name]] if name in first else None
        for producer in record.inputs if record else ():
            if producer not in came:
                came[producer] = name
                queue.append(producer)
    return []
