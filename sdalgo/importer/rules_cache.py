"""The key-value cache of a decode step: what is known of earlier tokens, and a new one after it."""

from __future__ import annotations

from math import prod

from sdalgo.importer.drawing import Drawing
from sdalgo.importer.places import Place, Plane
from sdalgo.importer.trace import Step, Value

_PASSED_ON = {"view", "transpose", "repeat", "slice", "point", "combine"}
_PRODUCTS = {"matmul", "einsum", "gemm"}


def is_cache(step: Step, drawing: Drawing) -> bool:
    """Whether a Concat appends what the network computes to what it is given, or holds, for
    products alone: elsewhere, as where a class token precedes those of an image, it is a join."""
    given = step.given
    if len(given) != 2 or given[0] is None or given[1] is None or not given[1].is_map:
        return False
    earlier = given[0]
    if earlier.is_map and (earlier.step is not None or len(earlier.readers) > 1):
        return False
    return bool(drawing.place(given[1]).source) and _is_multiplied(step.out)


def cache(step: Step, drawing: Drawing) -> None:
    """Earlier tokens lie in DRAM; the new ones are written by what makes them."""
    earlier, new = step.given
    assert earlier is not None
    assert new is not None
    axis = step.attrs["axis"] % len(new.shape)
    channels, tokens = prod(new.shape) // new.shape[axis], new.shape[axis]
    length = earlier.shape[axis]
    source = drawing.source(new, (channels, 1, tokens))
    made: Plane = (channels, 1, length + tokens)
    name = drawing.layer(step.name, "cache", (source,), {"length": length}, made)
    drawing.put(step.out, Place(source=name, plane=made))


def _is_multiplied(value: Value) -> bool:
    """Whether each reader is a product whose second operand it is, perhaps after a view."""
    if not value.readers or value.final:
        return False
    return all(
        (step.kind.rule in _PRODUCTS and step.given[1] is value)
        or (
            step.kind.rule in _PASSED_ON
            and len(step.maps) == 1
            and all(_is_multiplied(made) for made in step.made if made is not None)
        )
        for step in value.readers
    )
