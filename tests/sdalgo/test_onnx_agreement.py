"""What an ONNX network computes with other weights, against ONNX's own evaluator."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skimage")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo import photos  # noqa: E402
from sdalgo.agreement import compare  # noqa: E402
from sdalgo.onnx_agreement import onnx_weights  # noqa: E402
from sdalgo.options import preset  # noqa: E402
from sdalgo.recipe import load_recipe  # noqa: E402
from sdalgo.sweep import sweep  # noqa: E402


def saved(path, constants):
    """A convolution, and a product by a matrix (C, K)."""
    node, value = helper.make_node, helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            node("Conv", ["x", "w"], ["c"], "stem", strides=[4, 4], pads=[1, 1, 1, 1]),
            node("Relu", ["c"], ["r"]),
            node("GlobalAveragePool", ["r"], ["p"]),
            node("Flatten", ["p"], ["f"]),
            node("MatMul", ["f", "m"], ["y"], "fc"),
        ],
        "net",
        [value("x", TensorProto.FLOAT, [1, 3, 32, 32])],
        [value("y", TensorProto.FLOAT, [1, 6])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return path


@pytest.fixture
def constants():
    rng = np.random.default_rng(0)
    shapes = {"w": (8, 3, 3, 3), "m": (8, 6)}
    return {key: rng.standard_normal(s).astype(np.float32) for key, s in shapes.items()}


def test_other_weights_agree_as_the_evaluator_of_a_file_with_them_says(constants, tmp_path):
    found = onnx_weights(saved(tmp_path / "a.onnx", constants))
    assert {name: w.shape for name, w in found.weights.items()} == {
        "w": (8, 3, 3, 3), "m": (6, 8),
    }  # fmt: skip
    others = {name: np.sign(weight).astype(np.float32) for name, weight in found.weights.items()}
    path = saved(tmp_path / "b.onnx", {"w": others["w"], "m": np.ascontiguousarray(others["m"].T)})
    images = np.ascontiguousarray(photos.batch((3, 32, 32), pixels=photos.CAFFE)[:, ::-1])
    outputs = []
    for file in (tmp_path / "a.onnx", path):
        runs = ReferenceEvaluator(str(file))
        outputs.append(np.concatenate([runs.run(None, {"x": image[None]})[0] for image in images]))
    wanted, same = compare(*outputs), found.agreement(others)
    assert same.images == 6
    assert same.cosine == pytest.approx(wanted.cosine, abs=1e-5)
    assert (same.top1, same.top5) == (wanted.top1, wanted.top5)
    assert found.agreement(found.weights).cosine == pytest.approx(1)


def test_a_sweep_of_a_given_file_compares_its_outputs(constants, tmp_path):
    from sdalgo.given_weights import with_weights

    path = saved(tmp_path / "a.onnx", constants)
    recipe = with_weights(load_recipe("resnet18_imagenet_sd"), path)
    (row,) = sweep(recipe, preset("best"), (0.0,))
    assert 0.9 < row["agreement"]["cosine"] < 1


def test_a_network_of_tokens_is_not_compared(tmp_path):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "net",
        [value("x", TensorProto.FLOAT, [1, 8])],
        [value("y", TensorProto.FLOAT, [1, 8])],
    )
    opset = [helper.make_opsetid("", 13)]
    path = tmp_path / "tokens.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    with pytest.raises(InputError, match="its one input would have to be an image"):
        onnx_weights(path)
