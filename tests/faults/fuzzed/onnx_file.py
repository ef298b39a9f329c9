"""ONNX files: shapes, sizes, attributes and names changed in the message, and bytes."""

import numpy as np
import onnx
from byte_mutants import bytes_mutant
from onnx import TensorProto, helper, numpy_helper

from sdalgo.onnx_file import initialisers
from sdalgo.onnx_graph import OnnxModel

SUFFIX = ".onnx"
EXAMPLES = 60
NUMBERS = (0, -1, 1, 2, 7, 2**20, 2**31, 2**40, 2**62, -(2**63))
NAMES = ("", "x", "y", "w", "../w", "__metadata__", "a" * 3000, "é/\\")


def seeds():
    rng = np.random.default_rng(0)
    value = helper.make_tensor_value_info
    weight = numpy_helper.from_array(rng.normal(0, 0.1, (4, 3, 3, 3)).astype(np.float32), "w")
    linear = numpy_helper.from_array(rng.normal(0, 0.1, (4, 5)).astype(np.float32), "v")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Concat", ["r", "r"], ["cc"], axis=1),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["p"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "v"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "g", [value("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [value("y", TensorProto.FLOAT, [1, 5])], [weight, linear],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 13)]
    return [helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()]


def mutate(rng, seed):
    if rng.random() < 0.2:
        return bytes_mutant(rng, seed)
    model = onnx.load_from_string(seed)
    for _ in range(rng.choice((1, 1, 2))):
        _change(rng, model.graph)
    return model.SerializeToString()


def check(path):
    initialisers(path)
    model = OnnxModel(path)
    if np.prod(model.shape, dtype=float) < 1e6:
        model.run_image(np.zeros(model.shape, np.float32))


def _change(rng, graph):
    tensor, node = rng.choice(graph.initializer), rng.choice(graph.node)
    match rng.randrange(8):
        case 0:
            tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
        case 1:
            tensor.data_type = rng.randrange(30)
        case 2:
            tensor.raw_data = bytes_mutant(rng, tensor.raw_data)
        case 3:
            tensor.data_location = TensorProto.EXTERNAL
            for key in ("location", "offset", "length"):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, rng.choice((*NAMES, *map(str, NUMBERS)))
        case 4 if node.attribute and node.attribute[0].ints:
            ints = node.attribute[0].ints
            ints[rng.randrange(len(ints))] = rng.choice(NUMBERS)
        case 5:
            dims = graph.input[0].type.tensor_type.shape.dim
            dims[rng.randrange(len(dims))].dim_value = rng.choice(NUMBERS)
        case 6:
            node.op_type = rng.choice(("Add", "Mul", "MatMul", "Reshape", "Expand", "Constant"))
        case _:
            names = rng.choice((node.input, node.output))
            names[rng.randrange(len(names))] = rng.choice(NAMES)
