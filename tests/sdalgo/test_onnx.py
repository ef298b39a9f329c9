"""The ONNX importer against ONNX's own reference evaluator, and on the networks onnx ships."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo.onnx_graph import OnnxModel  # noqa: E402

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def made(tmp_path, *, operator="Relu"):
    """A network with automatic padding, a ceiling pool, a residual edge, a gate and a Gemm."""
    rng = np.random.default_rng(0)
    shapes = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 1, 5, 5), "w3": (8, 8, 1, 1), "w4": (8, 6)}
    constants = [
        numpy_helper.from_array(rng.normal(0, 0.3, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], "first", strides=[2, 2], auto_pad="SAME_UPPER"),
        node(operator, ["c1"], ["r1"]),
        node("MaxPool", ["r1"], ["p1"], "pool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        node("Conv", ["p1", "w2"], ["c2"], "depthwise", group=8, pads=[2, 2, 2, 2]),
        node("Conv", ["c2", "w3"], ["c3"], "point"),
        node("Add", ["c3", "p1"], ["a1"], "edge"),
        node("GlobalAveragePool", ["c3"], ["g1"], "mean"),
        node("Sigmoid", ["g1"], ["s1"]),
        node("Mul", ["a1", "s1"], ["m1"], "gate"),
        node("Concat", ["m1", "p1"], ["k1"], "both", axis=1),
        node("AveragePool", ["m1"], ["v1"], "mean2", kernel_shape=[5, 5]),
        node("Flatten", ["v1"], ["f1"]),
        node("Gemm", ["f1", "w4"], ["y"], "fc"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 20, 20])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6])
    graph = helper.make_graph(nodes, "net", [x], [y], constants)
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    path = tmp_path / "net.onnx"
    onnx.save(model, str(path))
    return path


def test_a_made_network_runs_as_in_the_reference_evaluator(tmp_path):
    from onnx.reference import ReferenceEvaluator

    path = made(tmp_path)
    image = np.random.default_rng(1).normal(0, 1, (3, 20, 20)).astype(np.float32)
    model = OnnxModel(path)
    found = model.run_image(image)
    (expected,) = ReferenceEvaluator(str(path)).run(["y"], {"x": image[None]})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    layers = {layer.name: layer for layer in model.layers}
    assert layers["edge"].inputs == ("point", "pool")
    assert layers["gate"].inputs == ("edge", "mean")
    assert layers["both"].op == "concat"
    assert layers["first"].fields["padding"] == [0, 0, 1, 1]
    assert layers["depthwise"].fields["groups"] == 8
    assert layers["fc"].inputs == ("mean2",)
    assert model.weights["fc"].shape == (6, 8)


@pytest.mark.parametrize(
    ("name", "convs", "adds", "weights"),
    [
        pytest.param("resnet50", 53, 16, 25_502_912, marks=pytest.mark.slow),
        ("squeezenet", 26, 0, 1_231_552),
    ],
)
def test_networks_that_onnx_ships_have_their_layers(name, convs, adds, weights):
    model = OnnxModel(LIGHT / f"light_{name}.onnx")
    model.run_image(np.zeros(model.shape, np.float32))
    assert sum(layer.op == "conv" for layer in model.layers) == convs
    assert sum(layer.op == "add" for layer in model.layers) == adds
    # ResNet-50: 25 557 032 parameters less 53 120 of norms and 1 000 biases.
    assert sum(weight.size for weight in model.weights.values()) == weights


def test_an_imported_workload_is_one_that_archsim_runs(tmp_path):
    from archsim.workload.workload import load_workload
    from sdalgo.cli.main import main

    path = made(tmp_path)
    arguments = ["import", str(path), "--name", "net", "--out", str(tmp_path), "--json"]
    assert main(arguments) == 0
    workload = load_workload(str(tmp_path / "net.yaml"))
    assert workload.mode == "measured"
    assert [layer.name for layer in workload.layers if layer.is_array] == [
        "first", "depthwise", "point", "fc",
    ]  # fmt: skip


def of_batch(path, batch, sizes):
    """A convolution, a reshape to the sizes and back to rows of samples, and a matrix."""
    rng = np.random.default_rng(2)
    constants = {
        "w": rng.normal(0, 0.3, (8, 3, 3, 3)).astype(np.float32),
        "sizes": np.array(sizes, np.int64),
        "m": rng.normal(0, 0.3, (sizes[-1] if sizes[-1] > 0 else 128, 5)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv"),
        helper.make_node("Reshape", ["c", "sizes"], ["r"], "reshape"),
        helper.make_node("MatMul", ["r", "m"], ["y"], "fc"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 6, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 5])
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "net", [x], [y], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              str(path))  # fmt: skip


@pytest.mark.parametrize("batch", [1, 2, 8])
@pytest.mark.parametrize("sizes", ["B,-1", "B,128", "-1,128", "0,-1"])
def test_a_reshape_of_a_fixed_batch_is_one_of_a_sample(batch, sizes, tmp_path):
    """Oracle: ONNX's own evaluator on the whole batch; batches of 8 have as many channels."""
    from onnx.reference import ReferenceEvaluator

    path = tmp_path / "net.onnx"
    of_batch(path, batch, [batch if size == "B" else int(size) for size in sizes.split(",")])
    image = np.random.default_rng(1).normal(0, 1, (3, 6, 6)).astype(np.float32)
    found = OnnxModel(path).run_image(image)
    (expected,) = ReferenceEvaluator(str(path)).run(None, {"x": np.stack([image] * batch)})
    np.testing.assert_allclose(found, expected[:1], rtol=1e-4, atol=1e-5)


def test_a_failed_import_leaves_nothing(tmp_path, monkeypatch):
    from sdalgo.cli.main import main

    path = made(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    (out / "net.yaml").mkdir()  # in the way of the file
    arguments = ["import", str(path), "--name", "net", "--out", str(out), "--json"]
    assert main(arguments) == 2
    assert [each.name for each in out.iterdir() if each.name.startswith(".")] == []


def test_what_the_importer_does_not_know_is_named(tmp_path):
    model = OnnxModel(made(tmp_path, operator="Det"))
    with pytest.raises(InputError, match="Det"):
        model.run_image(np.zeros(model.shape, np.float32))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(json.dumps({"not": "onnx"}).encode())
    with pytest.raises(InputError, match=r"broken\.onnx"):
        OnnxModel(broken)
    with pytest.raises(InputError, match="read"):
        OnnxModel(tmp_path / "none.onnx")
