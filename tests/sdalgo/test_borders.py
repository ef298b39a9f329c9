"""What people type and send to `sdalgo`: read, or refused by name with exit status 2, and never
called a fault of the program."""

import json
import struct
import zlib

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")

from made_data import write_config  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

from archsim.formats import workload_names  # noqa: E402
from archsim.formats.errors import InputError  # noqa: E402
from archsim.formats.tensor_file import read_tensors, write_tensors  # noqa: E402
from archsim.formats.tensor_record import Tensor, from_array  # noqa: E402
from sdalgo.cli.main import main  # noqa: E402
from sdalgo.container import MAGIC, from_bytes, to_bytes  # noqa: E402
from sdalgo.options import Options, options_from, preset  # noqa: E402
from sdalgo.state import decompose_state  # noqa: E402
from sdalgo.torch_files import torch_state  # noqa: E402
from sdalgo.workload import _flow  # noqa: E402

W = torch.arange(12.0).reshape(3, 4)
DIGITS = "9" * 5000


def refused(arguments, capsys):
    capsys.readouterr()
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "internal error" not in said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(("value", "said"), [
    (lambda: W.to(torch.float8_e5m2), "is of type float8_e5m2"),
    (lambda: W.to(torch.complex64).conj(), "is of type complex64"),
    (W.to_sparse, "is a sparse tensor"),
    (lambda: torch.quantize_per_tensor(W, 0.1, 0, torch.qint8), "is a quantised tensor"),
    (lambda: torch.nested.nested_tensor([W, W]), "is a nested tensor"),
    (lambda: W.to("meta"), "is a meta tensor"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore")  # torch's: nested and quantised tensors may change
def test_a_tensor_that_is_no_array_is_named_with_its_kind(value, said, tmp_path):
    torch.save({"t": value()}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=rf"w.pth: t: {said}"):
        torch_state(tmp_path / "w.pth")


def test_views_and_small_types_keep_their_values(tmp_path):
    negative = torch.complex(W, W).conj().imag  # a view with the negative bit
    assert negative.is_neg()
    dressed = torch.nn.Parameter(W)
    dressed.numel = "not a method"
    content = {"n": negative, "b": W > 3, "u": W.to(torch.uint16), "p": dressed}
    torch.save(content, tmp_path / "w.pth")
    found = torch_state(tmp_path / "w.pth")
    assert np.array_equal(found["n"].array(), -W.numpy())
    assert np.array_equal(found["b"].array(), W.numpy() > 3)
    assert found["u"].dtype == "U16"
    assert np.array_equal(found["p"].array(), W.numpy())


def test_a_mapping_that_holds_itself_ends(tmp_path):
    twisted = {"a": {}}
    twisted["a"] |= {"model": twisted, "net": twisted, "x": twisted}
    torch.save(twisted, tmp_path / "w.pth")
    with pytest.raises(InputError, match="holds a dict"):
        torch_state(tmp_path / "w.pth")
    with pytest.raises(InputError, match="there is no entry 'z'"):
        torch_state(tmp_path / "w.pth", "z")


def test_a_key_beyond_64_bits_is_no_name(tmp_path):
    torch.save({2**70: W, 2**71: W}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="two names are the same"):
        torch_state(tmp_path / "w.pth")


def changed(content, change):
    """A container whose header is changed, with a checksum of its own."""
    start = len(MAGIC) + 8
    length = struct.unpack("<I", content[len(MAGIC) : len(MAGIC) + 4])[0]
    head = json.loads(content[start : start + length])
    change(head)
    text = json.dumps(head).encode()
    return (
        MAGIC + struct.pack("<II", len(text), zlib.crc32(text)) + text + content[start + length :]
    )


@pytest.fixture(scope="module")
def container():
    weight = np.random.default_rng(0).normal(0, 0.1, (4, 3, 3, 3)).astype(np.float32)
    tensors = {"w": from_array(weight), "b": from_array(np.zeros((2, 2, 1), np.int8))}
    return to_bytes(decompose_state(tensors, preset("as_released_double")))


def layer(**keys):
    return lambda head: head["layers"][0].update(keys)


def other(**keys):
    return lambda head: head["others"][0].update(keys)


def options(value):
    return lambda head: head.update(options=value)


@pytest.mark.parametrize(("change", "said"), [
    (other(shape=[-2, -2, 1]), "no shape that is read"),
    (other(shape=[2.0, 2, 1]), "no shape that is read"),
    (other(name="__metadata__"), "the format keeps it for itself"),
    (other(name="\ud800"), "half a character"),
    (other(name="w"), "two tensors have this name"),
    (other(name=7), "a name is text"),
    (layer(name="__metadata__"), "the format keeps it for itself"),
    (layer(shape=[4, 3, 3, "3"]), "is no shape"),
    (layer(rank=True), "rank is True, not a whole number"),
    (layer(p_min=10**30), "is no power"),
    (layer(p_min=1.5), "p_min is 1.5, not a whole number"),
    (layer(relative_error=float("nan")), "NaN is no number"),
    (layer(relative_error="x"), "'x' is no relative error"),
    (layer(lengths=[[1, 1], [1, 1]]), "a symbol has two code lengths"),
    (options({"theta": 1e999}), "damaged header"),
    (options({"theta": {"deep": 1}}), "no plain value"),
    (options([1]), "not a mapping"),
])  # fmt: skip
def test_a_container_that_no_one_wrote_is_refused(change, said, container):
    with pytest.raises(InputError, match=said) as error:
        from_bytes(changed(container, change), "x.sd")
    assert str(error.value).startswith("x.sd: ")


def test_a_header_nested_without_end_is_refused():
    text = b'{"form":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    content = MAGIC + struct.pack("<II", len(text), zlib.crc32(text)) + text
    with pytest.raises(InputError, match=r"x\.sd: damaged header"):
        from_bytes(content, "x.sd")


@pytest.mark.parametrize("scale", [np.nan, np.inf, -1.0, 0.0])
def test_a_scale_is_a_number_above_zero(scale, container):
    bits = int(np.float32(scale).view(np.uint32)) >> 16
    content = bytearray(container)
    start = len(MAGIC) + 8
    length = struct.unpack("<I", content[len(MAGIC) : len(MAGIC) + 4])[0]
    head = json.loads(content[start : start + length])
    place = head["layers"][0]["sections"]["scales"]
    at = start + length + place[0]
    content[at : at + 2] = bits.to_bytes(2, "little")
    sections = bytes(content[at : at + place[1]])

    def summed(head):
        head["layers"][0]["sections"]["scales"][2] = zlib.crc32(sections)

    with pytest.raises(InputError, match="scale"):
        from_bytes(changed(bytes(content), summed))


@pytest.mark.parametrize("values", [
    {"iterations": "30"}, {"iterations": 10**12}, {"rank": 1.5}, {"exponents": [1]},
    {"theta": None}, {"unknown": 1}, {"scaling": "x"}, {"basis_bits": True},
])  # fmt: skip
def test_options_of_a_container_are_checked_before_they_are_used(values):
    with pytest.raises(InputError):
        options_from(values, "x.sd")


def test_options_come_back_from_their_plain_values():
    made = Options(theta=0.5, exponents=(None, 3), rank=2)
    plain = json.loads(json.dumps({key: getattr(made, key) for key in vars(made)}))
    assert options_from(plain, "x.sd") == made


@pytest.mark.parametrize("name", ["__metadata__", "a\ud800", 3])
def test_no_file_gets_a_name_that_its_format_forbids(name, tmp_path):
    with pytest.raises(InputError, match="name"):
        write_tensors(tmp_path / "t.safetensors", {name: from_array(np.ones(2))})


@pytest.mark.parametrize("shape", [(-1, -4), (2**54, 0), (0, 2**40, 2**40), (1,) * 9])
def test_a_shape_that_cannot_be_read_back_is_none(shape):
    with pytest.raises(InputError, match="shape"):
        Tensor(dtype="I8", shape=shape, data=bytes(4))


def test_a_lone_surrogate_in_a_header_is_refused(tmp_path):
    head = b'{"\\ud800": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}'
    (tmp_path / "t.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + b"x")
    with pytest.raises(InputError, match="not a JSON object"):
        read_tensors(tmp_path / "t.safetensors")


@pytest.mark.parametrize("value", ["-1", DIGITS, str(2**63), "1.5", "x"])
@pytest.mark.parametrize("arguments", [
    ["build", "tiny_sd", "--seed"], ["train", "x.yaml", "--seed"], ["train", "x.yaml", "--threads"],
    ["decompose", "w.safetensors", "--iterations"], ["decompose", "w.safetensors", "--rank"],
    ["decompose", "w.safetensors", "--levels"], ["decompose", "w.safetensors", "--slice-rows"],
    ["decompose", "w.safetensors", "--basis-bits"], ["decompose", "w.safetensors", "--max-gb"],
    ["import", "x.onnx", "--size"],
])  # fmt: skip
def test_numbers_beyond_use_are_refused(arguments, value, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_file({"a": np.ones((4, 3, 3, 3), np.float32)}, "w.safetensors")
    value = "1.5 GB" if value == "1.5" else value  # a legal limit without its unit
    assert len(refused([*arguments, value], capsys)) < 12_000


@pytest.mark.parametrize("key", ["seeds", "batch", "train.epochs", "data.size", "highest"])
@pytest.mark.parametrize("value", [-9, 2**63, int(DIGITS[:4000])])
def test_integers_of_a_training_file_have_bounds(key, value, tmp_path, capsys):
    path = write_config(tmp_path)
    file = yaml.safe_load(path.read_text())
    *parents, last = key.split(".")
    here = file
    for parent in parents:
        here = here[parent]
    here[last] = [value] if key == "seeds" else value
    path.write_text(json.dumps(file))
    assert f"{path.name}:1:" in refused(["train", str(path), "--out", str(tmp_path / "r")], capsys)


@pytest.mark.parametrize(("stem", "name"), [
    ("my model(1)", "my model_1_"), ("res@12", "res_12"), ("_x", "net__x"), ("..", "net_"),
    ("con", "net_con"), ("LPT1.x", "net_LPT1.x"), ("a-b", "a_b"), ("a. .", "a"), ("", "net_"),
    ("h\u00e9", "h_"), ("\udcff", "net__"), ("x" * 300, "x" * 90),
])  # fmt: skip
def test_the_name_of_a_file_becomes_a_legal_one(stem, name):
    assert workload_names.suggested(stem) == name
    assert workload_names.checked(name) == name


@pytest.mark.parametrize("name", [
    "my model(1)", "res@12", "_x", "..", "con", "NUL.txt", "a.", "a ", "", "a/b", "h\u00e9", "a\n",
    "x" * 101,
])  # fmt: skip
def test_a_name_that_is_asked_for_is_legal_or_refused(name, capsys):
    assert "--name" in refused(["import", "x.onnx", "--name", name], capsys)


@pytest.mark.parametrize("word", ["Null", "NULL", "true", "True", "null", "FALSE"])
def test_words_that_yaml_reads_as_values_are_quoted(word):
    assert _flow(word) == f'"{word}"'
