"""Checkpoints as training scripts and downloads leave them: read, or called what they are."""

import argparse
import json
import pickle
import struct

import numpy as np
import pytest
from safetensors.numpy import save, save_file

torch = pytest.importorskip("torch")

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo.checkpoints import read_weights  # noqa: E402
from sdalgo.cli.main import main  # noqa: E402

W = torch.arange(12.0).reshape(3, 4)
STATE = {"fc.weight": W, "fc.bias": torch.zeros(3)}


@pytest.mark.parametrize("name", ["w.ckpt", "w.pth.tar", "w.PTH", "w", "w.safetensors", "w.onnx"])
@pytest.mark.parametrize("zipped", [True, False])
def test_the_content_decides_and_not_the_suffix(name, zipped, tmp_path):
    torch.save(STATE, tmp_path / name, _use_new_zipfile_serialization=zipped)
    assert np.array_equal(read_weights(tmp_path / name)["fc.weight"].array(), W)
    save_file({"a": np.ones(2, np.float32)}, str(tmp_path / name))
    assert list(read_weights(tmp_path / name)) == ["a"]


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": STATE, "epoch": 3, "optimizer": {"state": {0: {"m": W}}, "groups": []}},
        {"model": STATE, "model_ema": {"fc.weight": W * 2}, "args": {"lr": 0.1}},
        {"epoch": 1, "model_ema": STATE},
        {"whatever": STATE, "step": torch.Size([1])},
        {"model": {"state_dict": {f"module.{k}": v for k, v in STATE.items()}}},
        {f"module._orig_mod.{k}": v for k, v in STATE.items()},
        {"n_averaged": torch.tensor(3), **{f"module.{k}": v for k, v in STATE.items()}},
    ],
)
def test_a_state_dict_is_found_where_scripts_put_it(content, tmp_path):
    torch.save(content, tmp_path / "w.pth")
    found = read_weights(tmp_path / "w.pth")
    assert set(found) - {"n_averaged"} == set(STATE)
    assert np.array_equal(found["fc.weight"].array(), W)


def test_types_and_names_that_are_kept(tmp_path):
    torch.save(
        {0: W, "p": torch.nn.Parameter(W.bfloat16()), "e": torch.zeros(0), "h": W.half(),
         "t": W.T}, tmp_path / "w.pt",
    )  # fmt: skip
    found = read_weights(tmp_path / "w.pt")
    assert set(found) == {"0", "p", "e", "h", "t"}
    assert found["p"].dtype == "BF16"
    assert np.array_equal(found["p"].array(), W)
    assert found["e"].shape == (0,)
    assert np.array_equal(found["t"].array(), W.T)


class Module:
    """Something that only running code could read."""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": W.to(torch.float8_e4m3fn)}, "w.pth: a: is of type float8_e4m3fn"),
        ({"a": W.to_sparse()}, "w.pth: a: is a sparse tensor"),
        ({"a": W.to(torch.complex64)}, "w.pth: a: is of type complex64"),
        ({"a": W.to("meta")}, "w.pth: a: is a meta tensor"),
        ({"a": W, "version": "2"}, "w.pth: version: holds a str, not a tensor"),
        ({"gen": {"a": W}, "dis": {"a": W}}, "several state dicts (gen, dis)"),
        ({0: W, "0": W}, "two names are the same"),
        ({"lr": 1}, "holds a dict, not named tensors"),
        ([W], "holds a list, not named tensors"),
        ({"a": np.ones(3)}, "it holds numpy values"),
        (torch.nn.Linear(2, 2), "a pickled torch.nn.modules.linear.Linear"),
        ({"model": STATE, "args": argparse.Namespace(lr=1)}, "a pickled argparse.Namespace"),
    ],
)
def test_what_cannot_be_read_is_named(content, said, tmp_path, capsys):
    torch.save(content, tmp_path / "w.pth")
    assert main(["decompose", str(tmp_path / "w.pth"), "-o", str(tmp_path / "w.sd")]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "weights_only" not in err
    assert "\x1b" not in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE HTML><html>", "an HTML page"),
        (b"GGUF\x03\0\0\0\0\0\0\0", "a GGUF file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (pickle.dumps({"a": 1}), "a Python pickle"),
        (b"PK\x03\x04 cut", "a damaged zip archive"),
        (b'{"config": 1}', "without the `weight_map`"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
    ],
)
@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_what_a_file_is_instead(content, said, name, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=r"w\.(pth|safetensors)") as refused:
        read_weights(tmp_path / name)
    assert said in str(refused.value)


def test_a_numpy_archive_is_called_one(tmp_path):
    np.savez(tmp_path / "w.npz", a=np.ones(2))
    with pytest.raises(InputError, match=r"a numpy .npz file"):
        read_weights(tmp_path / "w.npz")


def test_shards_are_read_through_their_index(tmp_path):
    index = tmp_path / "model.safetensors.index.json"
    places = {"a": "one.safetensors", "b": "two.bin", "c": "two.bin"}
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    with pytest.raises(InputError, match=r"(?s)'one.safetensors' is not.*'two.bin' is not"):
        read_weights(index)
    save_file({"a": np.ones(2, np.float32)}, str(tmp_path / "one.safetensors"))
    torch.save({"b": W}, tmp_path / "two.bin")
    with pytest.raises(InputError, match=r"c is in two.bin, where it is not"):
        read_weights(index)
    torch.save({"b": W, "c": W}, tmp_path / "two.bin")
    assert list(read_weights(index)) == ["a", "b", "c"]


@pytest.mark.parametrize("length", [640, 896, 1152, 1408, 0x4B50])
def test_a_header_whose_length_looks_like_a_magic_number(length, tmp_path):
    plain = save({"a": np.ones(2, np.float32)})
    start = struct.unpack("<Q", plain[:8])[0]
    text = plain[8 : 8 + start].rstrip().ljust(length)
    path = tmp_path / "w.pth"
    path.write_bytes(struct.pack("<Q", length) + text + plain[8 + start :])
    assert np.array_equal(read_weights(path)["a"].array(), [1, 1])


def test_nan_anywhere_stops_a_sweep(tmp_path, capsys):
    torch.save({**STATE, "bn.running_var": torch.tensor([1.0, torch.nan])}, tmp_path / "w.pth")
    assert main(["sweep", str(tmp_path / "w.pth")]) == 2
    assert "bn.running_var: 1 of 2 values are NaN" in capsys.readouterr().err


def test_of_two_state_dicts_the_first_is_read_and_it_is_said(tmp_path, capsys):
    path = tmp_path / "w.pth"
    torch.save({"epoch": 3, "model": STATE, "model_ema": {"fc.weight": W * 2}}, path)
    assert np.array_equal(read_weights(path)["fc.weight"].array(), W)
    assert "w.pth: model is read; it holds model_ema too (--entry" in capsys.readouterr().err
    assert np.array_equal(read_weights(path, "model_ema")["fc.weight"].array(), W * 2)
    assert capsys.readouterr().err == ""
    for command in (["decompose", str(path), "-q", "-o", str(tmp_path / "w.sd")],
                    ["sweep", str(path), "--theta", "0", "--json"]):  # fmt: skip
        assert main([*command, "--entry", "model_ema"]) == 0
        assert main([*command, "--entry", "model_emma"]) == 2
        said = capsys.readouterr().err
        assert "there is no entry 'model_emma'; did you mean 'model_ema'?" in said


@pytest.mark.parametrize(
    "content", [{"one": STATE, "two": STATE}, {"x": {"one": STATE}, "y": STATE}]
)
def test_one_of_several_unusual_entries_is_asked_for(content, tmp_path):
    path = tmp_path / "w.pth"
    torch.save(content, path)
    assert set(read_weights(path, "one")) == set(STATE)
    if "one" in content:
        with pytest.raises(InputError, match="several state dicts"):
            read_weights(path)


def test_a_file_that_is_no_checkpoint_has_no_entries(tmp_path):
    save_file({"a": np.ones(2, np.float32)}, str(tmp_path / "w.safetensors"))
    with pytest.raises(InputError, match="has no entry 'model'"):
        read_weights(tmp_path / "w.safetensors", "model")


def test_a_checkpoint_that_holds_itself_is_searched_once(tmp_path):
    content = {"model": {"weight": torch.ones(2, 2)}, "args": {}}
    content["args"]["all"] = content
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(InputError, match="entry"):
        read_weights(tmp_path / "w.pth", "absent")
