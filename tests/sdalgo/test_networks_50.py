"""The fifty networks of `benchmarks/networks_50`: the list, its rules, some of them end to end.

`make test-slow` tries all that need no package that is not there.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from slow_cases import slow_where  # noqa: E402

from benchmarks.networks_50 import trial  # noqa: E402
from benchmarks.networks_50.equal import engine, furthest  # noqa: E402
from benchmarks.networks_50.expected import evaluated  # noqa: E402
from benchmarks.networks_50.exporting import export  # noqa: E402
from benchmarks.networks_50.listing import Input, Network, networks  # noqa: E402
from benchmarks.networks_50.table import CLOSE, PAGE, passes, row  # noqa: E402

ROOT = Path(__file__).parents[2]
LISTED = {network.name: network for network in networks()}
QUICK = ("alexnet", "squeezenet", "mobilenet_v1_keras", "gmlp", "gpt2_decode")
MADE = [name for name, network in LISTED.items() if network.exporter in ("torchscript", "hand")]


def test_the_list_has_the_groups_that_were_fixed():
    counts = {}
    for network in LISTED.values():
        counts[network.group] = counts.get(network.group, 0) + 1
    assert counts == {
        "classic CNNs": 15, "timm-like blocks": 10, "transformers": 10, "files of packages": 15,
    }  # fmt: skip


def test_the_page_has_every_network():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in LISTED if f"| {name} |" not in text] == []


@pytest.mark.parametrize("name", slow_where(lambda name: name not in QUICK, MADE))
def test_a_made_network_computes_what_onnx_says(name, tmp_path):
    """Oracle: onnx.reference; ONNX Runtime where the evaluator cannot run the file."""
    network, path = LISTED[name], tmp_path / "net.onnx"
    export(network, path)
    try:
        expected = evaluated(network, path, runtime=False)
    except ValueError:  # a pool that rounds up, with padding: googlenet
        pytest.importorskip("onnxruntime")
        expected = evaluated(network, path, runtime=True)
    apart, output = furthest(engine(network, path), expected)
    assert apart <= CLOSE, output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["squeezenet", "gpt2_decode"])
def test_a_trial_goes_all_the_way_and_is_not_done_twice(name, tmp_path):
    """In a process of its own: a trial forks, which one with threads of torch must not."""
    words = [sys.executable, "-m", "benchmarks.networks_50", "--only", name]
    for _ in range(2):
        ran = subprocess.run([*words, "--folder", str(tmp_path)], cwd=ROOT, text=True,
                             capture_output=True, timeout=300, check=False)  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        kept = tmp_path / "records" / f"{name}.json"
        before = kept.stat().st_mtime_ns
        record = json.loads(kept.read_text())
        assert passes(record), row(LISTED[name], record)
        assert set(record["machines"]["cycles"]) == set(trial.MACHINES)
    assert ran.stdout.count("passes") == 1
    assert kept.stat().st_mtime_ns == before


def test_the_rule_of_passing():
    good = {
        "import": {"status": 0}, "equal": {"status": 0, "apart": 1e-6},
        "machines": {"status": 0, "cycles": dict.fromkeys(trial.MACHINES, 1), "refused": {}},
    }  # fmt: skip
    assert passes(good)
    refused = {"status": 2, "cycles": {"scnn": 1}, "refused": dict.fromkeys("abcd", "a rule")}
    assert passes({**good, "machines": refused})
    assert not passes({**good, "machines": {**refused, "refused": {}}})
    assert not passes({**good, "machines": {**good["machines"], "status": 1}})
    assert not passes({**good, "equal": {"status": 0, "apart": 2e-3}})
    assert not passes({**good, "equal": {"status": 1}})
    assert not passes({**good, "import": {"status": 2}})
    assert not passes({"file": {"missing": "pip cannot download it"}})


def test_a_difference_is_a_part_of_the_largest_value_and_shapes_count():
    expected = {"y": np.array([0.0, 4.0]), "z": np.array([1])}
    assert furthest({"y": np.array([0.0, 4.0]), "z": np.array([1])}, expected)[0] == 0.0
    assert furthest({"y": np.array([0.0, 4.4]), "z": np.array([1])}, expected) == (
        pytest.approx(0.1), "y",
    )  # fmt: skip
    assert furthest({"y": np.array([[0.0, 4.0]]), "z": np.array([1])}, expected)[0] == float("inf")
    assert furthest({"y": np.array([np.nan, 4.0]), "z": np.array([1])}, expected)[0] == float("inf")


def test_the_evaluator_is_given_the_norm_of_inference(tmp_path):
    """Its own mixes statistics of the batch in before opset 14; oracle: the formula."""
    network = LISTED["alexnet"]
    rng = np.random.default_rng(0)
    shape = network.inputs["image"].shape
    parts = {
        name: rng.uniform(0.5, 2, 3).astype(np.float32) for name in ("scale", "b", "mean", "var")
    }
    node = helper.make_node(
        "BatchNormalization", ["image", *parts], ["y"], epsilon=1e-3, momentum=0.9
    )
    values = [
        helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key in ("image", "y")
    ]
    tensors = [numpy_helper.from_array(value, key) for key, value in parts.items()]
    graph = helper.make_graph([node], "net", values[:1], values[1:], tensors)
    path = tmp_path / "norm.onnx"
    opset = [helper.make_opsetid("", 9)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    x = network.values()["image"].transpose(0, 2, 3, 1)
    expected = (x - parts["mean"]) / np.sqrt(parts["var"] + 1e-3) * parts["scale"] + parts["b"]
    found = evaluated(network, path, runtime=False)["y"]
    np.testing.assert_allclose(found.transpose(0, 2, 3, 1), expected, rtol=1e-4, atol=1e-5)


def quantised_lstm(path):
    """ONNX Runtime's LSTM of 8 bits in both directions: 5 steps, 3 channels, a state of 4."""
    rng = np.random.default_rng(3)
    whole = {"w": (2, 3, 16), "r": (2, 4, 16)}
    constants = {name: rng.integers(-90, 90, shape, np.int8) for name, shape in whole.items()}
    constants |= {
        "b": rng.normal(0, 0.2, (2, 32)).astype(np.float32),
        "h": np.zeros((2, 1, 4), np.float32), "c": np.full((2, 1, 4), 0.3, np.float32),
    }  # fmt: skip
    for name in whole:
        constants[f"{name}_scale"] = np.array([0.011, 0.013], np.float32)
        constants[f"{name}_zero"] = np.array([0, 3], np.int8)
    names = ["x", "w", "r", "b", "", "h", "c", "", "w_scale", "w_zero", "r_scale", "r_zero"]
    node = helper.make_node(
        "DynamicQuantizeLSTM", names, ["y", "last"], "lstm", domain="com.microsoft",
        direction="bidirectional", hidden_size=4,
    )  # fmt: skip
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, 1, 3])
    shapes = {"y": [5, 2, 1, 4], "last": [2, 1, 4]}
    outputs = [helper.make_tensor_value_info(k, TensorProto.FLOAT, s) for k, s in shapes.items()]
    tensors = [numpy_helper.from_array(value, key) for key, value in constants.items()]
    graph = helper.make_graph([node], "net", [x], outputs, tensors)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
    return Network(name="lstm", group="", inputs={"x": Input(shape=(5, 1, 3))})


@pytest.mark.parametrize("runtime", [False, True])
def test_a_quantised_lstm_is_what_onnx_runtime_computes(runtime, tmp_path):
    """Oracles: the operator that the evaluator is given, and ONNX Runtime where it is there."""
    if runtime:
        pytest.importorskip("onnxruntime")
    network = quantised_lstm(tmp_path / "lstm.onnx")
    expected = evaluated(network, tmp_path / "lstm.onnx", runtime=runtime)
    apart, output = furthest(engine(network, tmp_path / "lstm.onnx"), expected)
    assert apart < 1e-5, output
    assert expected["y"].shape == (5, 2, 1, 4)
