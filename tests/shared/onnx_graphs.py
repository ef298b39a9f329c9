"""Small ONNX graphs, run by the importer and by ONNX's own evaluator."""

from dataclasses import dataclass, field

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from archsim.workload.workload import load_workload
from sdalgo.importer.feeds import is_given
from sdalgo.importer.run import NetworkRun
from sdalgo.onnx_network import read_network
from sdalgo.workload import LayerEntry, header, workload_text

node = helper.make_node
VIEWS = ("reshape", "transpose", "slice", "cache")


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Nodes from inputs to outputs; `ops` are the layers that must come of them, views left out."""

    nodes: list
    feeds: dict
    constants: dict = field(default_factory=dict)
    outputs: tuple = ("y",)
    ops: tuple | None = None
    opset: int = 21
    opens: dict = field(default_factory=dict)

    def save(self, path):
        """Write the graph as a file; `opens` are shapes of inputs with sizes left open."""
        value = helper.make_tensor_value_info
        inputs = [
            value(name, helper.np_dtype_to_tensor_dtype(x.dtype), self.opens.get(name, x.shape))
            for name, x in self.feeds.items()
        ]
        outputs = [value(name, TensorProto.FLOAT, ["open"]) for name in self.outputs]
        tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, tensors)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), str(path))
        return path


def random(*shape, seed=0, low=None):
    """Normal numbers, or uniform ones from `low` to `low` + 2."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal(shape) if low is None else rng.uniform(low, low + 2, shape)
    return drawn.astype(np.float32)


def imported(graph, path):
    """The importer's run of a graph, and its outputs."""
    network = read_network(graph.save(path))
    run = NetworkRun(network)
    tensors = {name: torch.from_numpy(x.copy()) for name, x in graph.feeds.items()}
    given = frozenset(each.name for each in network.inputs if is_given(each))
    return run, [out.numpy() for out in run.run(tensors, given)]


def check(graph, path, near=1e-4):
    """Outputs equal the evaluator's, layers are those that are wanted and archsim loads them."""
    run, found = imported(graph, path)
    expected = ReferenceEvaluator(str(path)).run(None, graph.feeds)
    for one, two in zip(found, expected, strict=True):
        assert one.shape == np.shape(two)
        np.testing.assert_allclose(one, two, rtol=near, atol=near)
    if graph.ops is not None:
        assert tuple(layer.op for layer in run.layers if layer.op not in VIEWS) == graph.ops
    if run.layers:
        loads(run, path.with_suffix(".yaml"))
    return run


def loads(run, path):
    """archsim's loader accepts the layers, and their tensors have the shapes that it asks for."""
    entries = [
        LayerEntry(
            keys={"name": n.name, "op": n.op, "inputs": list(n.inputs), **n.fields}, profile={}
        )
        for n in run.layers
    ]
    head = header("net", "inference", 1, made_by="a test")
    path.write_text(workload_text({k: v for k, v in head.items() if k != "tensors"}, entries))
    layers = {layer.name: layer for layer in load_workload(str(path)).layers}
    for name, weight in run.weights.items():
        assert weight.shape == layers[name].weight_shape(), name
        assert run.inputs[name].shape[1:] == layers[name].input_shape(), name
    return layers
