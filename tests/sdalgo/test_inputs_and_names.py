"""`sdalgo` refuses pipes, devices, names that are paths, and outputs that are its inputs."""

import os
from pathlib import Path

import numpy as np
import pytest
from made_data import write_config
from safetensors.numpy import save_file

from sdalgo.cli.main import main

pytestmark = pytest.mark.usefixtures("in_time")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with weights and what decompose makes of them."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 0.1, (4, 3, 3, 3)).astype(np.float32)
    save_file({"conv.weight": weight}, "w.safetensors")
    assert main(["decompose", "w.safetensors", "-o", "w.sd", "--quiet"]) == 0
    return tmp_path


def refused(arguments, capsys):
    capsys.readouterr()
    assert main(arguments) == 2, capsys.readouterr()
    said = capsys.readouterr().err
    assert "internal error" not in said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("what", ["pipe", "device"])
@pytest.mark.parametrize("arguments", [
    ["decompose", "x.safetensors"], ["decompose", "x.pth"], ["decompose", "x.onnx"],
    ["decode", "x.sd", "-o", "y"], ["report", "x.sd"], ["sweep", "x.safetensors"],
    ["report", "w.sd", "--plots", "p", "--weights", "x.safetensors"],
    ["import", "x.onnx"], ["train", "x.yaml"],
])  # fmt: skip
def test_what_is_no_file_is_refused_at_once(arguments, what, folder, capsys):
    for suffix in ("safetensors", "pth", "onnx", "sd", "yaml"):
        if what == "pipe":
            os.mkfifo(f"x.{suffix}")
        else:
            Path(f"x.{suffix}").symlink_to("/dev/zero")
    assert f"it is a {what}" in refused(arguments, capsys)


def test_a_pipe_among_shards_and_among_data_is_refused(folder, capsys):
    Path("i.json").write_text('{"weight_map": {"a": "s.safetensors"}}')
    os.mkfifo("s.safetensors")
    assert "i.json: its shard 's.safetensors' is not beside it" in refused(
        ["decompose", "i.json"], capsys
    )
    path = write_config(folder)
    Path("data/train-labels-idx1-ubyte").unlink()
    os.mkfifo("data/train-labels-idx1-ubyte")
    said = refused(["train", str(path), "--out", "runs", "--quiet"], capsys)
    assert "train-labels-idx1-ubyte: cannot be read: it is a pipe" in said


@pytest.mark.parametrize("arguments", [
    ["decompose", "w.safetensors", "-o", "w.safetensors"],
    ["decompose", "w.safetensors", "-o", "hard"],
    ["decompose", "plain.sd"],
    ["decompose", "i.json", "-o", "w.safetensors"],
    ["decode", "w.sd", "-o", "w.sd"],
    ["decode", "w.sd", "-o", "soft"],
])  # fmt: skip
def test_no_output_takes_the_place_of_an_input(arguments, folder, capsys):
    Path("i.json").write_text('{"weight_map": {"conv.weight": "w.safetensors"}}')
    Path("plain.sd").write_bytes(Path("w.safetensors").read_bytes())
    os.link("w.safetensors", "hard")
    Path("soft").symlink_to("w.sd")
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    assert f"{arguments[-1]}: is read by this command" in refused(arguments, capsys)
    assert {path: path.read_bytes() for path in folder.iterdir()} == kept


def test_an_onnx_file_under_the_name_of_its_workload_is_kept(folder, capsys):
    onnx = pytest.importorskip("onnx")
    helper, numbers = onnx.helper, onnx.numpy_helper
    weight = np.random.default_rng(0).normal(0, 0.1, (4, 3, 3, 3)).astype(np.float32)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])], "g",
        [value("x", onnx.TensorProto.FLOAT, [1, 3, 8, 8])],
        [value("y", onnx.TensorProto.FLOAT, [1, 4, 6, 6])], [numbers.from_array(weight, "w")],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), "net.yaml")
    before = Path("net.yaml").read_bytes()
    assert "net.yaml: is read by this command" in refused(
        ["import", "net.yaml", "--out", "."], capsys
    )
    assert Path("net.yaml").read_bytes() == before
    assert not Path("net.safetensors").exists()


@pytest.mark.parametrize(
    "name",
    ["..", ".", "...", "../up", "a/b", "/tmp/x", "a\\b", ".hidden", "-x", "", "a" * 101, "~"],
)
@pytest.mark.parametrize("of", ["file", "arm"])
def test_a_name_that_is_a_path_is_refused_with_its_place(name, of, tmp_path, capsys):
    arms = [{"name": name, "method": "vanilla"}] if of == "arm" else ["VA"]
    changes = {"name": name} if of == "file" else {}
    path = write_config(tmp_path, arms=arms, **changes)
    said = refused(["train", str(path), "--out", str(tmp_path / "a" / "b"), "--quiet"], capsys)
    place = "arms[0].name" if of == "arm" else ": name"
    assert "made.yaml:" in said
    assert place in said
    assert not (tmp_path / "a").exists()


def test_an_arm_may_not_take_the_folder_of_the_pre_training(tmp_path, capsys):
    path = write_config(tmp_path, arms=[{"name": "pretrain", "method": "vanilla"}])
    said = refused(["train", str(path), "--out", str(tmp_path / "runs")], capsys)
    assert "arm 'pretrain': the folder of that name holds the pre-training" in said


def test_a_training_file_that_is_its_own_summary_is_kept(tmp_path, capsys):
    path = write_config(tmp_path)
    (tmp_path / "made").mkdir()
    own = path.rename(tmp_path / "made" / "summary.json")
    before = own.read_bytes()
    assert "is read by this command" in refused(["train", str(own), "--out", str(tmp_path)], capsys)
    assert own.read_bytes() == before
