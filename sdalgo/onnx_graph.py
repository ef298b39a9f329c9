"""ONNX files: their weights and their graph, as the layers of a workload.

The file is run once with torch, operator by operator, on a given image. That run gives every shape
and every layer's real input, so nothing is inferred and no ONNX runtime is needed.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from archsim.formats.errors import InputError
from sdalgo.graph import Node
from sdalgo.onnx_ops import RUN, SAME, attributes, pool_fields, same_padding
from sdalgo.pow2 import Float32


class OnnxModel:
    """A model read from a file.

    Attributes:
        shape: of one sample, (C, H, W), read from the graph's first input.
        weights: of its convolutions and linear layers, by layer name, in our layouts.
    """

    def __init__(self, path: Path) -> None:
        graph = _load(path)
        from onnx import numpy_helper

        self.path = path
        self.nodes = list(graph.node)
        self.constants = {t.name: np.array(numpy_helper.to_array(t)) for t in graph.initializer}
        inputs = [value for value in graph.input if value.name not in self.constants]
        if len(inputs) != 1:
            raise InputError.at(path, f"{len(inputs)} inputs; a network with one is needed")
        self.input = inputs[0].name
        sizes = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
        self.stored_shape = tuple(sizes[1:])
        self.weights: dict[str, Float32] = {}
        self.inputs: dict[str, NDArray[np.float32]] = {}
        self.layers: list[Node] = []
        self._made_by: dict[str, tuple[str, ...]] = {self.input: ()}

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W), also where the file has channels last."""
        sizes = self.stored_shape
        if len(sizes) == 3 and sizes[2] in (1, 3) and sizes[0] not in (1, 3):
            return (sizes[2], sizes[0], sizes[1])
        return sizes

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one image (C, H, W); fills `layers`, `weights` and `inputs`; returns the output.

        Raises:
            InputError: an operator is not known here, or has no place in a workload.
        """
        if self.shape != self.stored_shape:
            image = image.transpose(1, 2, 0)
        values: dict[str, Tensor] = {
            name: torch.from_numpy(value.copy()) for name, value in self.constants.items()
        }
        values[self.input] = torch.from_numpy(np.ascontiguousarray(image))[None]
        last = self.input
        with torch.inference_mode():
            for node in self.nodes:
                try:
                    self._step(node, values)
                except (RuntimeError, KeyError, IndexError, TypeError, ValueError) as error:
                    raise InputError.at(f"{self.path}: {_name(node)}", str(error)[:200]) from error
                last = node.output[0]
        return values[last].numpy()

    def _step(self, node: Any, values: dict[str, Tensor]) -> None:
        given = [values[name] for name in node.input if name]
        attrs = attributes(node)
        producers = tuple(p for name in node.input for p in self._made_by.get(name, ()))
        kind = node.op_type
        layer: tuple[str, dict[str, Any]] | None
        if kind in ("Conv", "Gemm", "MatMul"):
            out, layer = self._weighted(node, given, attrs)
        elif kind in RUN:
            out, layer = RUN[kind](given, attrs), _post(kind, given[0], attrs, len(producers))
        else:
            raise InputError.at(self.path, f"operator {kind}: not known to the importer")
        values[node.output[0]] = out
        if layer is None:
            self._made_by[node.output[0]] = producers[:1] if kind in SAME else producers
            return
        op, fields = layer
        self.layers.append(Node(name=_name(node), op=op, inputs=producers, fields=fields))
        self._made_by[node.output[0]] = (_name(node),)

    def _weighted(
        self, node: Any, given: list[Tensor], attrs: dict[str, Any]
    ) -> tuple[Tensor, tuple[str, dict[str, Any]]]:
        x, weight = given[0], given[1]
        bias = given[2].flatten() if len(given) > 2 else None
        name = _name(node)
        if node.op_type == "Conv":
            out, fields = _conv(x, weight, bias, attrs)
            op = "conv"
        else:
            if node.op_type == "Gemm" and attrs.get("transB", 0):
                weight = weight.T
            out = x @ weight if bias is None else x @ weight + bias
            weight, op = weight.T.contiguous(), "linear"
            fields = {"in_channels": weight.shape[1], "out_channels": weight.shape[0]}
        self.weights[name] = weight.numpy().astype(np.float32)
        self.inputs[name] = x.numpy()
        return out, (op, fields)


def _post(
    kind: str, x: Tensor, attrs: dict[str, Any], producers: int
) -> tuple[str, dict[str, Any]] | None:
    """Return what a layer without weights is in a workload; None where it is none."""
    if kind in ("MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean"):
        return "pool", pool_fields(kind, x, attrs)
    if producers < 2 or x.ndim != 4:  # the other operand is a constant
        return None
    return {"Add": ("add", {}), "Sum": ("add", {}), "Mul": ("mul", {})}.get(
        kind, ("concat", {}) if kind == "Concat" else None
    )


def _conv(
    x: Tensor, weight: Tensor, bias: Tensor | None, attrs: dict[str, Any]
) -> tuple[Tensor, dict[str, Any]]:
    stride = list(attrs.get("strides", [1, 1]))
    dilation = list(attrs.get("dilations", [1, 1]))
    kernel = list(weight.shape[2:])
    top, left, bottom, right = same_padding(x, kernel, attrs)
    padded = F.pad(x, (left, right, top, bottom))
    groups = int(attrs.get("group", 1))
    out = F.conv2d(padded, weight, bias, stride, 0, dilation, groups)
    padding = [top, left] if (top, left) == (bottom, right) else [top, left, bottom, right]
    return out, {
        "in_channels": x.shape[1],
        "out_channels": weight.shape[0],
        "in_size": list(x.shape[2:]),
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }


def _name(node: Any) -> str:
    """A layer is named like its node, or like what the node makes."""
    return str(node.name or node.output[0])


def _load(path: Path) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise InputError.at("onnx", "not installed: pip install onnx") from error
    try:
        model = onnx.load(str(path), load_external_data=False)
        onnx.checker.check_model(model)
    except OSError as error:
        raise InputError.at(path, f"cannot be read: {error.strerror}") from error
    except Exception as error:  # protobuf and the checker raise kinds of their own
        raise InputError.at(path, f"not a valid ONNX file: {error!s:.200}") from error
    return model.graph
