"""A network as a list of operators: what the importer works on, whatever file it came from.

Kinds are names of ONNX operators in the meaning of their newest version
(https://onnx.ai/onnx/operators/): what older versions say otherwise is put into this form by the
reader. Nothing here needs onnx, so that a network of torch.export can be written down too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operator.

    Attributes:
        kind: an ONNX operator, `Conv`; of another domain with its name, `com.microsoft.Gelu`.
        name: not empty, each name once in a network; layers and messages are named by it.
        inputs: names of values; "" where an optional one is left out.
        outputs: names of values; "" where one is not wanted.
        attrs: numbers, text, lists of them, tensors; `then_branch` and `else_branch` of an `If` are
            a `Network` that may also read the values around it.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NetworkInput:
    """One input of a network.

    Attributes:
        shape: each size, a name where it is left open ("?" where that has none).
        dtype: float32 (also for what is float16, bfloat16 or double), int64, int32, int16, int8,
            uint8 or bool.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network: operators in an order in which each stands after those that it reads.

    Attributes:
        constants: weights and other fixed values by name: float32, whole numbers or bool.
        label: what messages call it, such as the path of its file.
        faults: (place, what is wrong) that its reader found and that no run could tell.
    """

    operations: tuple[Operation, ...]
    constants: Mapping[str, Tensor]
    inputs: tuple[NetworkInput, ...]
    outputs: tuple[str, ...]
    label: str
    faults: tuple[tuple[str, str], ...] = ()
