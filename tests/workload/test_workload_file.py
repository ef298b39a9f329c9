"""Workload files: what they mean, and each thing that can be wrong with one, to the letter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from loading_files import CONV, HEADER, PROFILE, problems, workload_text, write

from archsim.formats.errors import InputError
from archsim.formats.profile_models import Profile
from archsim.formats.source import read
from archsim.workload.workload import load_workload, workload_schema

CONV_KEYS = (
    "name, seed, activation_bits, inputs, op, in_channels, out_channels, in_size, kernel, stride, "
    "padding, dilation, groups, weight_bits, profile"
)


def lines(folder: Path, *layers: str, header: str = HEADER) -> list[str]:
    return problems(load_workload, write(folder, "w.yaml", workload_text(*layers, header=header)))


def loaded(folder: Path, *layers: str):
    return load_workload(write(folder, "w.yaml", workload_text(*layers)))


def conv(name: str, inputs: str, channels: int, size: str = "[8, 6]") -> str:
    return (
        f"name: {name}, op: conv, inputs: [{inputs}], in_channels: {channels}, out_channels: 4, "
        f"in_size: {size}, kernel: [3, 3], padding: [1, 1], {PROFILE}"
    )


def test_defaults_are_filled_in(tmp_path) -> None:
    layer = loaded(tmp_path, f"{CONV}, {PROFILE}").layers[0]
    assert (layer.stride, layer.dilation, layer.groups, layer.seed) == ((1, 1), (1, 1), 1, 0)
    assert layer.padding == (1, 1, 1, 1)
    assert layer.out_size == (8, 6)
    described = Profile.model_validate({"input": {"classes": [{"channels": 3, "zero": 1}]}})
    assert layer.profile == described


def test_a_workload_says_what_a_run_must_say(tmp_path) -> None:
    header = HEADER.replace("by hand", "make it, weights: synthetic, seed 0, activations: noise")
    path = write(tmp_path, "w.yaml", workload_text(f"{CONV}, {PROFILE}", header=header))
    workload = load_workload(path)
    assert (workload.name, workload.task, workload.batch, workload.mode) == (
        "tiny", "inference", 1, "profile",
    )  # fmt: skip
    assert workload.notes == (
        "tensors: drawn from the profiles in the workload file",
        "weights: synthetic",
        "activations: noise",
    )
    assert workload.source["seed 0"] is None


def test_a_typo_in_a_key(tmp_path) -> None:
    assert lines(tmp_path, f"{CONV}, strides: [2, 2]") == [
        "FILE:5:120: layer 'a': there is no key 'strides'; did you mean 'stride'? "
        f"legal: {CONV_KEYS}"
    ]


def test_all_errors_of_a_file_at_once_in_its_order(tmp_path) -> None:
    header = HEADER.replace("name: tiny", "nmae: tiny").replace("/1", "/2")
    broken = "name: b, op: con, inputs: []"
    missing = "name: c, op: linear, inputs: [], in_channels: 3"
    assert lines(tmp_path, CONV.replace("4", "-4"), broken, missing, "1", header=header) == [
        "FILE:1:1: the key 'name' is missing",
        "FILE:1:9: format: 'archsim-workload/2' is not legal here; did you mean "
        "'archsim-workload/1'? legal: archsim-workload/1",
        "FILE:2:1: there is no key 'nmae'; did you mean 'name'? legal: format, name, task, batch, "
        "activation_bits, weight_bits, source, tensors, layers",
        "FILE:5:67: layer 'a', out_channels: must be at least 1, not -4",
        "FILE:6:19: layer 'b': there is no op 'con'; did you mean 'conv'? legal: conv, "
        "deconv, linear, matmul, pool, resize, add, mul, concat, softmax, layernorm, rmsnorm, "
        "gelu, silu, hardswish, elementwise, reshape, transpose, slice, cache, embedding",
        "FILE:7:5: layer 'c': the key 'out_channels' is missing",
        "FILE:8:5: layer 4: the key 'op' is missing",
    ]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("in_channels", "0", "must be at least 1, not 0"),
        ("in_channels", "99999999999", "must be at most 1,048,576, not 99999999999"),
        ("in_channels", "3.0", "must be an integer, not 3.0"),
        ("in_channels", "three", "must be an integer, not 'three'"),
        ("in_channels", "true", "must be an integer, not true"),
        ("in_size", "8", "must be a list, not 8"),
        ("in_size", "[8]", "[8] has too few items"),
        ("padding", "[1, 1, 1]", "is [height, width] or [top, left, bottom, right], not [1, 1, 1]"),
        ("inputs", "[x, y]", "must have at most 1 items, not 2"),
        ("name", "null", "must be text, not null"),
        ("name", '"a\\e[2J"', "'a\\x1b[2J' does not have the form ^[^\\x00-\\x1f\\x7f]*$"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_legal(tmp_path, key, value, message) -> None:
    layer = ", ".join(
        f"{key}: {value}" if part.startswith(f"{key}:") else part for part in _parts(CONV)
    )
    (line,) = lines(tmp_path, layer)
    who = "layer 'a'"
    if key == "name":
        who = "layer 1" if value == "null" else "layer 'a\\x1b[2J'"
    assert line.partition(": ")[2] == f"{who}, {key}: {message}"


def _parts(layer: str) -> list[str]:
    import re

    return re.split(r", (?=\w+:)", layer)


def test_a_missing_producer_and_one_that_stands_later(tmp_path) -> None:
    assert lines(
        tmp_path, conv("a", "b1", 3), conv("b", "", 4), conv("c", "d", 4), conv("d", "", 4)
    ) == [
        "FILE:5:34: there is no layer 'b1'; did you mean 'b'? legal: a, b, c, d",
        "FILE:7:34: layer 'c' reads 'd', which stands after it; move it up",
    ]


def test_a_cycle_is_named_whole(tmp_path) -> None:
    assert lines(tmp_path, conv("a", "c", 4), conv("b", "a", 4), conv("c", "b", 4)) == [
        "FILE:5:34: the layers go in a cycle: a -> c -> b -> a (each reads the next)"
    ]
    assert lines(tmp_path, conv("a", "a", 4)) == [
        "FILE:5:34: the layers go in a cycle: a -> a (each reads the next)"
    ]


def test_a_name_that_stands_twice(tmp_path) -> None:
    assert lines(tmp_path, conv("a", "", 3), conv("a", "", 3)) == [
        "FILE:6:12: layer 'a' stands in line 5 already"
    ]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (conv("b", "a", 4, "[7, 6]"), "in_size is [7, 6], and 'a' gives [8, 6]"),
        (conv("b", "a", 5), "in_channels is 5, and 'a' gives 4"),
        (
            f"name: b, op: linear, inputs: [a], in_channels: 100, out_channels: 2, {PROFILE}",
            "in_channels is 100, and 'a' gives (4, 8, 6) = 192 values",
        ),
        (
            "name: b, op: pool, inputs: [a], kind: max, kernel: [9, 2]",
            "the kernel reaches 9 and the padded plane is 8 high",
        ),
        (
            "name: b, op: pool, inputs: [a], kind: max, kernel: [2, 2], in_channels: 5",
            "in_channels is 5, and 'a' gives 4",
        ),
        (
            "name: b, op: pool, inputs: [a], kind: max, global: true, out_channels: 5",
            "out_channels is 5; pool gives 4",
        ),
        (
            "name: b, op: resize, inputs: [], out_size: [2, 2], in_channels: 5",
            "is fed from outside, so it needs the key 'in_size'",
        ),
        (conv("b", "a", 4).replace("padding", "groups: 3, padding"),
         "3 groups do not divide 4 in_channels"),
        (conv("b", "a", 4).replace("padding: [1, 1]", "dilation: [4, 1]"),
         "the kernel reaches 9 and the padded plane is 8 high"),
    ],
)  # fmt: skip
def test_a_layer_that_contradicts_its_producer(tmp_path, layer, message) -> None:
    (line,) = lines(tmp_path, conv("a", "", 3), layer)
    assert line.startswith("FILE:6:")
    assert line.partition(": ")[2] == f"layer 'b': {message}"


@pytest.mark.parametrize(
    ("op", "fits", "message"),
    [
        ("add", True, ""),
        ("mul", True, ""),
        ("concat", False, "concat of 'small' (4, 1, 1) and 'a' (4, 8, 6) does not fit"),
    ],
)
def test_arithmetic_spreads_one_value_a_channel(tmp_path, op, fits, message) -> None:
    layers = [
        conv("a", "", 3),
        "name: small, op: pool, inputs: [a], kind: avg, global: true",
        f"name: both, op: {op}, inputs: [small, a]",
    ]
    if fits:
        both = loaded(tmp_path, *layers).layers[2]
        assert (both.out_channels, both.out_size, both.operands) == (4, (8, 6), (4, 192))
        assert both.input_elements == 196
    else:
        column = f"  - {{{layers[2]}".index("[") + 1
        assert lines(tmp_path, *layers) == [f"FILE:7:{column}: layer 'both': {message}"]


def test_huge_tensors_are_refused_though_each_key_is_legal(tmp_path) -> None:
    layer = (
        "name: a, op: conv, inputs: [], in_channels: 1000000, out_channels: 1000000, "
        f"in_size: [60000, 60000], kernel: [1, 1], {PROFILE}"
    )
    assert lines(tmp_path, layer) == [
        "FILE:5:12: layer 'a': its input would have 3,600,000,000,000,000 elements; at most "
        "2,147,483,648"
    ]


def test_pools_need_one_window(tmp_path) -> None:
    start = "op: pool, inputs: [], in_channels: 3, in_size: [4, 4], kind: max"
    assert lines(
        tmp_path, f"name: a, {start}", f"name: b, {start}, global: true, kernel: [2, 2]"
    ) == [
        "FILE:5:5: layer 'a': a pool needs `kernel`, or `global: true`",
        "FILE:6:5: layer 'b': a global pool has no kernel, stride or padding",
    ]


def test_a_layer_without_any_way_to_get_its_tensors(tmp_path) -> None:
    header = HEADER.replace("layers", "tensors: t.safetensors\nlayers")
    assert lines(tmp_path, CONV, header=header) == [
        "FILE:4:10: 't.safetensors' is not there, and layer 'a' has no profile to draw from; "
        "made by: by hand"
    ]


def test_a_wrong_profile_is_found_at_load(tmp_path) -> None:
    profile = "profile: {input: {classes: [{channels: 3, zero: 1.5}], dtype: int9}}"
    assert lines(tmp_path, f"{CONV}, {profile}") == [
        "FILE:5:168: layer 'a', profile.input.classes[0].zero: must be at most 1, not 1.5",
        "FILE:5:182: layer 'a', profile.input.dtype: 'int9' is not legal here; did you mean "
        "'int8'? legal: int8, uint8, int16, uint16",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "FILE:1:1: a workload is a mapping: format, name, layers ..."),
        (
            HEADER.replace("layers:", "layers: {a: 1}"),
            "FILE:4:9: layers: must be a list, not {'a': 1}",
        ),
        (
            HEADER.replace("layers:", "layers: []"),
            "FILE:4:9: layers: must have at least 1 items, not 0",
        ),
    ],
)
def test_a_file_that_is_no_workload(tmp_path, text, message) -> None:
    assert problems(load_workload, write(tmp_path, "w.yaml", text)) == [message]


def test_a_name_that_does_not_exist_names_the_nearest(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "workloads/only_here.yaml", workload_text(f"{CONV}, {PROFILE}"))
    assert load_workload("only_here").name == "tiny"
    with pytest.raises(
        InputError, match="there is no workload 'only_hre'; did you mean 'only_here'"
    ):
        load_workload("only_hre")


def test_edges_consumers_and_convolutions_alone(tmp_path) -> None:
    workload = loaded(
        tmp_path,
        conv("a", "", 3),
        conv("b", "a", 4),
        "name: sum, op: add, inputs: [a, b]",
        conv("c", "sum", 4),
        "name: flat, op: pool, inputs: [c], kind: avg, global: true",
        f"name: fc, op: linear, inputs: [flat], in_channels: 4, out_channels: 2, {PROFILE}",
    )
    assert workload.consumers("a") == ("b", "sum")
    assert workload.consumers("fc") == ()
    assert sorted(workload.graph().edges) == [
        ("a", "b"), ("a", "sum"), ("b", "sum"), ("c", "flat"), ("flat", "fc"), ("sum", "c"),
    ]  # fmt: skip
    convs = workload.only_convs()
    assert [(layer.name, layer.inputs) for layer in convs.layers] == [
        ("a", ()), ("b", ("a",)), ("c", ("a", "b")),
    ]  # fmt: skip
    assert convs.layers[2].input_elements == workload.layer("c").input_elements
    assert convs.hash != workload.hash
    part = workload.of_layers("b,s*, c")
    assert [(layer.name, layer.inputs, layer.operands) for layer in part.layers] == [
        ("b", (), ()), ("sum", (), workload.layer("sum").operands), ("c", ("sum",), ()),
    ]  # fmt: skip
    assert part.layers[1].input_elements == workload.layer("sum").input_elements
    assert part.notes[-1] == "layers: 3 of 6, those of b,s*, c"
    assert workload.of_layers("conv").hash == convs.hash
    assert workload.of_layers("all") is workload
    with pytest.raises(InputError, match=r"no layer matches 'flt\*'; the nearest are flat, "):
        workload.of_layers("a,flt*")
    with pytest.raises(InputError, match="there is no layer 'd'"):
        workload.layer("d")


def test_the_hash_is_of_the_text(tmp_path) -> None:
    text = workload_text(f"{CONV}, {PROFILE}")
    one = load_workload(write(tmp_path, "a.yaml", text))
    same = load_workload(write(tmp_path, "b.yaml", text))
    other = load_workload(write(tmp_path, "c.yaml", text.replace("zero: 1", "zero: 1.0")))
    assert one.hash == same.hash != other.hash


def test_the_schema_accepts_what_loads_and_refuses_what_does_not(tmp_path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(json.dumps(workload_schema()))
    validator = jsonschema.Draft202012Validator(schema)
    good = workload_text(
        f"{CONV}, {PROFILE}", "name: p, op: pool, inputs: [a], kind: max, global: true"
    )
    assert validator.is_valid(read(write(tmp_path, "g.yaml", good)).value)
    for bad in (good.replace("kind: max", "kind: mix"), good.replace("kernel", "kernal"), HEADER):
        assert not validator.is_valid(read(write(tmp_path, "b.yaml", bad)).value)
