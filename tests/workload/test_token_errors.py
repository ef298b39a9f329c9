"""What is wrong with layers of tokens, products and views: where it stands, and what is right."""

import json

import numpy as np
import pytest
import yaml
from token_networks import linear, loaded, matmul, post, run, write

import archsim
from archsim.formats.errors import InputError
from archsim.workload.workload import workload_schema

A = linear("a", [], (8, 16), tokens=4)


def view(name, op, read, **keys):
    return {"name": name, "op": op, "inputs": [read]} | keys


CACHE = view("c", "cache", "a", length=3)
WRONG = [
    ([matmul("p", [], (6, 2, 3, 4), kv_heads=4)], "4 kv_heads do not divide 6 heads"),
    ([A, matmul("p", ["a"], (1, 4, 16, 4))], "two operands"),
    ([A, matmul("p", ["a", "a"], (2, 4, 8, 5))], r"'a' gives \(16, 1, 4\) = 64 .* ask for 80"),
    ([A, matmul("p", ["a", "a"], (2, 3, 8, 4))], r"'a' gives .* ask for 48"),
    ([A, linear("b", ["a"], (16, 3), tokens=5)], "in_channels is 16 at 5 tokens"),
    ([linear("b", [], (16, 3), tokens=5, positions=2)], "give one"),
    ([linear("b", [], (16, 3), causal=True)], "no key 'causal'"),
    ([matmul("p", [], (1, 2, 3, 4), causal="yes")], "causal"),
    ([A, view("s", "slice", "a", channels=[8, 17])], r"ends at 17, and 'a' gives \(16, 1, 4\)"),
    ([A, view("s", "slice", "a", rows=[0, 2])], "ends at 2"),
    ([A, view("s", "slice", "a", columns=[3, 3])], r"`columns: \[3, 3\]` is empty"),
    ([A, view("s", "slice", "a", columns=[0, 3], channels=[0, 2])], "one of `channels`, `rows`"),
    ([A, view("s", "slice", "a")], "one of `channels`, `rows`"),
    ([A, view("s", "slice", "a", channels=[-1, 3])], "channels"),
    ([A, view("r", "reshape", "a", out_channels=8, out_size=[1, 9])], "72 values, and .* = 64"),
    ([A, CACHE, view("s", "slice", "c", columns=[0, 8])], r"ends at 8, and 'c' gives \(16, 1, 7\)"),
    ([linear("a", [], (8, 16)), view("r", "reshape", "a", out_channels=4, out_size=[2, 2]),
      view("c", "cache", "r", length=2)], r"not \(C, 1, tokens\)"),
    ([A, post("n", "softmax", ["a"], row=7)], "rows of 7 do not divide"),
    ([A, post("n", "softmax", ["a"], in_channels=15)], "in_channels is 15, and 'a' gives 16"),
    ([A, post("n", "gelu", ["a"], row=8)], "no key 'row'"),
    ([post("n", "softmax", [])], "needs the key 'in_size'"),
    ([A, linear("b", [], (3, 16), tokens=3), post("s", "add", ["a", "b"])], "does not fit"),
    ([A, post("e", "elementwise", ["a"])], "'function' is missing"),
    ([{"name": "e", "op": "embedding", "rows": 3, "out_channels": 2}], "'tokens' is missing"),
    ([A, post("s", "concat", ["a", "a"], axis="depth")], "axis"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "message"), WRONG, ids=[text[:24] for _, text in WRONG])
def test_the_place_and_what_is_right(tmp_path, entries, message):
    with pytest.raises(InputError, match=message) as refused:
        loaded(tmp_path, entries)
    lines = (tmp_path / "tokens.yaml").read_text().splitlines()
    (problem,) = str(refused.value).splitlines()
    number = int(problem.split("tokens.yaml:")[1].split(":")[0])
    wrong = entries[-1]["name"]
    # The named line belongs to the layer that is wrong, the last of the file.
    begins = max(k for k, line in enumerate(lines) if line.startswith("- "))
    ends = next(k for k in range(begins + 1, len(lines)) if not lines[k].startswith(" "))
    assert begins < number <= ends, (problem, lines)
    assert f"'{wrong}'" in problem or wrong in problem


def test_a_file_of_views_alone_has_no_layer(tmp_path):
    with pytest.raises(InputError):
        loaded(tmp_path, [view("s", "slice", "s", channels=[0, 1])])


@pytest.mark.parametrize("what", ["coef", "basis", "pruned", "error", "mask"])
def test_a_product_carries_its_operands_alone(tmp_path, what):
    arrays = {"p/input": np.ones((2, 3, 4), np.int8), f"p/{what}": np.ones((2, 5, 4), np.int8)}
    with pytest.raises(InputError, match=rf"p/{what}"):
        loaded(tmp_path, [matmul("p", [], (2, 3, 4, 5))], arrays)


@pytest.mark.parametrize(
    ("what", "shape"), [("input", (2, 4, 3)), ("weight", (2, 4, 5)), ("weight", (4, 5, 4))]
)
def test_shapes_of_operands(tmp_path, what, shape):
    arrays = {"p/input": np.ones((4, 3, 4), np.int8), "p/weight": np.ones((2, 5, 4), np.int8)}
    loaded(tmp_path, [matmul("p", [], (4, 3, 4, 5), kv_heads=2)], arrays)
    with pytest.raises(InputError, match=f"p/{what}"):
        loaded(
            tmp_path,
            [matmul("p", [], (4, 3, 4, 5), kv_heads=2)],
            arrays | {f"p/{what}": np.ones(shape, np.int8)},
        )


def test_machines_that_cannot_refuse_by_name(tmp_path):
    product = matmul("p", [], (2, 3, 4, 5))
    with pytest.raises(
        InputError,
        match=r"'p' is a product of two activations of 16 bits, and .* set weight_bits to 16",
    ):
        run("diannao", loaded(tmp_path, [product]), {"activation_bits": 16})
    with pytest.raises(InputError, match=r"layer 'p' has weight_bits 8, and .* stores 4"):
        run("diannao", loaded(tmp_path, [product]), {"weight_bits": 4})
    training = loaded(tmp_path, [product], task="training")
    with pytest.raises(InputError, match=r"'p' is a product of two activations, and machine"):
        run("training_accelerator", training)


@pytest.mark.parametrize("bits", [4, 8, 16])
@pytest.mark.parametrize("machine", ["diannao", "bit_pragmatic", "systolic"])
def test_operands_of_other_widths(tmp_path, machine, bits):
    """A dense product stores both operands at the machine's width."""
    largest = 2 ** (bits - 1) - 1
    dtype = np.int16 if bits > 8 else np.int8
    arrays = {"p/input": np.full((2, 6, 8), largest, dtype),
              "p/weight": np.full((2, 4, 8), -largest, dtype)}  # fmt: skip
    workload = loaded(
        tmp_path, [matmul("p", [], (2, 6, 8, 4))], arrays, activation_bits=bits, name="given"
    )
    keys = {"activation_bits": bits, "weight_bits": bits}
    (row,) = run(machine, workload, keys).layers
    assert row.dram_bytes_by == {
        "input": 2 * 6 * 8 * bits // 8, "weight": 2 * 4 * 8 * bits // 8,
        "output": 2 * 6 * 4 * bits // 8,
    }  # fmt: skip


def test_an_operand_beyond_its_width_is_refused(tmp_path):
    arrays = {"p/input": np.ones((2, 6, 8), np.int8), "p/weight": np.full((2, 4, 8), 8, np.int8)}
    workload = loaded(tmp_path, [matmul("p", [], (2, 6, 8, 4))], arrays, activation_bits=4)
    with pytest.raises(InputError, match="p/weight"):
        run("cambricon_x", workload, {"activation_bits": 4, "weight_bits": 4})


def test_the_schema_knows_every_layer(tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    entries = [
        {"name": "e", "op": "embedding", "rows": 9, "out_channels": 16, "tokens": 4},
        linear("q", ["e"], (16, 16), tokens=4),
        view("h", "slice", "q", channels=[0, 8]),
        view("k", "cache", "h", length=4),
        matmul("s", ["h", "k"], (2, 4, 4, 8), causal=False),
        post("n", "softmax", ["s"], row=8),
        post("g", "gelu", ["n"]),
        post("x", "elementwise", ["g"], function="erf"),
        post("c", "concat", ["x", "g"], axis="columns"),
        view("r", "reshape", "c", out_channels=8, out_size=[4, 4], copy=True),
        {"name": "d", "op": "deconv", "inputs": ["r"], "in_channels": 8, "out_channels": 2,
         "in_size": [4, 4], "kernel": [2, 2], "stride": [2, 2], "output_padding": [1, 0]},
    ]  # fmt: skip
    schema = json.loads(json.dumps(workload_schema()))
    check = jsonschema.Draft202012Validator(schema)
    written = yaml.safe_load(write(tmp_path, entries).read_text())
    assert not list(check.iter_errors(written))
    archsim.load_workload(tmp_path / "tokens.yaml")
    for number, key in enumerate(entries):
        typo = [dict(each) for each in entries]
        typo[number]["nmae"] = 1
        assert list(check.iter_errors(written | {"layers": typo})), key
