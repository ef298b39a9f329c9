"""What `sdalgo decompose` says beside its table: the file's size, and layers that are ruined."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sdalgo import Options, preset
from sdalgo.cli.main import main
from sdalgo.decompose import is_decomposed
from sdalgo.loss import ruined


def saved(path, **stds):
    rng = np.random.default_rng(0)
    tensors = {
        name: rng.normal(0, std, (16, 8, 3, 3)).astype(np.float32) for name, std in stds.items()
    }
    tensors["norm"] = rng.normal(0, 1, 4000).astype(np.float32)
    tensors["half"] = rng.normal(0, 1, 500).astype(np.float16)
    tensors["steps"] = np.arange(7)
    save_file(tensors, str(path))
    return tensors


def run(capsys, *words):
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr()


def test_the_compression_printed_is_that_of_the_file(tmp_path, capsys):
    path, out = tmp_path / "w.safetensors", tmp_path / "w.sd"
    tensors = saved(path, conv=0.1)
    said = run(capsys, "decompose", path, "-o", out)
    stored = sum(4 * t.size if t.dtype.kind == "f" else t.nbytes for t in tensors.values())
    times = stored / out.stat().st_size
    assert f"B, {times:.2f} times smaller than in float32" in said.out
    totals = json.loads(run(capsys, "report", out, "--json").out)["totals"]
    assert totals["file_compression"] == pytest.approx(times)
    assert totals["file_bytes"] == out.stat().st_size
    assert totals["compression"] == pytest.approx(32 * 16 * 8 * 9 / totals["bits"])
    # Norms are not decomposed, so the file is much less compressed than its layer.
    assert totals["file_compression"] < 0.5 * totals["compression"]


def test_a_layer_that_is_ruined_is_a_warning(tmp_path, capsys):
    path, out = tmp_path / "w.safetensors", tmp_path / "w.sd"
    saved(path, good=0.1, gone=5e-4, weak=3e-3)
    lines = ["warning: gone lost all its weights", "warning: weak has a relative error of 0."]
    for words in (("decompose", path, "-o", out), ("report", out)):
        said = run(capsys, *words)
        assert [
            line[: len(start)] for line, start in zip(said.err.splitlines(), lines, strict=True)
        ] == lines
        assert "good" not in said.err
        assert len(json.loads(run(capsys, *words, "--json").out)["warnings"]) == 2
    said = run(capsys, "decompose", path, "-o", out, "--preset", "best")
    assert said.err == ""
    assert min(np.abs(load_file(path)[name]).max() for name in ("good", "gone", "weak")) > 0


def test_a_density_that_cannot_be_met_is_a_warning(tmp_path, capsys):
    path, out = tmp_path / "w.safetensors", tmp_path / "w.sd"
    weight = np.random.default_rng(0).normal(0, 0.1, (16, 8, 3, 3)).astype(np.float32)
    half = weight.copy()
    half[:, :4] = 0  # of which no more than half of the rows can be used
    save_file({"whole": weight, "half": half}, str(path))
    said = run(capsys, "decompose", path, "-o", out, "--density", 0.8).err
    assert said.startswith("warning: half has a density of 0.")
    assert said.count("\n") == 1
    assert run(capsys, "decompose", path, "-o", out, "--density", 0.3).err == ""


def test_an_import_warns_as_well(tmp_path, capsys):
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weight = np.random.default_rng(0).normal(0, 5e-4, (8, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], name="small")], "g",
        [helper.make_tensor_value_info("x", kind, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", kind, [1, 8, 6, 6])],
        [onnx.numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "n.onnx")
    words = ("import", tmp_path / "n.onnx", "--out", tmp_path, "--json")
    assert "warning: small lost all its weights" in run(capsys, *words).err
    assert "warning" not in run(capsys, *words, "--preset", "best").err


def test_what_counts_as_ruined():
    assert ruined([("a", 0, 1.0), ("b", 0, 0.0), ("c", 5, 0.51), ("d", 5, 0.5)]) == [
        "warning: a lost all its weights: theta is too large for it",
        "warning: c has a relative error of 0.51",
    ]


def test_large_kernels_are_decomposed_but_by_the_released_presets():
    for shape, released in [((8, 4, 3, 3), True), ((8, 4, 7, 7), False), ((8, 4, 1, 5), False)]:
        for name in ("best", "as_paper"):
            assert is_decomposed(shape, preset(name))
        for name in ("as_released", "as_released_double"):
            assert is_decomposed(shape, preset(name)) is released
    # A container holds rows of at most 255.
    assert is_decomposed((8, 4, 1, 255), Options(largest_kernel=None))
    assert not is_decomposed((8, 4, 1, 256), Options(largest_kernel=None))
