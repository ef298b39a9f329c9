"""Shapes and counts of a layer against loops over every window and every multiplication."""

from __future__ import annotations

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.formats.workload_records import RECORDS
from archsim.formats.yaml12 import Document
from archsim.workload.layer import Layer
from archsim.workload.layer_graph import resolve


def resolved(*entries: dict) -> tuple[Layer, ...]:
    document = Document("FILE", "layers: []")
    document.value["layers"] = list(entries)
    problems: list = []
    records = [RECORDS[entry["op"]].model_validate(entry) for entry in entries]
    layers = resolve(document, records, problems)
    assert not problems, problems
    return layers


def windows(entry: dict, axis: int) -> int:
    """How many windows fit along an axis, by trying each start."""
    end = entry["padding"][axis] + entry["in_size"][axis] + entry["padding"][axis + 2]
    reach = (entry["kernel"][axis] - 1) * entry["dilation"][axis] + 1
    return sum(1 for start in range(0, end, entry["stride"][axis]) if start + reach <= end)


@st.composite
def convolutions(draw) -> dict:
    groups = draw(st.integers(1, 3))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    return {
        "name": "a", "op": "conv", "inputs": [],
        "in_channels": groups * draw(st.integers(1, 3)),
        "out_channels": groups * draw(st.integers(1, 3)),
        "in_size": [draw(st.integers(reach * (k - 1) + 1, 9))
                    for k, reach in zip(kernel, dilation, strict=True)],
        "kernel": list(kernel),
        "dilation": list(dilation),
        "stride": draw(st.lists(st.integers(1, 3), min_size=2, max_size=2)),
        "padding": draw(st.lists(st.integers(0, 2), min_size=4, max_size=4)),
        "groups": groups,
    }  # fmt: skip


@settings(max_examples=80)
@given(convolutions())
def test_outputs_and_macs_equal_the_count_of_a_loop(entry: dict) -> None:
    (layer,) = resolved(entry)
    rows, columns = windows(entry, 0), windows(entry, 1)
    assert layer.out_size == (rows, columns)
    macs = 0
    for _filter in range(entry["out_channels"]):
        for _channel in range(entry["in_channels"] // entry["groups"]):
            macs += rows * columns * entry["kernel"][0] * entry["kernel"][1]
    assert layer.macs == macs
    assert layer.weight_elements == prod(layer.weight_shape())


def test_two_paddings_are_height_and_width() -> None:
    (layer,) = resolved({
        "name": "a", "op": "conv", "inputs": [], "in_channels": 1, "out_channels": 1,
        "in_size": [5, 5], "kernel": [3, 3], "padding": [0, 2],
    })  # fmt: skip
    assert layer.padding == (0, 2, 0, 2)
    assert layer.out_size == (3, 7)


@pytest.mark.parametrize(
    ("shape", "size", "kind", "coef"),
    [
        (((3, 3), (8, 16), 1), (6, 6), "spatial", (16, 8, 3, 3)),
        (((3, 5), (8, 16), 1), (6, 6), "spatial", (16, 8, 3, 5)),
        (((3, 3), (8, 16), 4), (6, 6), "spatial", (16, 2, 3, 3)),
        (((1, 1), (8, 16), 1), (6, 6), "pointwise", (16, 3, 3)),
        (((1, 1), (8, 16), 1), (1, 1), "linear", (16, 3, 3)),
        (((1, 1), (8, 16), 2), (6, 6), "spatial", (16, 2, 3)),
        (((3, 3), (8, 8), 8), (6, 6), "depthwise", (8, 1, 3, 3)),
        (((1, 1), (8, 8), 8), (6, 6), "depthwise", (8, 1, 3)),
        (((3, 3), (8, 16), 8), (6, 6), "spatial", (16, 1, 3, 3)),
        (((3, 3), (1, 1), 1), (6, 6), "spatial", (1, 1, 3, 3)),
        (((3, 3), (1, 1), 1), (1, 1), "spatial", (1, 1, 3, 3)),
        (((1, 3), (4, 4), 1), (6, 6), "spatial", (4, 4, 1, 3)),
    ],
)
def test_the_kind_and_the_coefficients_of_a_convolution(shape, size, kind, coef) -> None:
    kernel, channels, groups = shape
    (layer,) = resolved({
        "name": "a", "op": "conv", "inputs": [], "in_channels": channels[0],
        "out_channels": channels[1], "in_size": list(size), "kernel": list(kernel),
        "groups": groups, "padding": [k // 2 for k in kernel],
    })  # fmt: skip
    assert layer.kind == kind
    assert layer.coef_shape() == coef


def test_linear_layers_flatten_and_share_weights_over_positions() -> None:
    plane = {"name": "p", "op": "resize", "inputs": [], "in_channels": 4, "in_size": [2, 2],
             "out_size": [3, 2]}  # fmt: skip
    one = {"name": "one", "op": "linear", "inputs": ["p"], "in_channels": 24, "out_channels": 10}
    steps = {"name": "t", "op": "linear", "inputs": [], "in_channels": 8, "out_channels": 5,
             "positions": 7}  # fmt: skip
    more = {"name": "u", "op": "linear", "inputs": ["t"], "in_channels": 5, "out_channels": 3,
            "positions": 7}  # fmt: skip
    both = {"name": "v", "op": "add", "inputs": ["u", "u"]}
    _, first, t, u, v = resolved(plane, one, steps, more, both)
    assert (first.input_shape(), first.output_shape(), first.macs) == ((24,), (10,), 240)
    assert (t.input_shape(), t.output_shape(), t.macs) == ((7, 8), (7, 5), 7 * 8 * 5)
    assert (t.weight_shape(), t.coef_shape()) == ((5, 8), (5, 3, 3))
    assert (u.macs, v.positions, v.output_elements, v.input_elements) == (105, 7, 21, 42)
    assert u.kind == "linear"


def test_layers_of_the_post_processor() -> None:
    plane = {"name": "p", "op": "pool", "inputs": [], "in_channels": 4, "in_size": [6, 8],
             "kind": "max", "kernel": [3, 2], "stride": [2, 2], "padding": [1, 0]}  # fmt: skip
    whole = {"name": "w", "op": "pool", "inputs": ["p"], "kind": "avg", "global": True}
    gate = {"name": "g", "op": "mul", "inputs": ["p", "w"]}
    joined = {"name": "j", "op": "concat", "inputs": ["p", "g", "p"]}
    pool, average, mul, concat = resolved(plane, whole, gate, joined)
    assert (pool.out_size, pool.window, pool.macs) == ((3, 4), 6, 0)
    assert (average.out_size, average.kernel, average.window) == ((1, 1), (3, 4), 12)
    assert (mul.out_size, mul.operands, mul.window) == ((3, 4), (48, 4), 1)
    assert (concat.out_channels, concat.operands, concat.output_elements) == (12, (48, 48, 48), 144)
    assert all(layer.is_post and layer.kind == "post" for layer in (pool, average, mul, concat))
