"""Operators of older opsets in the words of the newest: attributes that have become inputs.

The versions at which each changed are those of https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sdalgo.importer.operations import Operation

Modern = tuple[list[Operation], dict[str, Tensor]]
"""The operators that stand for an older one, and constants that they read."""

_TO_INPUTS: dict[str, tuple[int, tuple[tuple[str, int], ...]]] = {
    "Squeeze": (13, (("axes", 1),)), "Unsqueeze": (13, (("axes", 1),)),
    "Split": (13, (("split", 1),)), "TopK": (10, (("k", 1),)),
    "Clip": (11, (("min", 1), ("max", 2))), "Pad": (11, (("pads", 1), ("value", 2))),
    "Slice": (10, (("starts", 1), ("ends", 2), ("axes", 3))), "Upsample": (9, (("scales", 1),)),
    **{
        f"Reduce{kind}": (13 if kind == "Sum" else 18, (("axes", 1),))
        for kind in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum",
                     "LogSumExp")
    },
}  # fmt: skip
"""Operator: the opset from which attributes are inputs, and which input each has become."""

_NOT_OF_INFERENCE = {
    "Dropout": ("ratio", "seed", "is_test"), "BatchNormalization": ("momentum", "is_test"),
    "Cast": ("saturate", "round_mode"), "CastLike": ("saturate",),
    "QuantizeLinear": ("saturate", "precision"),
}  # fmt: skip


def modern(operation: Operation, version: int) -> Modern:
    """Return what stands for an operator of opset `version`."""
    kind, attrs = operation.kind, dict(operation.attrs)
    for key in _NOT_OF_INFERENCE.get(kind, ()):
        attrs.pop(key, None)
    if kind == "BatchNormalization" and attrs.get("spatial") == 1:
        attrs.pop("spatial")
    if kind == "Dropout" and len(operation.inputs) > 1 and operation.inputs[1:] != ("", ""):
        operation = _replaced(operation, inputs=(operation.inputs[0], "", *operation.inputs[2:3]))
    made = _replaced(operation, attrs=attrs)
    since, moved = _TO_INPUTS.get(kind, (0, ()))
    constants: dict[str, Tensor] = {}
    if version < since:
        made, constants = _with_inputs(made, moved)
    if kind in _OLDER and version < _OLDER[kind][0]:
        operations, more = _OLDER[kind][1](made, version)
        return operations, constants | more
    return [made], constants


def _replaced(operation: Operation, **changes: Any) -> Operation:
    known = {key: getattr(operation, key) for key in operation.__dataclass_fields__}
    return Operation(**(known | changes))


def _with_inputs(
    operation: Operation, moved: tuple[tuple[str, int], ...]
) -> tuple[Operation, dict[str, Tensor]]:
    """The operator with attributes as constant inputs."""
    attrs, inputs = dict(operation.attrs), list(operation.inputs)
    constants = {}
    for key, place in moved:
        if key not in attrs:
            continue
        value = attrs.pop(key)
        name = f"{operation.name}:{key}"
        whole = isinstance(value, int) or (isinstance(value, list) and key != "scales")
        constants[name] = torch.tensor(value, dtype=torch.int64 if whole else torch.float32)
        inputs += [""] * (place + 1 - len(inputs))
        inputs[place] = name
    return _replaced(operation, attrs=attrs, inputs=tuple(inputs)), constants


def _softmax(operation: Operation, _version: int) -> Modern:
    """Below opset 13 it goes over all axes from `axis` on: of a matrix, which keeps its shape."""
    attrs = dict(operation.attrs)
    axis = attrs.pop("axis", 1)
    name, (x,), (out,) = operation.name, operation.inputs[:1], operation.outputs[:1]
    step = Operation(kind="Shape", name=f"{name}:shape", inputs=(x,), outputs=(f"{name}:shape",))
    flat = Operation(
        kind="Flatten", name=f"{name}:rows", inputs=(x,), outputs=(f"{name}:rows",),
        attrs={"axis": axis},
    )  # fmt: skip
    whole = _replaced(
        operation, inputs=(f"{name}:rows",), outputs=(f"{name}:soft",), attrs=attrs | {"axis": 1}
    )
    back = Operation(
        kind="Reshape", name=f"{name}:back", inputs=(f"{name}:soft", f"{name}:shape"),
        outputs=(out,),
    )  # fmt: skip
    return [step, flat, whole, back], {}


def _resize(operation: Operation, _version: int) -> Modern:
    """Upsample, and Resize of opset 10: corner to corner, the nearest pixel below."""
    attrs = dict(operation.attrs) | {
        "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor",
    }  # fmt: skip
    x, scales = (*operation.inputs, "")[:2]
    inputs = (x, "", scales)
    return [_replaced(operation, kind="Resize", inputs=inputs, attrs=attrs)], {}


_OLDER: dict[str, tuple[int, Callable[[Operation, int], Modern]]] = {
    "Softmax": (13, _softmax), "LogSoftmax": (13, _softmax), "Hardmax": (13, _softmax),
    "Upsample": (1000, _resize), "Resize": (11, _resize),
}  # fmt: skip
