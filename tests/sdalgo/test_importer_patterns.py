"""Graphs that exporters write: patterns are one layer, masks and scales disappear, and outputs are
those of ONNX's own evaluator."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from onnx import helper
from onnx_graphs import Graph, check, imported, node, random

F32 = np.float32
T, C = 5, 6
MADE = node("MatMul", ["x", "w"], ["m"], "made")


def after(*nodes, ops, shape=(1, T, C), **constants):
    """Nodes from `m`, a linear layer's output, to `y`."""
    held = {name: np.asarray(value) for name, value in constants.items()}
    held["w"] = random(shape[-1], shape[-1], seed=9) / 2
    used = {name for one in nodes for name in one.input} | {"w"}
    return Graph(
        nodes=[MADE, *nodes], feeds={"x": random(*shape)}, ops=("linear", *ops),
        constants={k: v for k, v in held.items() if k in used},
    )  # fmt: skip


def norm(*, rms=False, affine=True, inverse=False):
    """LayerNorm or RMSNorm written out."""
    nodes = [
        node("ReduceMean", ["m", "last"], ["mean"]),
        node("Sub", ["m", "mean"], ["d"]),
        node("Pow", ["m" if rms else "d", "two"], ["s"]),
        node("ReduceMean", ["s", "last"], ["v"]),
        node("Add", ["v", "eps"], ["e"]),
        node("Sqrt", ["e"], ["r"]),
    ]
    nodes = nodes[2:] if rms else nodes
    above, out = ("m" if rms else "d"), ("n" if affine else "y")
    if inverse:
        nodes += [node("Reciprocal", ["r"], ["i"]), node("Mul", [above, "i"], [out])]
    else:
        nodes.append(node("Div", [above, "r"], [out]))
    if affine:
        nodes += [node("Mul", ["scale", "n"], ["a"]), node("Add", ["a", "shift"], ["y"])]
    return after(
        *nodes, ops=("rmsnorm" if rms else "layernorm",), last=np.array([-1]), two=F32(2),
        eps=F32(1e-5), scale=random(C), shift=random(C),
    )  # fmt: skip


def gelu_by_tanh():
    return after(
        node("Pow", ["m", "three"], ["c"]), node("Mul", ["c", "small"], ["d"]),
        node("Add", ["m", "d"], ["e"]), node("Mul", ["e", "root"], ["f"]),
        node("Tanh", ["f"], ["g"]), node("Add", ["g", "one"], ["h"]),
        node("Mul", ["m", "h"], ["i"]), node("Mul", ["i", "half"], ["y"]), ops=("gelu",),
        three=F32(3), small=F32(0.044715), root=F32(0.7978845608), one=F32(1), half=F32(0.5),
    )  # fmt: skip


def gelu_by_erf(*, first):
    halves = [node("Mul", ["m", "half"], ["i"]), node("Mul", ["i", "h"], ["y"])]
    if not first:
        halves = [node("Mul", ["m", "h"], ["i"]), node("Mul", ["i", "half"], ["y"])]
    return after(
        node("Div", ["m", "root"], ["f"]), node("Erf", ["f"], ["g"]),
        node("Add", ["g", "one"], ["h"]), *halves, ops=("gelu",), root=F32(2**0.5), one=F32(1),
        half=F32(0.5),
    )  # fmt: skip


def attention(*, causal=False, shared=False, scores="Div"):
    """Scores, a mask, softmax and values of four heads, second ones of two where shared."""
    heads, width = 4, 3
    kv = 2 if shared else 4
    nodes, constants = [], {"order": np.array([1, T, heads, width])}
    for name, count in (("q", heads), ("k", kv), ("v", kv)):
        constants[f"w{name}"] = random(C, count * width, seed=ord(name)) / 2
        constants[f"s{name}"] = np.array([1, T, count, width])
        nodes += [
            node("MatMul", ["m", f"w{name}"], [f"{name}0"], name),
            node("Reshape", [f"{name}0", f"s{name}"], [f"{name}1"]),
            node("Transpose", [f"{name}1"], [f"{name}2"], perm=[0, 2, 1, 3]),
        ]
        if shared and count == kv:
            constants |= {"axis": np.array([2]), "more": np.array([1, kv, 2, T, width]),
                          "flat": np.array([1, heads, T, width])}  # fmt: skip
            nodes += [
                node("Unsqueeze", [f"{name}2", "axis"], [f"{name}3"]),
                node("Expand", [f"{name}3", "more"], [f"{name}4"]),
                node("Reshape", [f"{name}4", "flat"], [f"{name}5"]),
            ]
    k, v = ("k5", "v5") if shared else ("k2", "v2")
    nodes += [node("Transpose", [k], ["kt"], perm=[0, 1, 3, 2]),
              node("MatMul", ["q2", "kt"], ["s0"], "scores"),
              node(scores, ["s0", "scale"], ["s1"])]  # fmt: skip
    constants["scale"] = F32(3**0.5)
    if causal:
        constants["mask"] = np.triu(np.full((T, T), -np.inf, F32), 1)
        nodes.append(node("Add", ["s1", "mask"], ["s2"]))
    nodes += [
        node("Softmax", ["s2" if causal else "s1"], ["p"], "soft"),
        node("MatMul", ["p", v], ["o0"], "values"),
        node("Transpose", ["o0"], ["o1"], perm=[0, 2, 1, 3]),
        node("Reshape", ["o1", "rows"], ["o2"]),
        node("MatMul", ["o2", "wo"], ["o3"], "out"),
        node("Add", ["o3", "m"], ["y"], "residual"),
    ]
    constants |= {"rows": np.array([1, T, heads * width]), "wo": random(heads * width, C)}
    ops = ("linear",) * 3 + ("matmul", "softmax", "matmul", "linear", "add")
    return after(*nodes, ops=ops, **constants)


def quantised():
    """A convolution between pairs of QuantizeLinear and DequantizeLinear."""
    weight = np.random.default_rng(0).integers(-100, 100, (4, 6, 1, 1)).astype(np.int8)
    return after(
        node("Reshape", ["m", "plane"], ["p"]),
        node("QuantizeLinear", ["p", "sx", "zx"], ["a"]),
        node("DequantizeLinear", ["a", "sx", "zx"], ["b"]),
        node("DequantizeLinear", ["k", "sk", "zk"], ["c"], axis=0),
        node("Conv", ["b", "c"], ["y"], "conv"), ops=("conv",), plane=np.array([1, 6, 1, T]),
        sx=F32(0.02), zx=np.uint8(128), k=weight, sk=random(4, low=0.01),
        zk=np.zeros(4, np.int8),
    )  # fmt: skip


CASES = {
    "layer norm": norm(),
    "layer norm without scale": norm(affine=False),
    "layer norm by a reciprocal": norm(inverse=True),
    "rms norm": norm(rms=True),
    "rms norm by a reciprocal": norm(rms=True, inverse=True, affine=False),
    "gelu by tanh": gelu_by_tanh(),
    "gelu by erf": gelu_by_erf(first=True),
    "gelu by erf, halved last": gelu_by_erf(first=False),
    "silu": after(node("Sigmoid", ["m"], ["s"]), node("Mul", ["m", "s"], ["y"]), ops=("silu",)),
    "quick gelu": after(
        node("Mul", ["m", "k"], ["n"]), node("Sigmoid", ["n"], ["s"]),
        node("Mul", ["m", "s"], ["y"]), ops=("silu",), k=F32(1.702),
    ),
    "hard-swish by its gate": after(
        node("HardSigmoid", ["m"], ["s"], alpha=1 / 6), node("Mul", ["m", "s"], ["y"]),
        ops=("hardswish",),
    ),
    **{
        f"hard-swish written out, {order}": after(
            node("Add", ["m", "three"], ["a"]), node("Clip", ["a", "zero", "six"], ["b"]),
            *tail, ops=("hardswish",), three=F32(3), zero=F32(0), six=F32(6), sixth=F32(1 / 6),
        )
        for order, tail in {
            "divided first": [node("Div", ["b", "six"], ["c"]), node("Mul", ["m", "c"], ["y"])],
            "divided last": [node("Mul", ["m", "b"], ["c"]), node("Div", ["c", "six"], ["y"])],
            "by a sixth": [node("Mul", ["b", "sixth"], ["c"]), node("Mul", ["c", "m"], ["y"])],
        }.items()
    },
    "channel shuffle": after(
        node("Reshape", ["m", "split"], ["a"]), node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3]),
        node("Reshape", ["b", "back"], ["c"]), node("MatMul", ["c", "k"], ["y"]),
        ops=("linear",), split=np.array([1, 2, 3, T]), back=np.array([1, C, T]), k=random(T, 2),
    ),
    "a product that is no norm": after(
        node("ReduceMean", ["m", "last"], ["a"]), node("Sub", ["m", "a"], ["b"]),
        node("Mul", ["b", "m"], ["y"]), ops=("pool", "elementwise", "mul"), last=np.array([-1]),
    ),
    "a gate of another map": after(
        node("MatMul", ["m", "w"], ["n"]), node("Sigmoid", ["n"], ["s"]),
        node("Mul", ["m", "s"], ["y"]), ops=("linear", "mul"),
    ),
    "attention": attention(),
    "causal attention": attention(causal=True, scores="Mul"),
    "attention of shared heads": attention(causal=True, shared=True),
    "quantised": quantised(),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_pattern_is_its_layer_and_changes_no_number(case, tmp_path):
    check(CASES[case], tmp_path / "net.onnx")


def test_attention_says_its_heads_and_what_its_mask_leaves(tmp_path):
    run, _ = imported(attention(causal=True, shared=True), tmp_path / "net.onnx")
    layers = {layer.name: layer for layer in run.layers}
    assert layers["scores"].fields == {
        "heads": 4, "rows": T, "inner": 3, "columns": T, "kv_heads": 2,
    }  # fmt: skip
    assert layers["scores"].inputs == ("q", "k")
    assert layers["values"].fields["causal"] is True
    assert layers["values"].inputs == ("soft", "v")
    probabilities, second = run.inputs["values"][0], run.weights["values"]
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
    assert not probabilities[:, 0, 1:].any()
    assert second.shape == (2, 3, T)
    plain, _ = imported(attention(), tmp_path / "net.onnx")
    assert all("causal" not in layer.fields for layer in plain.layers)


def test_a_matmuls_tensors_are_its_operands(tmp_path):
    """Oracle: the product of what is kept is what the evaluator gives."""
    x = random(2, 3, 4, 5)
    graph = Graph(nodes=[node("Transpose", ["x"], ["t"], perm=[0, 1, 3, 2]),
                         node("MatMul", ["x", "t"], ["y"], "product")], feeds={"x": x})  # fmt: skip
    run, (found,) = imported(graph, tmp_path / "net.onnx")
    a, b = run.inputs["product"][0], run.weights["product"]
    np.testing.assert_allclose(a @ b.transpose(0, 2, 1), found.reshape(6, 4, 4), rtol=1e-4)


def test_stored_whole_numbers_survive(tmp_path):
    """Weights with a scale for each filter would not come back from one scale for all."""
    graph = quantised()
    run, _ = imported(graph, tmp_path / "net.onnx")
    np.testing.assert_array_equal(run.stored["conv"]["weight"], graph.constants["k"])
    given = run.stored["conv"]["input"]
    np.testing.assert_allclose(given * 0.02, run.inputs["conv"], atol=1e-6)


def test_a_norm_whose_mean_is_read_elsewhere_is_taken_apart(tmp_path):
    """What lies in a pattern must not be needed by anything else."""
    plain = norm(affine=False)
    nodes = [*plain.nodes, node("Mul", ["mean", "y"], ["z"])]
    run = check(
        Graph(nodes=nodes, feeds=plain.feeds, constants=plain.constants, outputs=("z",)),
        tmp_path / "net.onnx",
    )
    assert "layernorm" not in [layer.op for layer in run.layers]


@pytest.mark.parametrize("chosen", [True, False])
def test_an_if_takes_the_branch_of_its_constant(chosen, tmp_path):
    branches = {
        f"{word}_branch": helper.make_graph(
            [node(kind, ["m"], [word], f"in {word}")], word, [],
            [helper.make_tensor_value_info(word, 1, ["n"])],
        )
        for word, kind in (("then", "Relu"), ("else", "Erf"))
    }  # fmt: skip
    graph = after(
        node("If", ["choice"], ["y"], **branches), ops=() if chosen else ("elementwise",),
        choice=np.array(chosen),
    )  # fmt: skip
    check(graph, tmp_path / "net.onnx")


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("way", ["forward", "reverse"])
def test_recurrent_layers_are_two_linear_ones_a_direction(kind, way, tmp_path):
    gates, hidden = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], 3
    constants = {
        "w": random(1, gates * hidden, 4), "r": random(1, gates * hidden, hidden),
        "b": random(1, 2 * gates * hidden),
    }  # fmt: skip
    graph = Graph(
        nodes=[node(kind, ["x", "w", "r", "b"], ["y", "h"], "cell", hidden_size=hidden)],
        feeds={"x": random(6, 1, 4)}, constants=constants, outputs=("y", "h"),
        ops=("linear", "linear"),
    )  # fmt: skip
    if way == "reverse":  # the evaluator knows no other direction: time runs backwards instead
        run, (found, _) = imported(graph, tmp_path / "net.onnx")
        graph.nodes[0].attribute.append(helper.make_attribute("direction", way))
        graph.feeds["x"] = graph.feeds["x"][::-1]
        _, (turned, _) = imported(graph, tmp_path / "turned.onnx")
        np.testing.assert_allclose(turned[::-1], found, rtol=1e-5)
        return
    run = check(graph, tmp_path / "net.onnx")
    before = run.inputs["cell.weight_hh"][0]
    assert before.shape == (6, hidden)
    assert not before[0].any()
    assert run.layers[0].fields == {
        "in_channels": 4, "out_channels": gates * hidden, "positions": 6,
    }  # fmt: skip


def test_keras_graphs_have_channels_last(tmp_path):
    """As tf2onnx writes them: transposed to a convolution and back, and joined by channels."""
    graph = Graph(
        nodes=[
            node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
            node("Conv", ["a", "k"], ["b"], "conv", pads=[1, 1, 1, 1]),
            node("Transpose", ["b"], ["c"], perm=[0, 2, 3, 1]),
            node("Add", ["c", "bias"], ["d"]), node("Relu", ["d"], ["e"]),
            node("Split", ["e"], ["f", "g"], "split", axis=3, num_outputs=2),
            node("Concat", ["e", "f"], ["h"], "both", axis=3),
            node("ReduceMean", ["h", "plane"], ["y"], "mean"),
        ],
        feeds={"x": random(1, 6, 8, 3)}, ops=("conv", "concat", "pool"),
        constants={"k": random(4, 3, 3, 3), "bias": random(4), "plane": np.array([1, 2])},
    )  # fmt: skip
    run = check(graph, tmp_path / "net.onnx")
    layers = {layer.name: layer for layer in run.layers}
    assert layers["split.0"].fields == {"channels": [0, 2]}
    assert layers["both"].inputs == ("conv", "split.0")
    assert layers["mean"].fields["in_size"] == [6, 8]


def test_an_lstm_of_whole_numbers_is_one_of_their_values(tmp_path):
    """Oracle: the plain operator with the weights that the scales and zero points give."""
    rng = np.random.default_rng(0)
    whole = {"w": rng.integers(-90, 90, (1, 4, 12)), "r": rng.integers(0, 200, (1, 3, 12))}
    scales = {"ws": random(1, 12, low=0.1) / 90, "rs": F32([0.01])}
    zeros = {"wz": np.zeros((1, 12), np.int8), "rz": np.array([100], np.uint8)}
    held = {"w": whole["w"].astype(np.int8), "r": whole["r"].astype(np.uint8), **scales, **zeros}
    names = ["x", "w", "r", "", "", "", "", "", "ws", "wz", "rs", "rz"]
    kind = "DynamicQuantizeLSTM"
    one = node(kind, names, ["y"], "cell", hidden_size=3, domain="com.microsoft")
    run, (found,) = imported(
        Graph(nodes=[one], feeds={"x": random(5, 1, 4)}, constants=held), tmp_path / "net.onnx"
    )
    weight = whole["w"] * scales["ws"][:, None]
    back = (whole["r"] - 100) * scales["rs"][:, None, None]
    plain = {"w": weight.transpose(0, 2, 1).astype(F32), "r": back.transpose(0, 2, 1).astype(F32)}
    nodes = [node("LSTM", ["x", "w", "r"], ["y"], "cell", hidden_size=3)]
    graph = Graph(nodes=nodes, feeds={"x": random(5, 1, 4)}, constants=plain)
    _, (expected,) = imported(graph, tmp_path / "plain.onnx")
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert run.weights["cell.weight_ih"].shape == (12, 4)


def test_a_decode_step_reads_its_cache(tmp_path):
    """One new token after seven; keys of two heads."""
    graph = Graph(
        nodes=[
            node("MatMul", ["x", "w"], ["m"], "made"), node("Reshape", ["m", "s"], ["n"]),
            node("Transpose", ["n"], ["new"], perm=[0, 2, 1, 3]),
            node("Concat", ["past_key", "new"], ["k"], "keys", axis=2),
            node("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2]),
            node("MatMul", ["new", "kt"], ["y"], "scores"),
        ],
        feeds={"x": random(1, 1, 6), "past_key": random(1, 2, 7, 3)},
        constants={"w": random(6, 6), "s": np.array([1, 1, 2, 3])}, ops=("linear", "matmul"),
    )  # fmt: skip
    run = check(graph, tmp_path / "net.onnx")
    layers = {layer.name: layer for layer in run.layers}
    assert layers["keys"].op == "cache"
    assert layers["keys"].fields == {"length": 7}
    assert layers["scores"].inputs == ("made", "keys")
    assert layers["scores"].fields["columns"] == 8
