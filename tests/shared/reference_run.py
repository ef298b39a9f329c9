"""A network of the importer run by onnx's own reference evaluator: an oracle of its readers."""

import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

NEWEST = onnx.defs.onnx_opset_version()
KINDS = {
    "float32": TensorProto.FLOAT, "int64": TensorProto.INT64, "int32": TensorProto.INT32,
    "bool": TensorProto.BOOL,
}  # fmt: skip


def as_onnx(network):
    """Return the network as an ONNX model of the newest opset."""
    nodes = [
        helper.make_node(each.kind, list(each.inputs), list(each.outputs), each.name, **each.attrs)
        for each in network.operations
    ]
    inputs = [
        helper.make_tensor_value_info(each.name, KINDS[each.dtype], each.shape)
        for each in network.inputs
    ]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ()) for n in network.outputs]
    constants = [
        numpy_helper.from_array(value.contiguous().numpy(), name)
        for name, value in network.constants.items()
    ]
    graph = helper.make_graph(nodes, "network", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", NEWEST)])


def run(network, *inputs):
    """Return the network's outputs as onnx computes them."""
    model = as_onnx(network)
    given = {each.name: value for each, value in zip(network.inputs, inputs, strict=True)}
    found = ReferenceEvaluator(model).run(None, given)
    for output, value in zip(model.graph.output, found, strict=True):
        for size in value.shape:
            output.type.tensor_type.shape.dim.add().dim_value = size
    onnx.checker.check_model(model)  # it wants the shapes of outputs
    return found
