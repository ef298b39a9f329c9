"""The key-value cache of a decode step: what is known of earlier tokens, and a new one after it."""

from __future__ import annotations

from math import prod

from sdalgo.importer.drawing import Drawing
from sdalgo.importer.places import Place, Plane
from sdalgo.importer.rules_cuts import bounded
from sdalgo.importer.trace import Step, Value

_PASSED_ON = {"view", "transpose", "repeat", "slice", "point", "combine"}
_NAMES = ("past", "cache")
_PRODUCTS = {"matmul", "einsum", "gemm"}


def is_cache(step: Step, drawing: Drawing) -> bool:
    """Whether a Concat appends new tokens to earlier ones: to an input that is called a cache, or,
    for products alone, to any input or constant. Elsewhere, as where a class token precedes those
    of an image, it is a join."""
    if len(step.given) != 2 or not all(step.given):
        return False
    earlier, new = step.given
    assert earlier is not None
    assert new is not None
    if not (new.is_map and drawing.place(new).source) or earlier.step is not None:
        return False
    from_end = -step.attrs["axis"] if step.attrs["axis"] < 0 else (
        len(new.shape) - step.attrs["axis"]
    )  # fmt: skip
    named = any(word in earlier.name.lower() for word in _NAMES)
    if named and earlier.is_map and from_end == 2:
        return True
    return len(earlier.readers) <= 1 and _is_multiplied(step.out)


def cache(step: Step, drawing: Drawing) -> None:
    """Earlier tokens lie in DRAM; the new ones are written by what makes them."""
    earlier, new = step.given
    assert earlier is not None
    assert new is not None
    axis = step.attrs["axis"] % len(new.shape)
    channels, tokens = prod(new.shape) // new.shape[axis], new.shape[axis]
    length = earlier.shape[axis]
    source = drawing.source(new, bounded((channels, 1, tokens)))
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
