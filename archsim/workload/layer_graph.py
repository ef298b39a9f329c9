"""The layers of a workload file in order: producers exist, stand first, and form no cycle.

The shapes themselves are `archsim.workload.layer_shapes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archsim.formats.errors import Problem
from archsim.formats.source import unknown
from archsim.formats.widths import DEFAULT_BITS, WIDTH_KEYS
from archsim.formats.workload_records import LayerRecord
from archsim.formats.yaml12 import Document
from archsim.workload.layer import Layer
from archsim.workload.layer_shapes import Contradiction, Value, resolved

MAX_ORDER_PROBLEMS = 20


def resolve(
    document: Document, records: Sequence[LayerRecord | None], problems: list[Problem]
) -> tuple[Layer, ...]:
    """The layers in the file's order; what is wrong is added to `problems`.

    A None among the records is a layer whose own keys are wrong. Layers that depend on a wrong
    one are not checked against it.
    """
    first = _names(document, records, problems)
    _check_order(document, records, first, problems)
    values: dict[str, Value] = {}
    layers = []
    for index, record in enumerate(records):
        if record is None or not all(name in values for name in record.inputs):
            continue
        operands = [values[name] for name in record.inputs]
        try:
            layer = replace(resolved(record, operands), **_widths(document, record))
        except Contradiction as wrong:
            place = document.place("layers", index, wrong.key)
            problems.append(Problem(place, f"layer {record.name!r}: {wrong}"))
            continue
        values[layer.name] = Value(layer.out_channels, layer.out_size, layer.positions)
        layers.append(layer)
    return tuple(layers)


def _widths(document: Document, record: LayerRecord) -> dict[str, Any]:
    """How wide a layer's values are: what it says, else what the whole workload does."""
    own = {key: getattr(record, key, None) for key in WIDTH_KEYS}
    return {key: bits or document.value.get(key, DEFAULT_BITS) for key, bits in own.items()}


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
