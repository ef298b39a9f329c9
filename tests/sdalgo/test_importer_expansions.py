"""Operators that are run as several others, and matrices that each head has of its own: equal to
ONNX's evaluator, and the layers that must come of them."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from onnx_graphs import Graph, check, imported, node, random

from archsim.formats.errors import InputError

EYE = np.eye(8, dtype=np.float32)
TWO = ("matmul", "softmax", "matmul")


def attention(heads=(4, 4), tokens=(5, 5), *, whole=True, extra=(), **attrs):
    """An Attention of maps: queries, keys and values of one input each, through matrices."""
    shapes = [(1, heads[0], tokens[0], 8), *[(1, heads[1], tokens[1], 8)] * 2]
    if not whole:
        shapes = [
            (1, t, h * 8)
            for h, t in zip((heads[0], *[heads[1]] * 2), (tokens[0], *[tokens[1]] * 2), strict=True)
        ]
        attrs |= {"q_num_heads": heads[0], "kv_num_heads": heads[1]}
    feeds = {
        name: random(*shape, seed=i)
        for i, (name, shape) in enumerate(zip("qkv", shapes, strict=True))
    }
    constants = {f"w{name}": np.eye(x.shape[-1], dtype=np.float32) for name, x in feeds.items()}
    made = [node("MatMul", [name, f"w{name}"], [f"m{name}"], f"made_{name}") for name in "qkv"]
    constants |= {f"e{i}": value for i, value in enumerate(extra) if value is not None}
    names = [f"e{i}" if value is not None else "" for i, value in enumerate(extra)]
    nodes = [*made, node("Attention", ["mq", "mk", "mv", *names], ["y"], "op", **attrs)]
    ops = (*["linear"] * 3, *TWO)
    return Graph(nodes=nodes, feeds=feeds, constants=constants, ops=ops, opset=24)


BOOLEAN = np.tril(np.ones((5, 5), bool))
CASES = {
    "whole": attention(),
    "scaled": attention(scale=0.3),
    "causal": attention(is_causal=1),
    "of two key heads": attention(heads=(4, 2)),
    "of one key head, causal": attention(heads=(4, 1), is_causal=1),
    "with other keys": attention(tokens=(3, 7)),
    "with a boolean mask": attention(extra=(BOOLEAN,)),
    "with a mask that is added": attention(extra=(random(5, 5),)),
    "of three axes": attention(whole=False),
    "of three axes and two key heads": attention(heads=(4, 2), whole=False, is_causal=1),
}


CAUSAL = {
    "causal", "of one key head, causal", "with a boolean mask", "of three axes and two key heads",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_attention_is_two_products_and_a_softmax(name, tmp_path):
    run = check(CASES[name], tmp_path / "net.onnx")
    first, second = (layer.fields for layer in run.layers if layer.op == "matmul")
    if "key head" in name:
        assert first["kv_heads"] == second["kv_heads"] == (1 if "one" in name else 2)
    assert second.get("causal", False) == (name in CAUSAL)


@pytest.mark.parametrize(
    ("attrs", "said"),
    [({"softcap": 2.0}, "Attention with softcap 2.0: only 0 is read")],
)
def test_what_of_attention_is_not_understood_is_said(attrs, said, tmp_path):
    with pytest.raises(InputError, match=said):
        imported(attention(**attrs), tmp_path / "net.onnx")


def einsum(equation, *operands, ops=()):
    """An Einsum whose first operand is a map, and whose others are as well where they are None."""
    x = operands[0]
    feeds, constants = {"x": x}, {"w": np.eye(x.shape[-1], dtype=np.float32)}
    names = ["l"]
    for i, value in enumerate(operands[1:]):
        constants |= {f"k{i}": value} if value is not None else {}
        names.append("l" if value is None else f"k{i}")
    nodes = [
        node("MatMul", ["x", "w"], ["l"], "made"),
        node("Einsum", names, ["y"], "op", equation=equation),
    ]
    return Graph(nodes=nodes, feeds=feeds, constants=constants, ops=("linear", *ops))


X = random(2, 3, 4)
EINSUMS = {
    "a transpose": einsum("abc->bca", X),
    "a sum": einsum("abc->ca", X, ops=("pool",)),
    "elements": einsum("abc,cab->bac", X, random(4, 2, 3), ops=()),
    "elements of maps": einsum("abc,abc->abc", X, None, ops=("mul",)),
    "elements, broadcast": einsum("abc,ab->abc", X, random(2, 3)),
    "three": einsum("abc,cd,de->abe", X, random(4, 5), random(5, 6), ops=("linear", "linear")),
    "a matrix for each batch": einsum("abc,acd->abd", X, random(2, 4, 5), ops=("conv",)),
}


@pytest.mark.parametrize("name", EINSUMS)
def test_an_einsum_becomes_what_it_does(name, tmp_path):
    check(EINSUMS[name], tmp_path / "net.onnx")


@pytest.mark.parametrize(
    ("left", "right", "groups"),
    [
        ("map", (3, 4, 5), 3),
        ("map", (2, 3, 4, 5), 6),
        ("map", (2, 1, 4, 5), 2),
        ((2, 3, 5, 6), "turned", 6),
    ],
)
def test_a_matrix_for_each_head_is_a_group_of_a_convolution(left, right, groups, tmp_path):
    """A map (2, 3, 6, 4) times constants, or constants times a map (2, 3, 6, 4)."""
    x = random(2, 3, 6, 4)
    constant = random(*(right if left == "map" else left), seed=1)
    names = ["l", "k"] if left == "map" else ["k", "l"]
    nodes = [node("MatMul", ["x", "w"], ["l"], "made"), node("MatMul", names, ["y"], "op")]
    constants = {"w": np.eye(4, dtype=np.float32), "k": constant}
    graph = Graph(nodes=nodes, feeds={"x": x}, constants=constants, ops=("linear", "conv"))
    run = check(graph, tmp_path / "net.onnx")
    layer = run.layers[-1]
    assert layer.fields["groups"] == groups
    assert run.weights[layer.name].size == constant.size
    # The layer itself: a convolution of these tensors gives the operator's numbers.
    filters, given = run.weights[layer.name], run.inputs[layer.name][0]
    rows = given.reshape(groups, -1, given.shape[-1])
    found = np.einsum("gki,gir->gkr", filters.reshape(groups, -1, filters.shape[1]), rows)
    a, b = (x, constant) if left == "map" else (constant, x)
    expected = a @ b
    assert np.sort(found.ravel()) == pytest.approx(np.sort(expected.ravel()), abs=1e-4)


def test_names_are_cut_to_what_a_workload_holds(tmp_path):
    """tf2onnx joins the names of all operators that it fuses: basic-pitch has some of 220."""
    long = "model_1/conv2d/BiasAdd;" * 12
    names = [f"{long}{k}" for k in range(3)]
    values = ["x", "a", "b", "y"]
    nodes = [
        node("MatMul", [one, "w"], [two], name)
        for one, two, name in zip(values, values[1:], names, strict=False)
    ]
    graph = Graph(nodes=nodes, feeds={"x": random(1, 4, 8)}, constants={"w": EYE})
    run = check(graph, tmp_path / "net.onnx")
    found = [layer.name for layer in run.layers if layer.op == "linear"]
    assert len(set(found)) == 3
    assert all(long.startswith(name[:180]) and len(name) <= 200 for name in found)
