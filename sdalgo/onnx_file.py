"""An ONNX file as it lies on disk: checked, its weights from beside it, its numbers as tensors.

Networks run here in float32: float16, bfloat16 and double become that. Whole numbers keep their
type, or take the next wider one that torch computes with.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from archsim.formats import tensor_record
from archsim.formats.errors import InputError
from archsim.formats.regular import open_input
from sdalgo.onnx_weights import nodes_of, orientations
from sdalgo.orientation import Orientation

Tensors = dict[str, tensor_record.Tensor]

WHOLE = {
    "bool": "bool", "int4": "int8", "uint4": "uint8", "int8": "int8", "uint8": "uint8",
    "int16": "int16", "int32": "int32", "int64": "int64", "uint16": "int32", "uint32": "int64",
    "uint64": "int64",
}  # fmt: skip
"""Whole types of ONNX, and the type that each becomes."""
FREE_INITIALISERS = 4  # the IR version that no longer has them among the inputs
OLDEST_OPSET = 7  # before it Add and Mul broadcast by an attribute


def load(path: Path) -> Any:
    """Return the model, weights in files of its folder included.

    Raises:
        InputError: onnx is missing, or the file or one that it names cannot be read.
    """
    try:
        import onnx
        from onnx.external_data_helper import load_external_data_for_model
    except ImportError as error:
        raise InputError.at("onnx", "not installed: pip install onnx") from error
    try:
        open_input(path).close()
        model = onnx.load(str(path), load_external_data=False)
        _check_beside(model, path)
        _check(model, path)
        load_external_data_for_model(model, str(path.parent))
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror or error}") from error
    except InputError:
        raise
    except Exception as error:  # protobuf and the checker raise kinds of their own
        reason = " ".join(str(error).split())
        raise InputError.at(path, f"not a valid ONNX file: {reason:.200}") from error
    return model


def _check(model: Any, path: Path) -> None:
    """Have ONNX check a model. Before IR version 4 initialisers had to be inputs as well, which not
    every exporter did; such a model is a valid one of version 4."""
    from onnx import checker

    graph = model.graph
    inputs = {each.name for each in graph.input}
    if model.ir_version < FREE_INITIALISERS and any(
        w.name not in inputs for w in graph.initializer
    ):
        model.ir_version = FREE_INITIALISERS
        checker.check_model(model)
    else:
        checker.check_model(str(path))


def opset(model: Any, path: Path) -> int:
    """Return the version of ONNX's own operators; InputError below `OLDEST_OPSET`."""
    version = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if version < OLDEST_OPSET:
        raise InputError.at(
            path, f"is of opset {version}, at least {OLDEST_OPSET} is read; convert it with "
            "onnx.version_converter"
        )  # fmt: skip
    return int(version)


def tensor(proto: Any, place: object) -> torch.Tensor:
    """Return the values of a TensorProto; InputError naming `place` where its type is not read."""
    array = _array(proto, place)
    if array.dtype.name in ("bfloat16", "float16", "float32", "float64"):
        with np.errstate(over="ignore"):  # what becomes infinite is refused where it is used
            return torch.from_numpy(np.array(array, np.float32))
    if array.dtype.name in WHOLE:
        return torch.from_numpy(np.array(array, WHOLE[array.dtype.name]))
    raise InputError.at(place, f"its type {type_name(proto.data_type)} is not read")


def initialisers(path: Path) -> tuple[Tensors, dict[str, Orientation]]:
    """Return a file's constants, those of Constant nodes and of inner graphs included, by name and
    in their own types, and those that are weights with how these lie in them."""
    from onnx import helper, inliner

    model = load(path)
    if model.functions:
        model = inliner.inline_local_functions(model)
    protos = {proto.name: proto for proto in _initialisers(model.graph)}
    for node in nodes_of(model.graph):
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                protos[_first(node.output, path)] = helper.get_attribute_value(attribute)
    tensors = {name: _stored(proto, f"{path}: {name}") for name, proto in protos.items()}
    return tensors, orientations(model.graph, {name: t.shape for name, t in tensors.items()})


def _initialisers(graph: Any) -> Iterator[Any]:
    """Those of inner graphs first, which give way to outer ones of their name."""
    for node in nodes_of(graph):
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from inner.initializer
    yield from graph.initializer


def _first(names: Any, path: Path) -> str:
    if not names:
        raise InputError.at(path, "a Constant has no output")
    return str(names[0])


def _stored(proto: Any, place: str) -> tensor_record.Tensor:
    array = _array(proto, place)
    if array.dtype.name == "bfloat16":
        bits = np.ascontiguousarray(array).view("<u2").tobytes()
        return tensor_record.Tensor(dtype="BF16", shape=array.shape, data=bits)
    try:
        return tensor_record.from_array(array)
    except InputError:
        what = type_name(proto.data_type)
        raise InputError.at(place, f"its type {what} is not read") from None


def _array(proto: Any, place: object) -> Any:
    from onnx import numpy_helper

    try:
        return np.asarray(numpy_helper.to_array(proto))
    except Exception as error:  # onnx raises many kinds for a tensor that contradicts itself
        raise InputError.at(place, f"its values do not fill its shape: {error!s:.120}") from error


def type_name(number: int) -> str:
    """Return what ONNX calls a type of elements."""
    from onnx import TensorProto

    known = number in TensorProto.DataType.values()
    return str(TensorProto.DataType.Name(number)) if known else f"number {number}"


def _check_beside(model: Any, path: Path) -> None:
    """Weights in other files are looked for beside the model, wherever the command runs."""
    from onnx import TensorProto

    for proto in _tensors(model.graph):
        if proto.data_location == TensorProto.EXTERNAL:
            name = next((e.value for e in proto.external_data if e.key == "location"), "")
            inside = ".." not in Path(name).parts and not Path(name).is_absolute()
            if inside and "\0" not in name and (path.parent / name).is_file():
                open_input(path.parent / name).close()
            else:
                raise InputError.at(
                    path,
                    f"its weights {proto.name} are in the file {name!r}, which is not beside it",
                )


def _tensors(graph: Any) -> Iterator[Any]:
    """Every tensor of a graph: weights, attributes, and those of graphs in attributes."""
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield attribute.t
        yield from attribute.tensors
        for inner in (attribute.g, *attribute.graphs):
            yield from _tensors(inner)
