"""Networks written node by node, as exporters other than torch's write them.

Caffe2's files (opset 7) have pools and softmax over a whole map. tf2onnx leaves an image's channels
last, turns it at the door, pads more at the end than at the beginning, writes normalisation as a
product and a sum, and reads the batch of a shape at run time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Graph:
    """Nodes in the order in which they are written, with seeded weights."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: NDArray[Any]) -> str:
        """Add an initialiser; returns its name."""
        from onnx import numpy_helper

        name = f"const_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def weight(self, *shape: int) -> str:
        """Add drawn weights, of a deviation that keeps activations about as large."""
        fan = int(np.prod(shape[1:]))
        return self.constant(self.rng.normal(0, (2 / fan) ** 0.5, shape).astype(np.float32))

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output; returns the output's name."""
        from onnx import helper

        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [f"{name}:0"], name, **attributes))
        return f"{name}:0"

    def model(self, given: tuple[str, list[Any]], made: tuple[str, list[Any]], opset: int) -> Any:
        """The whole model; sizes that are text are open."""
        from onnx import TensorProto, helper

        x = helper.make_tensor_value_info(given[0], TensorProto.FLOAT, given[1])
        y = helper.make_tensor_value_info(made[0], TensorProto.FLOAT, made[1])
        graph = helper.make_graph(self.nodes, "graph", [x], [y], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)],
                                 ir_version=8 if opset > 8 else 4)  # fmt: skip


def squeezenet(opset: int) -> Any:
    """Iandola et al. 2016, version 1.1, as Caffe2 writes it."""
    graph = Graph(7)

    def conv(x: str, shape: tuple[int, int, int], **attributes: Any) -> str:
        outputs, inputs, kernel = shape
        weight = graph.weight(outputs, inputs, kernel, kernel)
        bias = graph.constant(graph.rng.normal(0, 0.05, outputs).astype(np.float32))
        edges = {"kernel_shape": [kernel, kernel], **attributes}
        return graph.node("Relu", graph.node("Conv", x, weight, bias, **edges))

    def fire(x: str, inputs: int, squeezed: int, outputs: int) -> str:
        small = conv(x, (squeezed, inputs, 1))
        wide = conv(small, (outputs, squeezed, 3), pads=[1, 1, 1, 1])
        return graph.node("Concat", conv(small, (outputs, squeezed, 1)), wide, axis=1)

    x = conv("image", (16, 3, 3), strides=[2, 2])
    channels = 16
    for squeezed, outputs in ((0, 0), (4, 16), (4, 16), (0, 0), (8, 32), (8, 32), (0, 0),
                              (12, 48), (12, 48), (16, 64), (16, 64)):  # fmt: skip
        if squeezed:
            x, channels = fire(x, channels, squeezed, outputs), 2 * outputs
        else:
            x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    x = conv(graph.node("Dropout", x, ratio=0.5), (10, channels, 1))
    x = graph.node("Softmax", graph.node("Flatten", graph.node("GlobalAveragePool", x)), axis=1)
    return graph.model(("image", [1, 3, 96, 96]), (x, [1, 10]), opset)


def mobilenet_v1_keras(opset: int) -> Any:
    """Howard et al. 2017, as tf2onnx writes Keras's: (N, H, W, 3) with an open batch."""
    graph = Graph(11)

    def norm_relu6(x: str, channels: int) -> str:
        scale, shift = (
            graph.constant(graph.rng.normal(mean, 0.1, (1, channels, 1, 1)).astype(np.float32))
            for mean in (1.0, 0.0)
        )
        low, high = (graph.constant(np.array(bound, np.float32)) for bound in (0, 6))
        x = graph.node("Add", graph.node("Mul", x, scale), shift)
        return graph.node("Min", graph.node("Max", x, low), high)

    def conv(x: str, shape: tuple[int, ...], stride: int, group: int = 1) -> str:
        pads = [0, 0, 1, 1] if stride == 2 else [shape[2] // 2] * 4
        kernel = {"kernel_shape": list(shape[2:]), "strides": [stride, stride], "pads": pads}
        return norm_relu6(graph.node("Conv", x, graph.weight(*shape), group=group, **kernel),
                          shape[0])  # fmt: skip

    x = graph.node("Transpose", "image", perm=[0, 3, 1, 2])
    x, channels = conv(x, (8, 3, 3, 3), 2), 8
    early = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2))
    for outputs, stride in (*early, *[(128, 1)] * 5, (192, 2), (192, 1)):
        x = conv(x, (channels, 1, 3, 3), stride, channels)
        x, channels = conv(x, (outputs, channels, 1, 1), 1), outputs
    x = graph.node("ReduceMean", graph.node("Transpose", x, perm=[0, 2, 3, 1]), axes=[1, 2],
                   keepdims=0)  # fmt: skip
    sizes = graph.node("Cast", graph.node("Shape", "image"), to=6)
    ends = [graph.constant(np.array([edge], np.int64)) for edge in (0, 1, 0)]
    batch = graph.node("Slice", sizes, *ends)
    rest = graph.constant(np.array([channels], np.int32))
    shape = graph.node("Cast", graph.node("Concat", batch, rest, axis=0), to=7)
    x = graph.node("MatMul", graph.node("Reshape", x, shape), graph.weight(channels, 10))
    bias = graph.constant(graph.rng.normal(0, 0.05, 10).astype(np.float32))
    x = graph.node("Softmax", graph.node("Add", x, bias), axis=-1)
    return graph.model(("image", ["batch", 96, 96, 3]), (x, ["batch", 10]), opset)
