"""Every operator of the ONNX importer: equal to ONNX's own evaluator and legal to archsim's
loader, or refused by name."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from slow_cases import slow_but_every

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

from archsim.formats.errors import InputError  # noqa: E402
from archsim.workload.workload import load_workload  # noqa: E402
from sdalgo import onnx_import  # noqa: E402
from sdalgo.cli.main import main  # noqa: E402
from sdalgo.importer import workload as importer_workload  # noqa: E402
from sdalgo.importer.feeds import Wanted  # noqa: E402
from sdalgo.onnx_graph import OnnxModel  # noqa: E402
from sdalgo.recipe import Recipe  # noqa: E402

ROOT = Path(__file__).parents[2]
TYPES = {np.dtype(np.float32): 1, np.dtype(np.float16): 10, np.dtype(np.float64): 11}
node = helper.make_node
CONV = node("Conv", ["x", "w"], ["c"], "first", pads=[1, 1, 1, 1])
LAST = node("Conv", ["m", "p"], ["y"], "last")


def constants(dtype=np.float32):
    rng = np.random.default_rng(0)
    shapes = {
        "w": (4, 3, 3, 3), "p": (5, 4, 1, 1), "v": (4, 4, 3, 3), "b4": (1, 4, 1, 1),
        "bn": (4,), "fc": (4, 6), "fct": (6, 4), "f6": (6,), "flat": (256, 6), "left": (7, 4),
        "tokens": (4, 9), "tall": (256, 3),
    }  # fmt: skip
    found = {n: rng.normal(0, 0.3, s).astype(dtype) for n, s in shapes.items()}
    found["var"] = (np.abs(found["bn"]) + 0.5).astype(dtype)
    found |= {"one": np.asarray(1, dtype), "half": np.asarray(-0.1, dtype)}
    whole = {
        "row": [1, -1], "nchw": [1, 4, 8, 8], "hw": [2, 3], "plane": [0, 0, 1, 2, 0, 0, 1, 0],
        "two": [1, 2], "i0": [0], "i1": [1], "i3": [3], "keep": [1, 4, -1],
    }  # fmt: skip
    return found | {name: np.array(value, np.int64) for name, value in whole.items()}


def model(tmp_path, nodes, *, opset=13, dtype=np.float32, shape=(1, 3, 8, 8), change=None):
    held = constants(dtype) | (change or {})
    used = {name for one in nodes for name in one.input}
    inits = [numpy_helper.from_array(a, name) for name, a in held.items() if name in used]
    kind = TYPES[np.dtype(dtype)]
    x = helper.make_tensor_value_info("x", kind, shape)
    y = helper.make_tensor_value_info("y", kind, ["open"])
    graph = helper.make_graph(nodes, "net", [x], [y], inits)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = tmp_path / "net.onnx"
    onnx.save(made, str(path))
    return path


def check(path, *, size=None, dtype=np.float32, near=1e-4):
    """Run the importer and the evaluator, and archsim's loader on what would be written."""
    wanted = Wanted(size=size)
    found = OnnxModel(path, wanted)
    image = np.random.default_rng(1).normal(0, 1, found.shape).astype(np.float32)
    out = found.run_image(image)
    (expected,) = ReferenceEvaluator(str(path)).run(
        ["y"], {found.network.inputs[0].name: image[None].astype(dtype)}
    )
    assert out.shape == expected.shape
    np.testing.assert_allclose(out, expected, rtol=near, atol=near)
    recipe = Recipe(name="net", about="imported", network="onnx", weights="net.onnx")
    onnx_import.import_onnx(path, recipe, path.parent, wanted=wanted)
    workload = load_workload(str(path.parent / "net.yaml"))
    views = ("reshape", "transpose", "slice")
    names = [
        layer.name for layer in found.layers if layer.op not in views or "copy" in layer.fields
    ]
    assert [layer.name for layer in workload.layers] == names
    return found, workload


@pytest.fixture(autouse=True)
def _loader_in_this_process(monkeypatch):
    """`archsim validate` without its start; `test_the_loader_has_the_last_word` runs it whole."""

    def validated(yaml):
        load_workload(str(yaml))

    monkeypatch.setattr(importer_workload, "validate", validated)


def between(*nodes, **options):
    return SimpleNamespace(nodes=[CONV, *nodes, LAST], options=options)


def pooled(kind="AveragePool", **attrs):
    return between(node(kind, ["c"], ["m"], "pool", **attrs))


def ended(*nodes, **options):
    return SimpleNamespace(nodes=[CONV, *nodes], options=options)


TO_ROW = [node("GlobalAveragePool", ["c"], ["g"], "mean"), node("Flatten", ["g"], ["f"])]
EQUAL = {
    "relu": between(node("Relu", ["c"], ["m"])),
    "leaky": between(node("LeakyRelu", ["c"], ["m"], alpha=0.3)),
    "prelu": between(node("PRelu", ["c", "b4"], ["m"])),
    "elu": between(node("Elu", ["c"], ["m"], alpha=0.7)),
    "sigmoid": between(node("Sigmoid", ["c"], ["m"])),
    "hard sigmoid": between(node("HardSigmoid", ["c"], ["m"], alpha=0.3)),
    "hard swish": between(node("HardSwish", ["c"], ["m"]), opset=14),
    "tanh": between(node("Tanh", ["c"], ["m"])),
    "clip above": between(node("Clip", ["c", "", "one"], ["m"])),
    "clip below": between(node("Clip", ["c", "half"], ["m"])),
    "clip of old": between(node("Clip", ["c"], ["m"], max=0.2), opset=9),
    "softmax": between(node("Softmax", ["c"], ["m"], axis=1)),
    "softmax of old": ended(*TO_ROW, node("Softmax", ["f"], ["y"]), opset=11),
    "norm": between(node("BatchNormalization", ["c", "bn", "bn", "bn", "var"], ["m"]), opset=15),
    "sub": between(node("Sub", ["one", "c"], ["m"])),
    "div": between(node("Div", ["c", "b4"], ["m"])),
    "max": between(node("Max", ["c", "half"], ["m"])),
    "min": between(node("Min", ["half", "c"], ["m"])),
    "add a bias": between(node("Add", ["b4", "c"], ["m"])),
    "mul": between(node("Mul", ["c", "b4"], ["m"])),
    "residual": between(
        node("Conv", ["c", "v"], ["d"], pads=[1] * 4), node("Sum", ["d", "c", "b4"], ["m"])
    ),
    "gate": between(
        node("GlobalMaxPool", ["c"], ["g"]), node("Sigmoid", ["g"], ["s"]),
        node("Mul", ["s", "c"], ["m"]),
    ),
    "twice the same name": between(
        node("Conv", ["c", "v"], ["d"], "first", pads=[1] * 4), node("Add", ["d", "c"], ["m"])
    ),
    "pad": between(
        node("Pad", ["c", "plane"], ["d"]),
        node("Conv", ["d", "v"], ["m"], strides=[2, 2], pads=[0, 1, 0, 0]),
    ),
    "pad before a pool": between(
        node("Pad", ["c", "plane"], ["d"]), node("MaxPool", ["d"], ["m"], kernel_shape=[3, 3])
    ),
    "pad of old": between(
        node("Pad", ["c"], ["d"], pads=[0, 0, 1, 1, 0, 0, 2, 2], mode="constant"),
        node("AveragePool", ["d"], ["m"], kernel_shape=[3, 3]), opset=9,
    ),
    "pad axes": between(
        node("Pad", ["c", "two", "", "i3"], ["d"]), node("Conv", ["d", "v"], ["m"]), opset=18
    ),
    "dilation": between(node("Conv", ["c", "v"], ["m"], dilations=[2, 1])),
    "same lower": between(node("Conv", ["c", "v"], ["m"], auto_pad="SAME_LOWER", strides=[2, 2])),
    "groups": between(
        node("Conv", ["c", "g2"], ["m"], group=2), change={"g2": np.ones((4, 2, 1, 3), np.float32)}
    ),
    "ceil": pooled(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "ceil, padding counted": pooled(
        kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, pads=[0, 1, 0, 1], count_include_pad=1
    ),
    "ceil, last window dropped": pooled(
        "MaxPool", kernel_shape=[1, 2], strides=[3, 3], ceil_mode=1, pads=[0, 0, 0, 0]
    ),
    "padding": pooled(kernel_shape=[3, 3], pads=[1, 0, 1, 1]),
    "largest": pooled("MaxPool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 1, 0, 0]),
    "mean of a plane": ended(
        node("ReduceMean", ["c"], ["f"], axes=[-1, 2], keepdims=0),
        node("MatMul", ["f", "fc"], ["y"]),
    ),
    "gemm": ended(
        *TO_ROW,
        node("Gemm", ["f", "fct", "f6"], ["y"], alpha=0.5, beta=2.0, transB=1),
    ),
    "gemm of a column": ended(
        *TO_ROW, node("Transpose", ["f"], ["t"]), node("Gemm", ["t", "fc"], ["y"], transA=1)
    ),
    "constant on the left": ended(
        node("Reshape", ["c", "keep"], ["r"]), node("MatMul", ["left", "r"], ["y"])
    ),
    "tokens": ended(
        node("Reshape", ["c", "keep"], ["r"]), node("Transpose", ["r"], ["t"], perm=[0, 2, 1]),
        node("MatMul", ["t", "tokens"], ["u"]), node("Relu", ["u"], ["y"]),
    ),
    "row": ended(node("Reshape", ["c", "row"], ["r"]), node("Gemm", ["r", "flat"], ["y"])),
    "concat of rows": ended(
        *TO_ROW, node("GlobalMaxPool", ["c"], ["h"]), node("Squeeze", ["h", "hw"], ["s"]),
        node("Concat", ["f", "s"], ["k"], axis=-1), node("MatMul", ["k", "e8"], ["y"]),
        change={"e8": np.ones((8, 3), np.float32)},
    ),
    "concat of planes": ended(node("Concat", ["c", "c"], ["y"], axis=1)),
    "shape": ended(
        node("Shape", ["c"], ["s"]), node("Slice", ["s", "i0", "i1"], ["n"]),
        node("Gather", ["s", "i1"], ["k"]), node("Concat", ["n", "k", "rest"], ["t"], axis=0),
        node("Reshape", ["c", "t"], ["r"]), node("Identity", ["r"], ["y"]),
        change={"rest": np.array([-1])},
    ),
    "views": between(
        node("Cast", ["c"], ["a"], to=TensorProto.FLOAT), node("Dropout", ["a"], ["d"]),
        node("Unsqueeze", ["d", "i0"], ["u"]), node("Squeeze", ["u", "i0"], ["m"]),
    ),
    "unsqueeze of old": between(
        node("Unsqueeze", ["bn"], ["u"], axes=[1, 2]), node("Add", ["c", "u"], ["m"]), opset=11
    ),
    "constant nodes": between(
        node("Constant", [], ["k"], value_float=0.5), node("Mul", ["c", "k"], ["m"])
    ),
    "constant of shape": between(
        node("ConstantOfShape", ["nchw"], ["k"]), node("Add", ["c", "k"], ["m"])
    ),
}  # fmt: skip
REFUSED = {
    "its attribute 'value_string' is not known": between(
        node("Constant", [], ["k"], value_string="k"), node("Relu", ["c"], ["m"])
    ),
    "MaxPool with dilations [2, 2]": pooled("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]),
    "runtimes differ": pooled(kernel_shape=[4, 4], strides=[3, 3], ceil_mode=1),
    "strides [1, 0]: at least 1 each": between(
        node("Conv", ["c", "v"], ["m"], strides=[1, 0], pads=[1] * 4)
    ),
    "strides [0, 1]: at least 1 each": pooled(
        kernel_shape=[2, 2], strides=[0, 1], auto_pad="SAME_UPPER"
    ),
    "kernel_shape [0, 3]: at least 1": pooled("MaxPool", kernel_shape=[0, 3], ceil_mode=1),
    "dilations [-1, 1]: at least 1": between(
        node("Conv", ["c", "v"], ["m"], dilations=[-1, 1], pads=[1] * 4)
    ),
    "group 0: at least 1": between(node("Conv", ["c", "v"], ["m"], group=0, pads=[1] * 4)),
    "only odd ones": between(node("LRN", ["c"], ["m"], size=2)),
    "BatchNormalization with training_mode 1": between(
        node("BatchNormalization", ["c", "bn", "bn", "bn", "var"], ["m", "a", "b"],
             training_mode=1), opset=14),
    "bn: 1 of 4 values are NaN": between(
        node("BatchNormalization", ["c", "bn", "f", "f", "var"], ["m"]), change={
            "bn": np.array([1, np.nan, 1, 1], np.float32), "f": np.ones(4, np.float32)}),
    "w: 1 of 108 values are NaN": between(node("Relu", ["c"], ["m"]), change={
        "w": np.where(np.arange(108) == 5, np.inf, 1).reshape(4, 3, 3, 3).astype(np.float32)}),
    "its output: 64 of 256": between(node("Div", ["c", "z"], ["m"]), change={
        "z": np.array([[[[0]], [[1]], [[1]], [[1]]]], np.float32)}),
}  # fmt: skip


@pytest.mark.parametrize("case", slow_but_every(2, EQUAL))
def test_equal_to_the_reference_evaluator_and_legal_to_archsim(case, tmp_path):
    check(model(tmp_path, EQUAL[case].nodes, **EQUAL[case].options))


def test_softmax_of_old_goes_over_all_axes_from_its_own(tmp_path):
    """The evaluator of onnx 1.23 takes one axis alone, as from opset 13 on."""
    found = OnnxModel(
        model(tmp_path, [node("Softmax", ["x"], ["y"])], opset=11, shape=(1, 3, 2, 2))
    )
    image = np.random.default_rng(1).normal(0, 1, (3, 2, 2)).astype(np.float32)
    out = found.run_image(image)
    np.testing.assert_allclose(out[0], np.exp(image) / np.exp(image).sum(), rtol=1e-5)


def test_lrn_is_as_onnx_defines_it(tmp_path):
    """The evaluator of onnx 1.23 normalises the first channel alone."""
    path = model(tmp_path, [node("LRN", ["x"], ["c"], size=3, alpha=0.6, beta=0.5, bias=2.0),
                            node("Conv", ["c", "w"], ["y"])])  # fmt: skip
    image = np.random.default_rng(1).normal(0, 1, (3, 8, 8)).astype(np.float32)
    found = OnnxModel(path)
    found.run_image(image)
    squares = image**2
    sums = np.stack([squares[max(0, c - 1) : c + 2].sum(0) for c in range(3)])
    expected = image / np.sqrt(2 + 0.2 * sums)
    np.testing.assert_allclose(next(iter(found.inputs.values()))[0], expected, rtol=1e-5)


@pytest.mark.parametrize("said", REFUSED)
def test_refused_by_name(said, tmp_path, capsys):
    path = model(tmp_path, REFUSED[said].nodes, **REFUSED[said].options)
    assert main(["import", str(path), "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "net.onnx" in err
    assert not (tmp_path / "net.yaml").exists()


def test_all_unknown_operators_are_said_at_once(tmp_path):
    nodes = [CONV, node("Det", ["c"], ["e"]), node("RoiAlign", ["e", "e", "i0"], ["s"]),
             node("Det", ["s"], ["m"]), LAST]  # fmt: skip
    with pytest.raises(InputError) as refused:
        OnnxModel(model(tmp_path, nodes)).run_image(np.zeros((3, 8, 8), np.float32))
    said = [problem.message.split()[1] for problem in refused.value.problems]
    assert said == ["Det", "RoiAlign"]


@pytest.mark.parametrize(("dtype", "near"), [(np.float16, 2e-2), (np.float64, 1e-4)])
def test_half_and_double_are_read(dtype, near, tmp_path):
    path = model(tmp_path, between(node("Relu", ["c"], ["m"])).nodes, dtype=dtype)
    check(path, dtype=dtype, near=near)


def test_an_open_size_is_asked_for_and_given(tmp_path, capsys):
    nodes = [CONV, *TO_ROW, node("MatMul", ["f", "fc"], ["y"])]
    path = model(tmp_path, nodes, shape=("N", 3, "h", "w"))
    with pytest.raises(InputError, match=r"no fixed size \(\?, h, w\)|--size"):
        OnnxModel(path)
    found, _ = check(path, size=(10, 12))
    assert found.shape == (3, 10, 12)
    for size, said in (("10x0", "neither"), ("4x10x12", "does not fit"), ("ten", "neither")):
        assert main(["import", str(path), "--size", size, "--out", str(tmp_path)]) == 2
        assert said in capsys.readouterr().err


def test_weights_beside_the_model_are_read_wherever_the_command_runs(tmp_path, monkeypatch):
    nodes = between(node("Relu", ["c"], ["m"])).nodes
    for folder, factor in (("here", 1), ("there", 2)):
        (tmp_path / folder).mkdir()
        plain = model(tmp_path / folder, nodes, change={"p": constants()["p"] * factor})
        onnx.save(onnx.load(plain), plain, save_as_external_data=True, location="net.data",
                  size_threshold=0)  # fmt: skip
    monkeypatch.chdir(tmp_path / "there")
    found, _ = check(tmp_path / "here" / "net.onnx")
    np.testing.assert_array_equal(found.weights["last"], constants()["p"])
    (tmp_path / "here" / "net.data").unlink()
    with pytest.raises(InputError, match=r"in the file 'net.data', which is not beside it"):
        OnnxModel(tmp_path / "here" / "net.onnx")


def test_a_pad_becomes_the_padding_of_what_follows(tmp_path):
    case = EQUAL["pad"]
    found, workload = check(model(tmp_path, case.nodes))
    assert found.layers[1].fields["padding"] == [1, 3, 1, 0]
    assert found.inputs[found.layers[1].name].shape == (1, 4, 8, 8)
    assert workload.layers[1].out_size == (4, 5)


def test_gemm_holds_alpha_in_its_weight(tmp_path):
    found, _ = check(model(tmp_path, EQUAL["gemm"].nodes))
    np.testing.assert_allclose(list(found.weights.values())[-1], constants()["fct"] / 2)


def test_the_loader_has_the_last_word(tmp_path, monkeypatch):
    monkeypatch.undo()
    # More rows of zeros than a workload may say, which only its loader knows.
    nodes = [node("Conv", ["x", "w"], ["y"], "c", pads=[4097, 0, 0, 0])]
    recipe = Recipe(name="net", about="imported", network="onnx", weights="net.onnx")
    with pytest.raises(InputError, match=r"archsim validate: .*padding"):
        onnx_import.import_onnx(model(tmp_path, nodes), recipe, tmp_path)
    assert not (tmp_path / "net.yaml").exists()
    onnx_import.import_onnx(model(tmp_path, [CONV, node("Relu", ["c"], ["y"])]), recipe, tmp_path)
    assert (tmp_path / "net.safetensors").exists()
