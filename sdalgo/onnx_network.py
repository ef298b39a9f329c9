"""An ONNX graph as the list of operators that the importer runs (sdalgo.importer.operations)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archsim.formats.errors import InputError
from sdalgo import onnx_file
from sdalgo.importer.known import KINDS
from sdalgo.importer.operations import Network, NetworkInput, Operation
from sdalgo.onnx_opsets import modern


def read_network(path: Path) -> Network:
    """Return the network of an ONNX file, operators in the meaning of the newest opset.

    Raises:
        InputError: it is no ONNX file, too old, or holds values of a type that is not read.
    """
    model = onnx_file.load(path)
    version = onnx_file.opset(model, path)
    model = _inlined(model, path)
    return _Reader(path, version).network(model.graph, _unique_names(model.graph))


def _inlined(model: Any, path: Path) -> Any:
    """Functions of the file's own are replaced by their operators, and so are operators that are
    not known here but that ONNX itself defines by others, such as Attention."""
    from onnx import inliner, shape_inference

    try:
        if model.functions:
            model = inliner.inline_local_functions(model)
        unknown = [("", kind) for kind in sorted(_defined(model.graph) - set(KINDS))]
        if unknown and hasattr(inliner, "inline_selected_functions"):
            model = shape_inference.infer_shapes(model)  # their definitions ask for types
            model = inliner.inline_selected_functions(model, unknown, inline_schema_functions=True)
    except TypeError:  # an onnx before 1.18 knows no definitions: such operators are refused
        return model
    except Exception as error:  # the inliner raises kinds of its own
        raise InputError.at(path, f"its functions cannot be inlined: {error!s:.120}") from error
    return model


def _defined(graph: Any) -> set[str]:
    """Operators that ONNX defines by others."""
    from onnx import defs

    kinds = {node.op_type for node in _nodes(graph) if node.domain in ("", "ai.onnx")}
    schemas: list[Any] = [defs.get_schema(kind) for kind in kinds if defs.has(kind)]
    return {s.name for s in schemas if s.has_function or s.has_context_dependent_function}


class _Reader:
    def __init__(self, path: Path, version: int) -> None:
        self.path, self.version = path, version

    def network(self, graph: Any, names: Iterator[str]) -> Network:
        """The network of a graph, or of a branch of an `If`."""
        constants = {
            proto.name: onnx_file.tensor(proto, f"{self.path}: {proto.name}")
            for proto in graph.initializer
        }
        operations: list[Operation] = []
        faults = [
            (str(sparse.values.name), "a sparse weight is not read")
            for sparse in graph.sparse_initializer
        ]
        for node in graph.node:
            name = next(names)
            if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
                value = self._constant(node, name)
                if isinstance(value, str):
                    faults.append((name, value))
                elif node.output:
                    constants[node.output[0]] = value
                continue
            operation, made = modern(self._operation(node, name, names), self.version)
            operations += operation
            constants |= made
        return Network(
            operations=tuple(operations),
            constants=constants,
            inputs=tuple(
                _input(value, self.path) for value in graph.input if value.name not in constants
            ),
            outputs=tuple(value.name for value in graph.output),
            label=str(self.path),
            faults=tuple(faults),
        )

    def _operation(self, node: Any, name: str, names: Iterator[str]) -> Operation:
        domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
        attrs = {a.name: self._attribute(a, name, names) for a in node.attribute}
        return Operation(
            kind=domain + node.op_type, name=name, inputs=tuple(node.input),
            outputs=tuple(node.output), attrs=attrs,
        )  # fmt: skip

    def _attribute(self, attribute: Any, name: str, names: Iterator[str]) -> Any:
        from onnx import AttributeProto, helper

        if attribute.type == AttributeProto.GRAPH:
            return self.network(attribute.g, names)
        value = helper.get_attribute_value(attribute)
        if attribute.type == AttributeProto.TENSOR:
            return onnx_file.tensor(value, f"{self.path}: {name}")
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        if attribute.type == AttributeProto.STRINGS:
            return [each.decode(errors="replace") for each in value]
        return list(value) if attribute.type == AttributeProto.FLOATS else value

    def _constant(self, node: Any, name: str) -> Tensor | str:
        """The value of a Constant, or what of it is not read."""
        attrs = {a.name: self._attribute(a, name, iter(())) for a in node.attribute}
        key, value = next(iter(attrs.items()), ("", None))
        if key == "value" and isinstance(value, Tensor):
            return value
        if key in ("value_float", "value_floats", "value_int", "value_ints"):
            kind = torch.float32 if "float" in key else torch.int64
            return torch.tensor(value, dtype=kind)
        return f"Constant: its attribute {key!r} is not known"


def _input(value: Any, path: Path) -> NetworkInput:
    from onnx import TensorProto, helper

    if not value.type.HasField("tensor_type"):
        raise InputError.at(path, f"input {value.name} is no tensor")
    kind = value.type.tensor_type
    dims = kind.shape.dim
    if any(size.dim_value < -1 for size in dims):
        raise InputError.at(path, f"input {value.name} has a size below 0")
    place = f"{path}: input {value.name}"
    if kind.elem_type in (TensorProto.UNDEFINED, TensorProto.STRING):
        raise InputError.at(place, f"its type {onnx_file.type_name(kind.elem_type)} is not read")
    try:
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
    except (KeyError, ValueError):
        raise InputError.at(place, f"its type {kind.elem_type} is not read") from None
    floats = dict.fromkeys(("float16", "bfloat16", "float32", "float64"), "float32")
    name = (onnx_file.WHOLE | floats).get(dtype.name)
    if name is None:
        raise InputError.at(place, f"its type {dtype.name} is not read")
    # Some exporters write -1 for a size that is open.
    shape = tuple(max(0, int(d.dim_value)) or str(d.dim_param) or "?" for d in dims)
    return NetworkInput(name=value.name, shape=shape, dtype=name)


def _unique_names(graph: Any) -> Iterator[str]:
    """A layer is named like its node, or like what the node makes; a second one gets a number.

    Names come in the order in which `_Reader` meets nodes: those of a branch after its `If`.
    """
    nodes = list(_nodes(graph))
    taken = {_plain(node) for node in nodes}
    used: set[str] = set()
    for node in nodes:
        plain = name = _plain(node)
        count = 2
        while name in used or (name != plain and name in taken):
            name, count = f"{plain}_{count}", count + 1
        used.add(name)
        yield re.sub(r"[\x00-\x1f\x7f]", "_", name)


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def _plain(node: Any) -> str:
    return str(node.name or next(iter(node.output), "") or node.op_type)
