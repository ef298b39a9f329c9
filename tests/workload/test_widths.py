"""Widths of operands in workload files: what each layer gets, int16 tensors, values that do not
fit, and what is drawn at each width."""

import numpy as np
import pytest
from loading_files import HEADER, WITH_TENSORS, problems, write
from safetensors.numpy import save_file

from archsim.formats.errors import InputError
from archsim.formats.profile_values import EDGES, WIDE_EDGES, magnitudes
from archsim.workload.profile import draw
from archsim.workload.workload import load_workload, workload_schema
from sdalgo.profile import measure

A = (
    "{name: a, op: conv, inputs: [], in_channels: 2, out_channels: 3, in_size: [4, 4], "
    "kernel: [3, 3]"
)
B = "{name: b, op: pool, inputs: [a], kind: max, global: true"


def load(folder, *layers, header="", tensors=None):
    text = (WITH_TENSORS if tensors else HEADER).replace("layers:", f"{header}layers:")
    path = write(folder, "w.yaml", text + "".join(f"  - {layer}}}\n" for layer in layers))
    if tensors:
        save_file(tensors, folder / "t.safetensors")
    return load_workload(path)


def test_each_layer_has_its_own_width_or_that_of_the_file(tmp_path):
    top = "activation_bits: 16\nweight_bits: 4\n"
    found = load(tmp_path, A, f"{B}, activation_bits: 4", header=top).layers
    assert [(x.activation_bits, x.weight_bits) for x in found] == [(16, 4), (4, 4)]
    found = load(tmp_path, f"{A}, weight_bits: 16, activation_bits: 8", header=top).layers
    assert [(x.activation_bits, x.weight_bits) for x in found] == [(8, 16)]
    (found,) = load(tmp_path, A).layers
    assert (found.activation_bits, found.weight_bits) == (8, 8)


@pytest.mark.parametrize("value", ["7", "32", "8.0", "true", "'8'", "null", "[8]"])
@pytest.mark.parametrize("key", ["activation_bits", "weight_bits"])
def test_another_width_is_refused_with_its_place(tmp_path, key, value):
    layer = [f"{A}, {key}: {value}"] if value != "null" else [f"{A}, {key}: 3"]
    for layers, header in (([A], f"{key}: {value}\n"), (layer, "")):
        with pytest.raises(InputError) as error:
            load(tmp_path, *layers, header=header)
        (problem,) = error.value.problems
        assert key in problem.message
        assert "w.yaml:" in problem.place


def test_the_schema_names_the_widths():
    schema = workload_schema()
    assert schema["properties"]["activation_bits"]["enum"] == [4, 8, 16]
    conv = schema["$defs"]["Conv"]["properties"]
    assert conv["weight_bits"]["anyOf"][0]["enum"] == [4, 8, 16]


def arrays(kind, value=1, weights=np.int8):
    inputs = np.ones((2, 4, 4), kind)
    inputs[1, 2, 3] = value
    return {"a/input": inputs, "a/weight": np.full((3, 2, 3, 3), 2, weights)}


def test_int16_tensors_are_read_where_the_layer_is_as_wide(tmp_path):
    wide = arrays(np.uint16, 65535, np.int16)
    top = "activation_bits: 16\nweight_bits: 16\n"
    workload = load(tmp_path, A, header=top, tensors=wide)
    (layer,) = workload.layers
    assert workload.tensors(layer).need("input").max() == 65535
    assert workload.tensors(layer).need("weight").dtype == np.int16
    # Narrower values are values of 16 bits too.
    workload = load(tmp_path, A, header=top, tensors=arrays(np.int8, -128))
    assert workload.tensors(workload.layers[0]).need("input").min() == -128


@pytest.mark.parametrize(
    ("tensors", "header", "message"),
    [
        (arrays(np.int16), "", "'a/input': has the type int16; input is int8 or uint8 where "
         "activation_bits is 8"),
        (arrays(np.int8, 1, np.int16), "activation_bits: 16\n", "'a/weight': has the type int16; "
         "weight is int8 where weight_bits is 8"),
        (arrays(np.uint16), "activation_bits: 4\n", "where activation_bits is 4"),
    ],
)  # fmt: skip
def test_wider_tensors_are_refused_with_their_key(tmp_path, tensors, header, message):
    with pytest.raises(InputError) as error:
        load(tmp_path, A, header=header, tensors=tensors)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [(np.int8, 7, True), (np.int8, 8, False), (np.int8, -8, True), (np.int8, -9, False),
     (np.uint8, 15, True), (np.uint8, 16, False)],
)  # fmt: skip
def test_a_value_beyond_four_bits_is_refused_with_its_place(tmp_path, kind, value, fits):
    top = "activation_bits: 4\n"
    workload = load(tmp_path, A, header=top, tensors=arrays(kind, value))
    (layer,) = workload.layers
    if fits:
        assert value in workload.tensors(layer).need("input")
        return
    with pytest.raises(InputError) as error:
        workload.tensors(layer).need("input")
    least, most = (-8, 7) if kind is np.int8 else (0, 15)
    wanted = (f"holds {value} at [1, 2, 3], and activation_bits of layer 'a' is 4: "
              f"{least} to {most}")  # fmt: skip
    assert f"'a/input': {wanted}" in str(error.value)


def test_a_weight_beyond_four_bits_is_found_by_validate(tmp_path):
    from archsim.cli.kinds import check

    tensors = arrays(np.int8)
    tensors["a/weight"][2, 1, 0, 2] = -9
    load(tmp_path, A, header="weight_bits: 4\n", tensors=tensors)
    found = problems(check, tmp_path / "w.yaml")
    assert len(found) == 1
    assert "holds -9 at [2, 1, 0, 2], and weight_bits of layer 'a' is 4" in found[0]


CLASS = {"channels": 4, "zero": 0.25, "values": [1, 1], "negative": [1]}


@pytest.mark.parametrize(("bits", "kind"), [(4, np.int8), (8, np.int8), (16, np.int16)])
def test_drawn_values_are_as_wide_as_the_layer(bits, kind):
    """Bins up to the largest magnitude of the width, 2^(bits - 1) - 1, and none beyond it."""
    largest = 2 ** (bits - 1) - 1
    bins = sum(edge <= largest for edge in WIDE_EDGES)
    section = CLASS | {"values": [0] * (bins - 1) + [1], "negative": [0] * (bins - 1) + [1]}
    weight = {"live": 0.5, "values": section["values"], "negative": section["negative"]}
    profile = {"input": {"classes": [section]}, "weight": weight}
    for what, shape in (("input", (4, 30, 30)), ("weight", (20, 8, 3, 3))):
        drawn = draw(profile, what, shape, 1, bits)
        assert drawn.dtype == kind
        assert WIDE_EDGES[bins - 1] <= drawn.max() <= largest
        assert -largest - 1 <= drawn.min() <= -WIDE_EDGES[bins - 1]
    for what in ("input", "weight"):
        more = {"values": [*section["values"], 0, 1]}
        wider = {"input": {"classes": [section | more]}, "weight": weight | more}
        with pytest.raises(InputError, match=f"bins reach beyond magnitude {largest}"):
            draw(wider, what, (4, 3, 3) if what == "input" else (4, 4, 3, 3), 1, bits)


def test_a_type_that_is_wider_than_the_layer_is_refused(tmp_path):
    profile = "profile: {input: {dtype: int16, classes: [{channels: 2, zero: 1}]}}"
    workload = load(tmp_path, f"{A}, {profile}")
    with pytest.raises(
        InputError, match="dtype int16 is wider than the layer's activation_bits, 8"
    ):
        workload.tensors(workload.layers[0]).need("input")
    workload = load(tmp_path, f"{A}, activation_bits: 16, {profile}")
    assert workload.tensors(workload.layers[0]).need("input").dtype == np.int16


def test_drawing_is_that_of_before_at_eight_bits():
    """Bins of 16 bits leave those of 8 as they were, the slope of the last one too."""
    assert WIDE_EDGES[: len(EDGES)] == EDGES
    assert len(WIDE_EDGES) == len(EDGES) + 32
    assert WIDE_EDGES[-1] == 1 << 16
    counts = tuple(range(1, 28))
    assert magnitudes(counts, 255).sum() == pytest.approx(sum(counts))
    assert magnitudes((*counts, *[3] * 32), 65535).sum() == pytest.approx(sum(counts) + 96)
    drawn = draw({"input": {"classes": [CLASS]}}, "input", (4, 9, 9), 5)
    assert np.array_equal(
        drawn, draw({"input": {"classes": [CLASS], "dtype": "int8"}}, "input", (4, 9, 9), 5, 16)
    )


def test_what_is_measured_of_16_bits_is_drawn_again():
    rng = np.random.default_rng(0)
    values = np.clip(np.round(rng.exponential(3000, (6, 40, 40))), 0, 65535).astype(np.uint16)
    profile = measure(
        "conv", {"input": values, "weight": -values.reshape(8, -1, 3).astype(np.int16)}
    )
    assert profile["input"]["dtype"] == "uint16"
    drawn = draw(profile, "input", values.shape, 1, 16)
    assert drawn.mean() == pytest.approx(values.mean(), rel=0.03)
    assert np.quantile(drawn, 0.99) == pytest.approx(np.quantile(values, 0.99), rel=0.05)


def test_the_bits_of_fig_3_are_eight(tmp_path):
    """Its shares are of the eight bits and four digits of a byte."""
    from archsim.paper.activity import zeros

    top = "activation_bits: 16\n"
    workload = load(tmp_path, A, header=top, tensors=arrays(np.int16))
    with pytest.raises(InputError, match="has inputs of 16 bits"):
        zeros(workload)
    assert zeros(load(tmp_path, A, header=top, tensors=arrays(np.int8)))["bits"] == 7 / 8
