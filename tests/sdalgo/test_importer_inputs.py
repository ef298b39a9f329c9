"""What a network is run on, sizes that stay open, and values that a user gives."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from onnx_graphs import Graph, node, random

from archsim.formats.errors import InputError
from archsim.workload.workload import load_workload
from sdalgo.cli.main import main
from sdalgo.importer.feeds import Wanted, feeds_of, shapes_of
from sdalgo.importer.given_inputs import given_values
from sdalgo.onnx_graph import OnnxModel
from sdalgo.onnx_network import read_network

I64 = np.int64


def tokens():
    """Identifiers, a mask, positions and types into three tables and a matrix."""
    ids = np.zeros((1, 4), I64)
    nodes = [
        node("Gather", ["words", "input_ids"], ["a"], "word"),
        node("Gather", ["places", "position_ids"], ["b"], "place"),
        node("Gather", ["types", "token_type_ids"], ["c"], "type"),
        node("Sum", ["a", "b", "c"], ["d"], "sum"),
        node("Cast", ["attention_mask"], ["e"], to=1), node("Unsqueeze", ["e", "axis"], ["f"]),
        node("Mul", ["d", "f"], ["g"]), node("MatMul", ["g", "w"], ["y"], "out"),
    ]  # fmt: skip
    names = ("input_ids", "attention_mask", "position_ids", "token_type_ids")
    return Graph(
        nodes=nodes, feeds=dict.fromkeys(names, ids),
        opens=dict.fromkeys(names, ("batch", "seq")),
        constants={
            "words": random(50, 6), "places": random(9, 6), "types": random(2, 6),
            "axis": np.array([2]), "w": random(6, 3),
        },
    )  # fmt: skip


def test_tokens_masks_positions_and_types_are_what_their_names_say(tmp_path):
    network = read_network(tokens().save(tmp_path / "net.onnx"))
    feeds = feeds_of(network, Wanted(dims={"seq": 7}))
    ids = feeds.tensors["input_ids"]
    assert ids.shape == (1, 7)
    assert 0 <= int(ids.min()) < int(ids.max()) < 50
    assert feeds.tensors["attention_mask"].tolist() == [[1] * 7]
    assert feeds.tensors["position_ids"].tolist() == [list(range(7))]
    assert feeds.tensors["token_type_ids"].tolist() == [[0] * 7]
    assert "input_ids: of 50 at random, seed 0" in feeds.said
    again = feeds_of(network, Wanted(dims={"seq": 7}))
    assert (again.tensors["input_ids"] == ids).all()


def test_a_network_of_tokens_is_a_workload(tmp_path):
    path = tokens().save(tmp_path / "net.onnx")
    words = ["import", str(path), "--dim", "seq=7", "--out", str(tmp_path), "--json"]
    assert main(words) == 0
    workload = load_workload(str(tmp_path / "net.yaml"))
    assert workload.mode == "measured"
    assert [layer.name for layer in workload.layers] == ["word", "place", "type", "sum", "out"]
    text = (tmp_path / "net.yaml").read_text()
    assert "attention_mask: ones; position_ids: 0, 1, 2" in text
    assert "photograph" not in text


def test_sizes_that_stay_open_are_said_with_their_cure(tmp_path, capsys):
    path = tokens().save(tmp_path / "net.onnx")
    assert main(["import", str(path), "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("give one: --dim seq=128") == 4
    for word, reason in (
        ("sed=3", "leaves no such size open; open are attention_mask.0"),
        ("seq", "not NAME=N"), ("seq=0", "not NAME=N"), ("=4", "not NAME=N"),
    ):  # fmt: skip
        assert main(["import", str(path), "--dim", word, "--out", str(tmp_path)]) == 2
        assert reason in capsys.readouterr().err


def test_an_unnamed_size_is_given_by_its_axis(tmp_path):
    graph = Graph(nodes=[node("MatMul", ["x", "w"], ["y"])], feeds={"x": random(1, 2, 6)},
                  opens={"x": (1, None, 6)}, constants={"w": random(6, 3)})  # fmt: skip
    network = read_network(graph.save(tmp_path / "net.onnx"))
    with pytest.raises(InputError, match=r"--dim x\.1=128"):
        shapes_of(network, Wanted())
    assert shapes_of(network, Wanted(dims={"x.1": 5})) == {"x": (1, 5, 6)}


def test_a_state_is_zeros_and_a_number_fills_an_input(tmp_path):
    nodes = [node("Add", ["x", "state"], ["a"]), node("Cast", ["sr"], ["b"], to=1),
             node("Mul", ["a", "b"], ["c"]), node("MatMul", ["c", "w"], ["y"])]  # fmt: skip
    graph = Graph(
        nodes=nodes, constants={"w": random(6, 3)},
        feeds={"x": random(2, 6), "state": random(2, 6), "sr": np.array(0, I64)},
    )  # fmt: skip
    model = OnnxModel(graph.save(tmp_path / "net.onnx"), Wanted(values=given_values(["sr=3"])))
    said = model.run_alone()
    assert "x: normal noise" in said
    assert "state: zeros" in said
    assert "sr: as given" in said
    rows = model.inputs["y"]
    assert rows.any()
    plain = OnnxModel(tmp_path / "net.onnx")
    plain.run_alone()
    assert not plain.inputs["y"].any()


def test_arrays_of_a_file_are_inputs(tmp_path, capsys):
    graph = Graph(nodes=[node("MatMul", ["x", "w"], ["y"], "out")], feeds={"x": random(1, 2, 6)},
                  opens={"x": ("n", "t", 6)}, constants={"w": random(6, 3)})  # fmt: skip
    path = graph.save(tmp_path / "net.onnx")
    held = random(1, 4, 6, seed=5)
    np.savez(tmp_path / "in.npz", x=held)
    values = given_values([str(tmp_path / "in.npz")])
    model = OnnxModel(path, Wanted(values=values))
    model.run_alone()
    np.testing.assert_array_equal(model.inputs["out"][0, :, 0].T, held[0])
    np.savez(tmp_path / "odd.npz", x=random(3, 3))
    np.savez(tmp_path / "none.npz", z=held)
    np.savez(tmp_path / "objects.npz", x=np.array([{}], object))
    (tmp_path / "text.npz").write_text("no archive")
    for word, said in (
        ("odd.npz", "takes (n, t, 6)"), ("none.npz", "no input 'z'; it has x"),
        ("objects.npz", "no .npz file of numbers"), ("text.npz", "no .npz file of numbers"),
        ("missing.npz", "cannot be read"),
    ):  # fmt: skip
        given = ["import", str(path), "--input", str(tmp_path / word), "--out", str(tmp_path)]
        assert main(given) == 2
        assert said in capsys.readouterr().err
    for word, said in (("x", "neither NAME=NUMBER"), ("x=nan", "no finite"), ("=1", "neither")):
        assert main(["import", str(path), "--input", word, "--out", str(tmp_path)]) == 2
        assert said in capsys.readouterr().err


def test_an_image_in_bytes_is_a_photograph_in_bytes(tmp_path):
    graph = Graph(nodes=[node("Cast", ["x"], ["a"], to=1), node("Conv", ["a", "k"], ["y"])],
                  feeds={"x": np.zeros((1, 3, 9, 9), np.uint8)},
                  constants={"k": random(4, 3, 3, 3)})  # fmt: skip
    model = OnnxModel(graph.save(tmp_path / "net.onnx"))
    assert model.run_alone() == "one run on the photograph astronaut in bytes"
    given = model.inputs["y"]
    assert given.min() >= 0
    assert 100 < given.max() <= 255


def test_two_images_and_noise(tmp_path):
    graph = Graph(
        nodes=[node("Sub", ["a", "b"], ["c"], "less"), node("Conv", ["c", "k"], ["d"]),
               node("Mul", ["d", "z"], ["y"], "scaled")],
        feeds={"a": random(1, 3, 9, 9), "b": random(1, 3, 9, 9), "z": random(4, 1, 1)},
        constants={"k": random(4, 3, 3, 3)},
    )  # fmt: skip
    model = OnnxModel(graph.save(tmp_path / "net.onnx"))
    said = model.run_alone()
    assert said.count("photograph") == 2
    layers = {layer.name: layer for layer in model.layers}
    assert layers["less"].op == "elementwise"
    assert layers["a"].op == layers["b"].op == "resize"  # brought in from outside
    assert layers["scaled"].op == "mul"


def test_a_size_of_minus_one_is_open(tmp_path):
    """As Paddle writes it."""
    graph = Graph(nodes=[node("Conv", ["x", "k"], ["y"])], feeds={"x": random(1, 3, 9, 9)},
                  opens={"x": (-1, 3, -1, -1)}, constants={"k": random(4, 3, 3, 3)})  # fmt: skip
    path = graph.save(tmp_path / "net.onnx")
    assert OnnxModel(path, Wanted(size=(8, 7))).shapes == {"x": (1, 3, 8, 7)}
    with pytest.raises(InputError, match="no fixed size"):
        OnnxModel(path)
