"""What is read of a value through slices, reshapes and caches, with or without its producer."""

import pytest
from token_networks import linear, loaded, matmul, post, run

from archsim.workload.stages import stages_of

KEPT = {"interlayer": "keep_if_fits"}


def view(name, op, read, **keys):
    return {"name": name, "op": op, "inputs": [read]} | keys


def halves(read):
    """The two halves of 16 channels."""
    return [
        view("low", "slice", read, channels=[0, 8]),
        view("high", "slice", read, channels=[8, 16]),
    ]


def reads(folder, entries, keys=()):
    """DRAM bytes of DianNao by layer: read beside weights, and written."""
    return {
        layer.name: (layer.dram_bytes_by["input"], layer.dram_bytes_by["output"])
        for layer in run("diannao", loaded(folder, entries), dict(keys)).layers
    }


A = linear("a", [], (8, 16), tokens=4)
OTHER = post("other", "softmax", ["a"])
"""A second reader of a, so that nothing is fused with it."""


def test_an_add_of_both_halves_takes_them_as_they_leave(tmp_path):
    moved = reads(tmp_path, [A, *halves("a"), post("sum", "add", ["low", "high"])])
    assert moved == {"a": (32, 0), "sum": (0, 32)}


def test_on_its_own_it_reads_each_half(tmp_path):
    entries = [A, OTHER, *halves("a"), post("sum", "add", ["low", "high"])]
    assert reads(tmp_path, entries) == {"a": (32, 64), "other": (64, 64), "sum": (64, 32)}


def test_the_same_part_is_read_once(tmp_path):
    entries = [A, OTHER, *halves("a"), post("twice", "mul", ["low", "low"])]
    assert reads(tmp_path, entries)["twice"] == (32, 32)


def test_a_gated_layer_reads_its_two_halves_in_two_stages(tmp_path):
    """silu(low) * high: silu reads its half, the product the other."""
    gated = [A, *halves("a"), post("gate", "silu", ["low"]), post("out", "mul", ["gate", "high"])]
    assert reads(tmp_path, gated) == {"a": (32, 64), "gate": (32, 0), "out": (32, 32)}


def test_a_residual_through_a_reshape_is_the_value(tmp_path):
    entries = [
        A,
        view("flat", "reshape", "a", out_channels=64, out_size=[1, 1]),
        linear("b", ["flat"], (16, 16), tokens=4),
        view("back", "transpose", "flat", out_channels=16, out_size=[1, 4]),
        post("sum", "add", ["b", "back"]),
    ]
    workload = loaded(tmp_path, entries)
    assert [layer.inputs for layer in workload.layers] == [(), ("a",), ("b", "a")]
    assert reads(tmp_path, entries) == {"a": (32, 64), "b": (64, 0), "sum": (64, 64)}
    assert reads(tmp_path, entries, KEPT) == reads(tmp_path, entries)


@pytest.mark.parametrize("op", ["slice", "reshape", "transpose"])
def test_a_copy_moves_the_bytes(tmp_path, op):
    keys = {"channels": [0, 8]} if op == "slice" else {"out_channels": 32, "out_size": [1, 2]}
    size = 32 if op == "slice" else 64
    made = view("copied", op, "a", copy=True, **keys)
    moved = reads(tmp_path, [A, OTHER, made])
    assert moved["copied"] == (size, size)
    made = view("copied", op, "a", **keys)
    reader = linear("b", ["copied"], (size, 3))
    assert reads(tmp_path, [A, OTHER, made, reader]) == {
        "a": (32, 64), "other": (64, 64), "b": (size, 3),
    }  # fmt: skip


def test_views_of_views_read_the_last_part(tmp_path):
    entries = [
        A,
        OTHER,
        halves("a")[1],
        view("row", "reshape", "high", out_channels=4, out_size=[1, 8]),
        view("end", "slice", "row", columns=[6, 8]),
        post("out", "gelu", ["end"]),
    ]
    assert reads(tmp_path, entries)["out"] == (8, 8)


def decode(length):
    return [
        linear("q", [], (8, 8), tokens=1),
        linear("k", [], (8, 8), tokens=1),
        view("keys", "cache", "k", length=length),
        matmul("scores", ["q", "keys"], (2, 1, 4, length + 1)),
    ]


@pytest.mark.parametrize("length", [1, 9, 1000])
def test_a_product_reads_the_whole_cache(tmp_path, length):
    for keys in ({}, KEPT):
        result = run("diannao", loaded(tmp_path, decode(length)), keys)
        moved = result.layers[2].dram_bytes_by
        assert (moved["input"], moved["weight"]) == (8, 8 * (length + 1))
        assert result.layers[1].dram_bytes_by["output"] == 8


@pytest.mark.parametrize("reader", ["gelu", "linear"])
def test_what_a_cache_holds_comes_from_dram_whoever_reads_it(tmp_path, reader):
    read = post("r", "gelu", ["keys"])
    if reader == "linear":
        read = linear("r", ["keys"], (8, 3), tokens=10)
    entries = [decode(9)[1], decode(9)[2], read]
    for keys in ({}, KEPT):
        moved = reads(tmp_path, entries, keys)
        assert moved["k"] == (8, 8)
        assert moved["r"][0] == 80


def conv(name, inputs, channels):
    return {"name": name, "op": "conv", "inputs": inputs, "in_channels": channels,
            "out_channels": 16, "in_size": [6, 6], "kernel": [1, 1]}  # fmt: skip


def test_a_result_that_a_fused_layer_reads_as_well_does_not_stay(tmp_path):
    """The add takes a from DRAM, so a is written there."""
    entries = [conv("a", [], 8), conv("b", ["a"], 16), post("sum", "add", ["b", "a"])]
    assert reads(tmp_path, entries, KEPT) == {"a": (288, 576), "b": (576, 0), "sum": (576, 576)}


def test_a_slice_of_a_result_may_stay(tmp_path):
    entries = [A, halves("a")[0], linear("b", ["low"], (8, 8), tokens=4)]
    assert reads(tmp_path, entries, KEPT) == {"a": (32, 0), "b": (0, 32)}


def test_both_operands_of_a_product_may_be_one_value(tmp_path):
    entries = [linear("x", [], (8, 8), tokens=4), matmul("p", ["x", "x"], (2, 4, 4, 4))]
    for keys in ({}, KEPT):
        row = run("diannao", loaded(tmp_path, entries), keys).layers[1]
        assert (row.dram_bytes_by["input"], row.dram_bytes_by["weight"]) == (32, 32)
        assert row.dram_bytes_by["output"] == 32


def test_parts_of_a_network_with_views(tmp_path):
    entries = [
        conv("a", [], 8), view("low", "slice", "a", channels=[0, 8]), conv("b", ["low"], 8),
        view("high", "slice", "a", channels=[8, 16]), post("g", "gelu", ["high"]),
        view("v", "reshape", "g", out_channels=8, out_size=[6, 6]), conv("c", ["v"], 8),
    ]  # fmt: skip
    workload = loaded(tmp_path, entries)
    for part, names in (
        (workload.only_convs(), ["a", "b", "c"]),
        (workload.of_layers("a,c"), ["a", "c"]),
        (workload.of_layers("g,c"), ["g", "c"]),
        (workload.of_layers("g"), ["g"]),
    ):
        assert [layer.name for layer in part.layers] == names
        assert stages_of(part.layers)
        for machine in ("diannao", "systolic"):
            result = run(machine, part)
            assert [layer.name for layer in result.layers] == names
    (alone,) = run("diannao", workload.of_layers("g")).layers
    assert alone.dram_bytes_by["input"] == 288


def test_an_embedding_reads_a_row_for_each_token(tmp_path):
    table = {"name": "e", "op": "embedding", "rows": 50_000, "out_channels": 24, "tokens": 5}
    moved = reads(tmp_path, [table, post("n", "layernorm", ["e"])])
    assert moved == {"e": (120, 120), "n": (120, 120)}
