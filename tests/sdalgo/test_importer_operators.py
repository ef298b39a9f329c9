"""Every operator that the importer knows, after a linear layer: equal to ONNX's own evaluator, and
the layers that it must become."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import torch
from onnx.reference import ReferenceEvaluator
from onnx_graphs import Graph, check, imported, node, random

from sdalgo.importer.known import KINDS

X = (1, 4, 6)
F32, I64 = np.float32, np.int64
ROOT = Path(__file__).parents[2]


def after(kind, shape, *inputs, ops=(), opset=21, outputs=("y",), x=None, **attrs):
    """An operator of the map `m` (1x1 convolution or matrix of `x`) and of constants."""
    x = random(*shape) if x is None else x
    constants = {f"k{i}": np.asarray(v) for i, v in enumerate(inputs) if not isinstance(v, str)}
    names = [v if isinstance(v, str) else f"k{i}" for i, v in enumerate(inputs)]
    if "m" not in names:
        names = ["m", *names]
    constants["w"] = np.eye(shape[-1], dtype=F32)
    nodes = [
        node("MatMul", ["x", "w"], ["m"], "made"),
        node(kind, names, list(outputs), "op", **attrs),
    ]
    return Graph(
        nodes=nodes, feeds={"x": x}, constants=constants, outputs=outputs, opset=opset,
        ops=("linear", *ops),
    )  # fmt: skip


def whole(*values):
    return np.array(values, I64)


POSITIVE = random(*X, low=0.2)
INNER = random(*X, low=-1) * 0.9
ELEMENTWISE = {
    "Exp": None, "Log": POSITIVE, "Sqrt": POSITIVE, "Erf": None, "Abs": None,
    "Reciprocal": POSITIVE, "Floor": None, "Ceil": None, "Round": None, "Sign": None,
    "Softplus": None, "Softsign": None, "Mish": None, "Sin": None, "Cos": None, "Tan": INNER,
    "Asin": INNER, "Acos": INNER, "Atan": None, "Sinh": None, "Cosh": None, "Asinh": None,
    "Acosh": POSITIVE + 1, "Atanh": INNER, "IsNaN": None, "IsInf": None,
}  # fmt: skip
FREE = {
    "Relu": {}, "LeakyRelu": {"alpha": 0.3}, "Elu": {"alpha": 0.7}, "Selu": {"gamma": 1.1},
    "Celu": {"alpha": 0.6}, "ThresholdedRelu": {"alpha": 0.4}, "Shrink": {"bias": 0.1},
    "Sigmoid": {}, "HardSigmoid": {"alpha": 0.3}, "Tanh": {}, "Neg": {},
}  # fmt: skip
REDUCED = ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp")
CASES = {
    **{name: after(name, X, x=x, ops=("elementwise",)) for name, x in ELEMENTWISE.items()},
    **{name: after(name, X, **attrs) for name, attrs in FREE.items()},
    **{
        f"Reduce{name} of axis {axis}": after(
            f"Reduce{name}", X, whole(axis), ops=("pool",), keepdims=keep
        )
        for name in REDUCED for axis, keep in ((-1, 1), (1, 0))
    },
    "ReduceLogSum": after("ReduceLogSum", X, whole(1), x=POSITIVE, ops=("pool",)),
    "ReduceMean of old": after("ReduceMean", X, opset=13, axes=[2], ops=("pool",)),
    "ReduceSum of nothing": after("ReduceSum", X, noop_with_empty_axes=1),
    "ReduceMax of the middle": after("ReduceMax", (2, 3, 4, 5), whole(1, 2), ops=("pool",)),
    "ReduceMean of first and last": after("ReduceMean", (2, 3, 5), whole(0, 2), ops=("pool",)),
    "ArgMax": after("ArgMax", X, axis=-1, keepdims=0, ops=("pool",)),
    "ArgMin": after("ArgMin", X, axis=1, select_last_index=1, ops=("pool",)),
    "Clip": after("Clip", X, F32(-0.5), F32(0.5)),
    "Clip of old": after("Clip", X, opset=9, min=-0.5),
    "PRelu": after("PRelu", X, random(1, 1, 6)),
    "Pow": after("Pow", X, F32(3), ops=("elementwise",)),
    "Mod": after("Mod", X, F32(0.7), fmod=1, ops=("elementwise",)),
    "Div of a constant": after("Div", X, random(*X), "m", x=POSITIVE, ops=("elementwise",)),
    "Max": after("Max", X, F32(0.1)),
    "Mean": after("Mean", X, random(*X)),
    "Equal": after("Equal", X, F32(0), ops=("elementwise",)),
    "Less": after("Less", X, F32(0), ops=("elementwise",)),
    "LessOrEqual": after("LessOrEqual", X, F32(0), ops=("elementwise",)),
    "Greater": after("Greater", X, F32(0), ops=("elementwise",)),
    "GreaterOrEqual": after("GreaterOrEqual", X, F32(0), ops=("elementwise",)),
    "Where": after("Where", X, random(*X) > 0, "m", F32(-3)),
    "Trilu": after("Trilu", X, whole(1).reshape(()), upper=0),
    "Softmax": after("Softmax", X, axis=1, ops=("softmax",)),
    "LogSoftmax": after("LogSoftmax", X, ops=("softmax",)),
    "Hardmax": after("Hardmax", X, ops=("elementwise",)),
    "Gelu": after("Gelu", X, ops=("gelu",)),
    "Gelu by tanh": after("Gelu", X, approximate="tanh", ops=("gelu",)),
    "HardSwish": after("HardSwish", X, ops=("hardswish",)),
    "LayerNormalization": after(
        "LayerNormalization", X, random(6), random(6), ops=("layernorm",), epsilon=0.1
    ),
    "LayerNormalization of two axes": after(
        "LayerNormalization", X, random(4, 6), axis=1, ops=("layernorm",)
    ),
    "InstanceNormalization": after(
        "InstanceNormalization", X, random(4), random(4), ops=("layernorm",)
    ),
    "GroupNormalization": after(
        "GroupNormalization", X, random(4), random(4), num_groups=2, ops=("layernorm",)
    ),
    "MeanVarianceNormalization": after(
        "MeanVarianceNormalization", (1, 3, 4, 4), ops=("layernorm",)
    ),
    "RMSNormalization": after("RMSNormalization", X, random(6), opset=23, ops=("rmsnorm",)),
    "Swish": after("Swish", X, alpha=1.5, opset=24, ops=("silu",)),
    "LpNormalization": after("LpNormalization", X, axis=1, ops=("rmsnorm",)),
    "BatchNormalization": after(
        "BatchNormalization", X, random(4), random(4), random(4), random(4, low=0.5), opset=15
    ),
    "Identity": after("Identity", X),
    "Dropout": after("Dropout", X, opset=7, ratio=0.3),
    "Cast": after("Cast", X, to=7),
    "CastLike": after("CastLike", X, F32(1)),
    "Flatten": after("Flatten", X, axis=-1),
    "Reshape": after("Reshape", X, whole(0, -1)),
    "Squeeze": after("Squeeze", X, whole(0)),
    "Squeeze of old": after("Squeeze", X, opset=11, axes=[0]),
    "Unsqueeze": after("Unsqueeze", X, whole(-1, 0)),
    "Transpose": after("Transpose", X, perm=[2, 0, 1]),
    "DepthToSpace": after("DepthToSpace", (1, 8, 2, 3), blocksize=2),
    "DepthToSpace by columns": after("DepthToSpace", (1, 8, 2, 3), blocksize=2, mode="CRD"),
    "SpaceToDepth": after("SpaceToDepth", (1, 3, 4, 6), blocksize=2),
    "Expand": after("Expand", X, whole(3, 1, 6)),
    "Tile": after("Tile", X, whole(1, 2, 1)),
    "Slice": after("Slice", X, whole(1), whole(3), whole(2)),
    "Slice of steps": after("Slice", X, whole(0, -1), whole(9, -9), whole(1, 2), whole(2, -1)),
    "Slice of old": after("Slice", X, opset=9, axes=[2], starts=[-3], ends=[1000]),
    "Split": after("Split", X, whole(1, 5), axis=2, outputs=("y", "z")),
    "Split evenly": after("Split", (1, 4, 7), axis=2, num_outputs=3, outputs=("y", "z", "u")),
    "Split of old": after("Split", X, opset=11, split=[2, 2], axis=1, outputs=("y", "z")),
    "Gather": after("Gather", X, whole(2, 3), axis=1),
    "Gather of one": after("Gather", X, whole(-1).reshape(()), axis=1),
    "Gather of any": after("Gather", X, whole(3, 0, 3, 1), axis=1, ops=("reshape",)),
    "GatherElements": after(
        "GatherElements", X, np.zeros((1, 2, 6), I64), axis=1, ops=("slice",)
    ),
    "GatherND": after("GatherND", X, whole([0, 1], [0, 3]), ops=("slice",)),
    "ScatterND": after(
        "ScatterND", X, whole([0, 1], [0, 3]), random(2, 6), ops=("elementwise",)
    ),
    "ScatterElements": after(
        "ScatterElements", X, np.zeros((1, 1, 6), I64), random(1, 1, 6), axis=1,
        ops=("elementwise",),
    ),
    "Pad": after("Pad", X, whole(0, 1, 0, 0, 2, 0), ops=("resize",)),
    "Pad by a mirror": after("Pad", X, whole(0, 2, 0, 0, 1, 0), mode="reflect", ops=("resize",)),
    "Pad by the edge": after("Pad", X, whole(0, 0, 2, 0, 0, 9), mode="edge", ops=("resize",)),
    "Pad of channels": after("Pad", (1, 4, 3, 3), whole(0, 0, 0, 0, 0, 4, 0, 0), ops=("resize",)),
    "Concat": after("Concat", X, "m", "m", axis=1, ops=("concat",)),
    "Concat with a constant": after(
        "Concat", X, random(1, 1, 6), "m", axis=1, ops=("embedding", "concat")
    ),
    "Concat of channels": after("Concat", X, "m", random(1, 4, 2), axis=2,
                                ops=("embedding", "concat")),
    "CumSum": after("CumSum", X, whole(1).reshape(()), reverse=1, ops=("elementwise",)),
    "TopK": after("TopK", X, whole(2), outputs=("y", "z"), ops=("elementwise",)),
    "TopK of old": after("TopK", X, opset=9, k=2, axis=1, outputs=("y", "z"),
                         ops=("elementwise",)),
    "Resize": after("Resize", (1, 3, 4, 5), "m", "", F32([1, 1, 2, 3]), ops=("resize",)),
    "Resize linear": after("Resize", (1, 3, 4, 5), "m", "", "", whole(1, 3, 7, 9), mode="linear",
                           ops=("resize",)),
    "Resize cubic": after(
        "Resize", (1, 3, 8, 5), "m", "", F32([1, 1, 0.5, 2]), mode="cubic", ops=("resize",),
        coordinate_transformation_mode="align_corners", cubic_coeff_a=-0.5,
    ),
    "Resize asymmetric": after(
        "Resize", (1, 3, 4, 5), "m", "", F32([1, 1, 1.5, 2]), nearest_mode="floor",
        coordinate_transformation_mode="asymmetric", ops=("resize",),
    ),
    "MaxPool of a line": after("MaxPool", X, kernel_shape=[2], strides=[2], ops=("pool",)),
    "AveragePool of a line": after("AveragePool", X, kernel_shape=[3], pads=[1, 0], ops=("pool",)),
    "GlobalAveragePool of a line": after("GlobalAveragePool", X, ops=("pool",)),
    "Conv of a line": after("Conv", X, random(6, 2, 3), random(6), group=2, pads=[2, 1],
                            strides=[2], ops=("conv",)),
    "Conv of samples": after("Conv", (3, 4, 2, 5), random(7, 4, 1, 1), ops=("conv",)),
    "Conv of depth one": after("Conv", (1, 2, 1, 5, 5), random(3, 2, 1, 3, 3),
                               pads=[0, 1, 1, 0, 1, 1], ops=("conv",)),
    "ConvTranspose": after(
        "ConvTranspose", (1, 4, 5, 6), random(4, 3, 4, 3), random(3), strides=[2, 3],
        pads=[1, 0, 2, 1], output_padding=[1, 2], ops=("deconv",),
    ),
    "ConvTranspose of a line": after("ConvTranspose", X, random(4, 2, 4), strides=[2],
                                     ops=("deconv",)),
    "MatMul": after("MatMul", X, random(6, 3), ops=("linear",)),
    "MatMul by a vector": after("MatMul", X, random(6), ops=("linear",)),
    "MatMul from the left": after("MatMul", X, random(3, 4), "m", ops=("linear",)),
    "MatMul of two": after("MatMul", (2, 3, 4, 4), "m", "m", ops=("matmul",)),
    "MatMul by one matrix": after("MatMul", (1, 1, 4, 4), "m", "m", ops=("matmul",)),
    "Gemm of two": after("Gemm", (5, 5), "m", "m", random(5), transB=1, ops=("matmul",)),
    "Gemm": after("Gemm", (5, 6), random(3, 6), random(3), transB=1, beta=0.5, ops=("linear",)),
    "Einsum of two": after("Einsum", (2, 3, 4), "m", "m", equation="bij,bkj->bik",
                           ops=("matmul",)),
    "Einsum by a constant": after("Einsum", X, "m", random(6, 2, 3), equation="...c,chd->...hd",
                                  ops=("linear",)),
    "QuantizeLinear": after("QuantizeLinear", X, F32(0.1), np.int8(3)),
    "DynamicQuantizeLinear": after("DynamicQuantizeLinear", X, outputs=("y", "z", "u")),
    "IsInf of one sign": after("IsInf", X, detect_negative=0, ops=("elementwise",)),
}  # fmt: skip
COPIES = {"Gather of any", "GatherElements", "GatherND"}


@pytest.mark.parametrize("case", CASES)
def test_an_operator_equals_the_evaluator_and_is_its_layer(case, tmp_path):
    graph = CASES[case]
    if case in COPIES:  # copies are views that move
        op = graph.ops[1]
        run = check(Graph(**(vars(graph) | {"ops": None})), tmp_path / "net.onnx")
        assert [layer.fields["copy"] for layer in run.layers if layer.op == op] == [True]
        return
    check(graph, tmp_path / "net.onnx")


def alone(kind, x, *inputs, outputs=("y",), opset=21, ops=None, **attrs):
    """An operator of the network's input and of constants, whatever their types."""
    constants = {f"k{i}": np.asarray(v) for i, v in enumerate(inputs)}
    nodes = [node(kind, ["x", *constants], list(outputs), "op", **attrs)]
    return Graph(nodes=nodes, feeds={"x": x}, constants=constants, outputs=outputs, opset=opset,
                 ops=ops)  # fmt: skip


WHOLE = np.arange(-3, 9, dtype=np.int64).reshape(2, 6)
BYTES = (np.arange(24, dtype=np.uint8) * 9).reshape(1, 4, 6)
BOOLS = WHOLE % 2 == 0
CONTROL = {
    "Not": alone("Not", BOOLS), "And": alone("And", BOOLS, WHOLE > 0),
    "Or": alone("Or", BOOLS, WHOLE > 0), "Xor": alone("Xor", BOOLS, WHOLE > 0),
    "BitwiseAnd": alone("BitwiseAnd", WHOLE, whole(5)),
    "BitwiseOr": alone("BitwiseOr", WHOLE, whole(5)),
    "BitwiseXor": alone("BitwiseXor", WHOLE, whole(5)),
    "BitShift": alone("BitShift", BYTES, np.array([2], np.uint8), direction="RIGHT"),
    "Shape": alone("Shape", POSITIVE, start=1), "Size": alone("Size", POSITIVE),
    "EyeLike": alone("EyeLike", WHOLE, k=1, dtype=1),
    "OneHot": alone("OneHot", WHOLE[1], whole(9).reshape(()), F32([2, 5]), axis=0),
    "NonZero": alone("NonZero", WHOLE), "Div": alone("Div", WHOLE, whole(2)),
    "Compress": alone("Compress", WHOLE, np.array([False, True, True]), axis=1),
    "Mod": alone("Mod", WHOLE, whole(4)), "Sum": alone("Sum", POSITIVE, POSITIVE, F32(2)),
    "DequantizeLinear": alone("DequantizeLinear", BYTES, F32([1, 2, 3, 4]),
                              np.array([0, 5, 9, 3], np.uint8), axis=1),
    "Min": alone("Min", POSITIVE, F32(1)), "Mul": alone("Mul", POSITIVE, F32(3)),
    "Sub": alone("Sub", POSITIVE, F32(3)), "Add": alone("Add", POSITIVE, F32(3)),
    "ConstantOfShape": Graph(
        nodes=[node("Shape", ["x"], ["s"]), node("ConstantOfShape", ["s"], ["c"]),
               node("Add", ["x", "c"], ["y"])], feeds={"x": POSITIVE},
    ),
    "Range": Graph(
        nodes=[node("Shape", ["x"], ["s"]), node("Gather", ["s", "two"], ["n"]),
               node("Range", ["zero", "n", "one"], ["y"])], feeds={"x": POSITIVE},
        constants={"zero": whole(0).reshape(()), "one": whole(1).reshape(()),
                   "two": whole(2).reshape(())},
    ),
    "MatMulInteger": alone("MatMulInteger", BYTES, np.arange(-9, 9, dtype=np.int8).reshape(6, 3),
                           np.uint8(7), np.int8(1), ops=("linear",)),
    "ConvInteger": alone("ConvInteger", BYTES[None], np.ones((2, 1, 2, 3), np.int8), np.uint8(7),
                         ops=("conv",), pads=[1, 0, 0, 1]),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTROL)
def test_operators_of_whole_numbers_equal_the_evaluator(case, tmp_path):
    check(CONTROL[case], tmp_path / "net.onnx")


def test_qlinear_forms_hold_their_whole_numbers(tmp_path):
    """Oracle: the evaluator, and the file's own bytes."""
    rng = np.random.default_rng(3)
    weight = rng.integers(-127, 128, (5, 4, 3, 3)).astype(np.int8)
    x = rng.integers(0, 256, (1, 4, 6, 6)).astype(np.uint8)
    conv = alone("QLinearConv", x, F32(0.02), np.uint8(0), weight, random(5, low=0.1) / 50,
                 np.zeros(5, np.int8), F32(0.5), np.uint8(100), whole(*range(5)).astype(np.int32),
                 pads=[1, 1, 1, 1], ops=("conv",))  # fmt: skip
    run = check(conv, tmp_path / "conv.onnx", near=1)
    np.testing.assert_array_equal(run.stored["op"]["weight"], weight)
    np.testing.assert_array_equal(run.stored["op"]["input"], x)
    matrix = rng.integers(-100, 100, (6, 3)).astype(np.int8)
    product = alone("QLinearMatMul", BYTES, F32(0.1), np.uint8(128), matrix, F32(0.3), np.int8(0),
                    F32(20), np.uint8(9), ops=("linear",))  # fmt: skip
    run = check(product, tmp_path / "product.onnx")
    np.testing.assert_array_equal(run.stored["op"]["weight"][:, :, 0, 0], matrix.T)


def test_a_crop_is_a_slice(tmp_path):
    run, (found,) = imported(after("Pad", X, whole(0, 0, -2, 0, 0, -1)), tmp_path / "net.onnx")
    np.testing.assert_array_equal(found, random(*X)[:, :, 2:-1])
    assert [layer.op for layer in run.layers] == ["linear", "slice"]


def test_groups_of_a_transposed_convolution_are_its_halves(tmp_path):
    """Oracle: the evaluator on each half."""
    weight = random(4, 3, 4, 3)
    whole_graph = alone("ConvTranspose", random(1, 4, 5, 6), weight, group=2, strides=[2, 3])
    _, (found,) = imported(whole_graph, tmp_path / "net.onnx")
    for half in (0, 1):
        cut = slice(2 * half, 2 * half + 2)
        graph = alone("ConvTranspose", random(1, 4, 5, 6)[:, cut], weight[cut], strides=[2, 3])
        path = graph.save(tmp_path / "half.onnx")
        (expected,) = ReferenceEvaluator(str(path)).run(None, graph.feeds)
        np.testing.assert_allclose(found[:, 3 * half : 3 * half + 3], expected, atol=1e-4)


def test_an_output_shape_says_what_is_cropped(tmp_path):
    """Oracle: the evaluator with the pads that the definition gives, (2, 1) in all."""
    x, weight = random(1, 2, 5, 5), random(2, 3, 3, 3)
    by_size = alone("ConvTranspose", x, weight, strides=[2, 2], output_shape=[9, 10])
    _, (found,) = imported(by_size, tmp_path / "net.onnx")
    path = alone("ConvTranspose", x, weight, strides=[2, 2], pads=[1, 1, 1, 0]).save(
        tmp_path / "pads.onnx"
    )
    (expected,) = ReferenceEvaluator(str(path)).run(None, {"x": x})
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(("kernel", "stride", "groups"), [((4, 3), (2, 2), 1), ((2, 5), (3, 2), 2)])
def test_sub_kernels_make_the_transposed_convolution(kernel, stride, groups, tmp_path):
    """Oracle: torch's own, of the convolution that archsim runs, shuffled into its places."""
    x, weight = random(1, 4, 5, 6), random(4, 3, *kernel)
    graph = alone("ConvTranspose", x, weight, group=groups, strides=list(stride))
    run, (expected,) = imported(graph, tmp_path / "net.onnx")
    held = torch.from_numpy(run.weights["op"])
    taps = held.shape[2:]
    padded = torch.nn.functional.pad(
        torch.from_numpy(x), (taps[1] - 1, taps[1] - 1, taps[0] - 1, taps[0] - 1)
    )
    out = torch.nn.functional.conv2d(padded, held, groups=groups)
    phases = out.reshape(-1, *stride, *out.shape[2:]).permute(0, 3, 1, 4, 2)
    shuffled = phases.reshape(len(phases), out.shape[2] * stride[0], -1)
    rows, columns = expected.shape[2:]
    np.testing.assert_allclose(shuffled[:, :rows, :columns], expected[0], atol=1e-4)


def test_every_known_operator_is_tested_and_listed():
    """Here, in patterns, or in the older cases of images."""
    import test_importer_patterns
    import test_onnx_operators

    graphs = [*CASES.values(), *CONTROL.values(), *test_importer_patterns.CASES.values()]
    nodes = [one for graph in graphs for one in graph.nodes]
    nodes += [one for case in test_onnx_operators.EQUAL.values() for one in case.nodes]
    tested = {one.op_type for one in nodes} | ELSEWHERE
    assert set(KINDS) <= tested
    page = (ROOT / "docs/reference/onnx.md").read_text()
    assert [name for name in KINDS if f"`{name}`" not in page] == []


ELSEWHERE = {
    "LRN", "QLinearConv", "QLinearMatMul", "LSTM", "GRU", "RNN",
    "com.microsoft.DynamicQuantizeLSTM",
}  # fmt: skip
