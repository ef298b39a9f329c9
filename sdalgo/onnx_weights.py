"""Which tensors of an ONNX file are weights, and how they lie in it: its operators say both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sdalgo.orientation import (
    Orientation,
    Shape,
    as_stored,
    of_deconvolution,
    rows_of_all,
    transposed,
)

_RECURRENT = ("LSTM", "GRU", "RNN")
_MATRIX = 2


def orientations(graph: Any, shapes: dict[str, Shape]) -> dict[str, Orientation]:
    """Return the weights of convolutions, products and recurrent layers, by name.

    Tables of embeddings, biases, scales and masks are none of them, whatever their shape. A weight
    may reach its operator through Identity, Cast and Transpose; what else is computed of constants
    is left alone.

    Args:
        graph: of the file, with graphs in it for branches and loops.
        shapes: of its constants by name.
    """
    views = {name: (name, tuple(range(len(shape)))) for name, shape in shapes.items()}
    found: dict[str, Orientation] = {}
    for node in nodes_of(graph):
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type in ("Identity", "Cast", "Transpose") and node.input[0] in views:
            name, order = views[node.input[0]]
            if node.op_type == "Transpose":
                turned = range(len(order))[::-1]
                perm = [*attributes["perm"].ints] if "perm" in attributes else [*turned]
                if sorted(perm) != sorted(turned):
                    continue
                order = tuple(order[axis] for axis in perm)
            views[node.output[0]] = (name, order)
            continue
        for place, value in enumerate(node.input):
            if value not in views:
                continue
            name, order = views[value]
            shown = tuple(shapes[name][axis] for axis in order)
            lies = _as_weight(node, attributes, place, shown)
            if lies and name not in found and (made := _through(lies, shapes[name], order)):
                found[name] = made
    return found


def nodes_of(graph: Any) -> Iterator[Any]:
    """Every node, those of graphs in attributes after the node that holds them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from nodes_of(inner)


def _as_weight(node: Any, attributes: dict[str, Any], place: int, shape: Shape) -> Any:
    """How an operand of an operator is a weight; None where it is none."""
    kind = node.op_type.removeprefix("Fused")

    def flag(name: str) -> bool:
        return name in attributes and bool(attributes[name].i)

    if kind == "Conv" and place == 1 and len(shape) in (3, 4):
        return as_stored(shape)
    if kind == "ConvTranspose" and place == 1 and len(shape) in (3, 4):
        groups = attributes["group"].i if "group" in attributes else 1
        return of_deconvolution(shape, groups) if groups > 0 and shape[0] % groups == 0 else None
    if kind in _RECURRENT and place in (1, 2) and len(shape) == _MATRIX + 1:
        return rows_of_all(shape)
    if kind in ("Gemm", "MatMul") and place < _MATRIX:
        turned = flag("transA" if place == 0 else "transB")
        return _operand(shape, outputs_first=turned == (place == 1))
    return None


def _operand(shape: Shape, *, outputs_first: bool) -> Orientation | None:
    """An operand of a product of matrices; axes of one before the last two count for nothing."""
    matrix = shape[-_MATRIX:]
    if len(shape) < _MATRIX or any(size != 1 for size in shape[:-_MATRIX]):
        return None
    made = as_stored(matrix) if outputs_first else transposed(matrix)
    return Orientation(tensor=shape, split=matrix, axes=made.axes, layer=made.layer)


def _through(lies: Orientation, stored: Shape, order: Shape) -> Orientation | None:
    """What is said of a transposed tensor, said of the tensor itself."""
    if order == tuple(range(len(order))):
        return lies
    if lies.split != lies.tensor:  # cut anew after it was turned
        return None
    axes = tuple(order[axis] for axis in lies.axes)
    return Orientation(tensor=stored, split=stored, axes=axes, layer=lies.layer)
