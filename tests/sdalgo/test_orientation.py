"""How weights lie in stored tensors: of ONNX files by their operators, and in containers."""

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from archsim.formats.tensor_record import from_array
from sdalgo import InputError, Options, decompose
from sdalgo.checkpoints import read_checkpoint
from sdalgo.cli.main import main
from sdalgo.container import from_bytes, read_container, to_bytes
from sdalgo.orientation import as_stored, of_deconvolution, rows_of_all, transposed
from sdalgo.state import decompose_state, rebuild_state
from sdalgo.summary import summarise

sizes = st.integers(1, 4)


@given(sizes, sizes, sizes, sizes, sizes)
def test_a_tensor_comes_back_from_its_weight(a, b, c, d, groups):
    for made in (
        as_stored((a, b)), as_stored((a, b, c)), as_stored((a, b, c, d)), transposed((a, b)),
        of_deconvolution((a * groups, b, c, d), groups),
        of_deconvolution((a * groups, b, c), groups),
        rows_of_all((a, b, c)),
    ):  # fmt: skip
        tensor = np.arange(np.prod(made.tensor)).reshape(made.tensor)
        weight = made.to_layer(tensor)
        assert made.is_sound
        assert weight.shape == made.layer
        np.testing.assert_array_equal(made.to_tensor(weight), tensor)


def test_filters_of_a_transposed_convolution_are_its_outputs():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    tensor = rng.normal(size=(6, 2, 3, 3)).astype(np.float32)  # 3 groups of 2 inputs, 2 outputs
    at = of_deconvolution(tensor.shape, 3)
    given_ = torch.from_numpy(rng.normal(size=(1, 6, 4, 4)).astype(np.float32))

    def run(stored):
        weight = torch.from_numpy(np.ascontiguousarray(stored))
        return torch.nn.functional.conv_transpose2d(given_, weight, groups=3)[0].numpy()

    for channel in range(6):
        weight = at.to_layer(tensor).copy()
        weight[np.arange(6) != channel] = 0  # only this filter is left
        left = run(at.to_tensor(weight))
        np.testing.assert_allclose(left[channel], run(tensor)[channel], rtol=1e-5, atol=1e-6)
        assert not left[np.arange(6) != channel].any()


def saved_network(path):
    """One tensor of each kind; returns them by name, and the shapes of those that are weights.

    They need not fit one another: nothing is run.
    """
    onnx = pytest.importorskip("onnx")
    rng = np.random.default_rng(1)
    arrays = {
        "conv": (8, 3, 3, 3), "line": (8, 5, 3), "deconv": (6, 4, 3, 3), "product": (12, 5),
        "batched": (1, 12, 5), "left": (7, 12), "gemm": (12, 9), "gemm_t": (9, 12),
        "turned": (10, 6), "constant": (6, 8), "inner": (4, 12), "lstm_w": (2, 20, 6),
        "lstm_r": (2, 20, 5), "table": (30, 6), "bias": (1, 12), "heads": (3, 4, 4),
    }  # fmt: skip
    arrays = {k: rng.normal(0, 0.1, shape).astype(np.float32) for k, shape in arrays.items()}
    node, proto = onnx.helper.make_node, onnx.numpy_helper.from_array
    branch = onnx.helper.make_graph(
        [node("MatMul", ["x", "inner_t"], ["b"])], "then", [],
        [onnx.helper.make_tensor_value_info("b", 1, ["n"])],
        [proto(np.ascontiguousarray(arrays["inner"].T), "inner_t")],
    )  # fmt: skip
    nodes = [
        node("Conv", ["x", "conv"], ["a1"]),
        node("Conv", ["x", "line"], ["a2"]),
        node("ConvTranspose", ["x", "deconv"], ["a3"], group=2),
        node("MatMul", ["x", "product"], ["a4"]),
        node("MatMul", ["x", "batched"], ["a5"]),
        node("MatMul", ["left", "x"], ["a6"]),
        node("Gemm", ["x", "gemm", "bias"], ["a7"]),
        node("Gemm", ["x", "gemm_t"], ["a8"], transB=1),
        node("Identity", ["turned"], ["same"]),
        node("Transpose", ["same"], ["turned_t"], perm=[1, 0]),
        node("MatMul", ["x", "turned_t"], ["a9"]),
        node("Constant", [], ["constant"], value=proto(arrays["constant"], "")),
        node("MatMul", ["x", "constant"], ["a10"]),
        node("LSTM", ["x", "lstm_w", "lstm_r"], ["a11"], hidden_size=5, direction="bidirectional"),
        node("Gather", ["table", "i"], ["a12"]),
        node("Add", ["x", "bias"], ["a13"]),
        node("MatMul", ["x", "heads"], ["a14"]),
        node("If", ["c"], ["a15"], then_branch=branch, else_branch=branch),
    ]
    kept = {k: v for k, v in arrays.items() if k not in ("constant", "inner")}
    about = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "g",
        [about(name, kind, ["n"]) for name, kind in (("x", 1), ("i", 7), ("c", 9))],
        [about("a4", 1, ["n"])],
        [proto(value, key) for key, value in kept.items()],
    )  # fmt: skip
    opsets = [onnx.helper.make_opsetid("", 17)]
    path.write_bytes(
        onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    )
    arrays["inner_t"] = np.ascontiguousarray(arrays.pop("inner").T)
    layers = {
        "conv": (8, 3, 3, 3), "line": (8, 5, 1, 3), "deconv": (8, 3, 3, 3), "product": (5, 12),
        "batched": (5, 12), "left": (7, 12), "gemm": (9, 12), "gemm_t": (9, 12), "turned": (10, 6),
        "constant": (8, 6), "inner_t": (4, 12), "lstm_w": (40, 6), "lstm_r": (40, 5),
    }  # fmt: skip
    return arrays, layers


def test_the_operators_of_an_onnx_file_say_what_its_weights_are(tmp_path, capsys):
    path, out, dense = (tmp_path / name for name in ("n.onnx", "n.sd", "n.safetensors"))
    arrays, layers = saved_network(path)
    assert main(["decompose", str(path), "-o", str(out), "-q", "--theta", "0"]) == 0
    said = capsys.readouterr().err
    assert said == "not decomposed: table (30x6), heads (3x4x4)\n"
    found = read_container(out)
    assert {name: layer.layout.shape for name, layer in found.layers.items()} == layers
    # A product by (C, K) is that of its transpose, whose rows are consecutive inputs.
    for name in ("product", "gemm", "constant"):
        plain = decompose(np.ascontiguousarray(arrays[name].T), Options(theta=0))
        np.testing.assert_array_equal(found.layers[name].coef, plain.coef)
    plain = decompose(arrays["turned"], Options(theta=0))
    np.testing.assert_array_equal(found.layers["turned"].coef, plain.coef)

    assert main(["decode", str(out), "-o", str(dense)]) == 0
    back = load_file(dense)
    assert set(back) == set(arrays)
    for name, values in arrays.items():
        error = np.linalg.norm(back[name] - values) / np.linalg.norm(values)
        assert error < 0.25 if name in layers else error == 0
        assert back[name].shape == values.shape


def test_operators_that_contradict_themselves_make_no_weight(tmp_path):
    onnx = pytest.importorskip("onnx")
    node, about = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    weight = np.ones((4, 6, 3, 3), np.float32)
    graph = onnx.helper.make_graph(
        [node("Transpose", ["w"], ["t"], perm=[7, 0, 1, 1]), node("Conv", ["x", "t"], ["a"]),
         node("ConvTranspose", ["x", "w"], ["b"], group=3),
         node("ConvTranspose", ["x", "w"], ["c"], group=-2)],
        "g", [about("x", 1, ["n"])], [about("c", 1, ["n"])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    opsets = [onnx.helper.make_opsetid("", 17)]
    path = tmp_path / "n.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    read = read_checkpoint(path)
    assert (set(read.tensors), read.lies) == ({"w"}, {})


def test_a_sweep_of_an_onnx_file_takes_the_same_weights(tmp_path, capsys):
    path = tmp_path / "n.onnx"
    saved_network(path)
    assert main(["decompose", str(path), "-o", str(tmp_path / "n.sd"), "--json"]) == 0
    one = json.loads(capsys.readouterr().out)["totals"]
    assert main(["sweep", str(path), "--theta", "0.004", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["rows"][0]
    assert row["row_bytes"] == one["bits"] / 8


def test_only_onnx_files_say_how_weights_lie(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"a": np.ones((3, 4), np.float32)}, str(path))
    assert read_checkpoint(path).lies is None


def state(**arrays):
    return {k: from_array(np.asarray(v, np.float32)) for k, v in arrays.items()}


def test_a_state_dict_has_convolutions_over_one_axis_but_no_scales():
    rng = np.random.default_rng(2)
    tensors = state(
        line=rng.normal(size=(8, 5, 3)), depthwise=rng.normal(size=(8, 1, 3)),
        point=rng.normal(size=(8, 5, 1)), scale=rng.normal(size=(8, 1, 1)),
        tokens=rng.normal(size=(1, 9, 8)), experts=rng.normal(size=(4, 9, 300)),
    )  # fmt: skip
    found = decompose_state(tensors, Options(largest_kernel=None))
    assert set(found.layers) == {"line", "depthwise", "point"}
    back = rebuild_state(from_bytes(to_bytes(found)))
    for name, tensor in tensors.items():
        assert back[name].shape == tensor.shape
        error = np.linalg.norm(back[name].array() - tensor.array())
        assert error < 0.25 * np.linalg.norm(tensor.array())


def test_tied_weights_are_decomposed_and_stored_once():
    rng = np.random.default_rng(3)
    weight, other = rng.normal(size=(2, 40, 60))
    tied = decompose_state(state(words=weight, head=weight, other=other), Options())
    assert tied.layers["head"] is tied.layers["words"]
    alone = decompose_state(state(words=weight, other=other), Options())
    content = to_bytes(tied)
    assert len(content) < len(to_bytes(alone)) + 200  # a name and what is same
    read = from_bytes(content)
    assert read.layers["head"] is read.layers["words"]
    assert to_bytes(read) == content
    assert sum(row["weights"] for row in summarise(read, 1)["layers"]) == 3 * 2400
    assert summarise(read, 1)["totals"]["weights"] == 2 * 2400
    back = rebuild_state(read)
    assert back["head"].data == back["words"].data != back["other"].data


def changed(content, change):
    length, _ = struct.unpack_from("<II", content, 8)
    head = json.loads(content[16 : 16 + length])
    change(head["layers"])
    text = json.dumps(head).encode()
    return (
        content[:8]
        + struct.pack("<II", len(text), zlib.crc32(text))
        + text
        + content[16 + length :]
    )


@pytest.mark.parametrize(
    "tensor",
    [{"shape": [8, 5, 4], "split": [8, 5, 3], "axes": [0, 1, 2]},
     {"shape": [8, 5, 3], "split": [8, 5, 3], "axes": [0, 1, 1]},
     {"shape": [8, 5, 3], "split": [8, 5], "axes": [0, 1]},
     {"shape": [8, 5, -3], "split": [8, 5, 3], "axes": [0, 1, 2]},
     {"shape": [8, 5, 3], "split": [8, 5, 3], "axes": "no"}, {"shape": [8, 5, 3]}, 7],
)  # fmt: skip
def test_a_container_whose_tensor_contradicts_its_weight_is_refused(tensor):
    rng = np.random.default_rng(4)
    content = to_bytes(decompose_state(state(line=rng.normal(size=(8, 5, 3))), Options()))
    assert set(from_bytes(content).layers) == {"line"}
    with pytest.raises(InputError):
        from_bytes(changed(content, lambda layers: layers[0].update(tensor=tensor)))


def test_ties_count_in_what_a_container_may_become():
    zeros = {f"layer{index}": np.zeros((600, 1000)) for index in range(40)}
    content = to_bytes(decompose_state(state(**zeros), Options()))
    with pytest.raises(InputError, match="layer"):  # 96 MB of 80 KB; 64 MiB may be
        from_bytes(content)


@pytest.mark.parametrize("first", ["later", "nowhere", 7, ["a"]])
def test_a_container_whose_tie_leads_nowhere_is_refused(first):
    rng = np.random.default_rng(5)
    weight = rng.normal(size=(8, 6))
    content = to_bytes(decompose_state(state(a=weight, later=weight), Options()))
    with pytest.raises(InputError):
        from_bytes(changed(content, lambda layers: layers[1].update(same_as=first)))
