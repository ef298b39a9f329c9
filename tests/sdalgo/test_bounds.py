"""Small files that claim to be huge: refused before the memory is asked for, in one line, unless
--max-gb allows them. Limits are those of archsim.formats.unpacked, computed here by hand."""

import gzip
import json
import resource
import struct
import zipfile
import zlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_data import write_config  # noqa: E402

from archsim.formats import unpacked  # noqa: E402
from archsim.formats.errors import InputError  # noqa: E402
from sdalgo.cli.main import main  # noqa: E402
from sdalgo.container import MAGIC  # noqa: E402
from sdalgo.torch_files import torch_state  # noqa: E402
from sdalgo.training.readers import read_idx  # noqa: E402

MOST_GROWTH_MB = 400


@pytest.fixture(autouse=True)
def in_little_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MOST_GROWTH_MB


def refused(arguments, capsys):
    capsys.readouterr()
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1, said
    return said


def bomb_sd(path, rows):
    """A container of one layer whose rows are all zero: rows x 255 weights of 8 index bits."""
    index = bytes(-(-rows // 8))
    full = bytes(-(-rows // 8))
    sections, at = {}, 0
    for name, part in (("index", index), ("codes", b""), ("full", full), ("basis", b""),
                       ("scales", b"")):  # fmt: skip
        sections[name] = [at, len(part), zlib.crc32(part)]
        at += len(part)
    layer = {
        "name": "w", "shape": [1, rows * 255], "width": 255, "slices": rows, "rank": 255,
        "p_min": 0, "basis_bits": 32, "coded": 0, "lengths": [], "relative_error": None,
        "sections": sections,
    }  # fmt: skip
    head = {"form": "row", "options": {}, "layers": [layer], "others": []}
    text = json.dumps(head).encode()
    path.write_bytes(MAGIC + struct.pack("<II", len(text), zlib.crc32(text)) + text + index + full)


def test_a_container_of_5_kb_that_needs_8_gb_is_refused(tmp_path, capsys):
    path = tmp_path / "x.sd"
    bomb_sd(path, 20_000)
    assert path.stat().st_size < 6000
    # 20,000 rows: 255 codes and 255 floats each, and per slice 255 x 255 floats and a scale
    megabytes = -(-20_000 * (255 + 4 * 255 + 4 * 255 * 255 + 4) // 10**6)
    said = refused(["decode", str(path), "-o", str(tmp_path / "y")], capsys)
    assert f"x.sd: w: would become {megabytes:,} MB" in said
    assert "may become 68 MB; --max-gb N allows N GB" in said
    assert "x.sd" in refused(["report", str(path), "--max-gb", "5"], capsys)


def test_a_container_becomes_what_max_gb_allows(tmp_path, capsys):
    path = tmp_path / "x.sd"
    bomb_sd(path, 300)  # 79 MB of bases in 0.4 kB
    assert "would become" in refused(["decode", str(path), "-o", str(tmp_path / "y")], capsys)
    assert main(["decode", str(path), "-o", str(tmp_path / "y"), "--max-gb", "0.1"]) == 0
    assert "would become" in refused(["decode", str(path), "-o", str(tmp_path / "y")], capsys)


@pytest.mark.parametrize("megabytes", [60, 70])
def test_gzip_of_zeros_is_read_up_to_64_mib(megabytes, tmp_path):
    shape = (megabytes, 1000, 1000)
    head = b"\0\0\x08\3" + b"".join(size.to_bytes(4, "big") for size in shape)
    path = tmp_path / "x-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(head + bytes(megabytes * 10**6), 9))
    if megabytes * 10**6 < 64 * 2**20:
        assert read_idx(path).shape == shape
    else:
        with pytest.raises(InputError, match=r"gz: would become more than 68 MB.*--max-gb"):
            read_idx(path)


def test_what_a_file_may_become_grows_with_it():
    assert unpacked.most_bytes(1000) == 64 * 2**20
    assert unpacked.most_bytes(10**6) == 200 * 10**6


def test_an_expanded_tensor_counts_with_all_its_numbers(tmp_path, capsys):
    path = tmp_path / "w.pth"
    torch.save({"a": torch.zeros(1).expand(4, 2**36)}, path)
    assert path.stat().st_size < 2000
    assert "w.pth: a: would become 1,099,512 MB" in refused(["decompose", str(path)], capsys)
    torch.save({"a": torch.ones(1).expand(3, 5)}, path)
    assert np.array_equal(torch_state(path)["a"].array(), np.ones((3, 5)))


def test_an_archive_that_is_a_zip_bomb_is_refused(tmp_path, capsys):
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        for number in range(8):
            archive.writestr(f"archive/data/{number}", bytes(10**7))
    assert "w.pth: would become 81 MB" in refused(["decompose", str(path)], capsys)


def test_images_are_not_padded_beyond_what_they_may_become(tmp_path, capsys):
    data = {"kind": "idx", "folder": str(tmp_path / "data"), "size": 2**20}
    path = write_config(tmp_path, data=data)
    said = refused(["train", str(path), "--out", str(tmp_path / "r"), "--quiet"], capsys)
    assert "data.size: would become" in said


def _network(path, nodes, constants):
    onnx = pytest.importorskip("onnx")
    helper, value = onnx.helper, onnx.helper.make_tensor_value_info
    weights = [onnx.numpy_helper.from_array(np.array(a), name) for name, a in constants.items()]
    graph = helper.make_graph(
        [helper.make_node(*node) for node in nodes], "g",
        [value("x", onnx.TensorProto.FLOAT, [1, 3, 8, 8])],
        [value("y", onnx.TensorProto.FLOAT, ["n"])], weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("how", [pytest.param("concat", marks=pytest.mark.slow), "gather", "fill"])
def test_a_network_that_asks_for_terabytes_is_stopped_before(how, tmp_path, capsys):
    path = tmp_path / "net.onnx"
    weight = np.ones((3, 3, 1, 1), np.float32)
    nodes = [("Conv", ["x", "w"], ["v0"])]
    constants = {"w": weight}
    if how == "concat":
        nodes += [("Concat", [f"v{i}", f"v{i}"], [f"v{i + 1}"]) for i in range(40)]
        nodes.append(("Relu", ["v40"], ["y"]))
    elif how == "gather":
        constants |= {"g": np.ones((1, 2**17), np.float32), "s": np.zeros(2**17, np.int64)}
        nodes += [("Gather", ["g", "s"], ["e"]), ("Add", ["v0", "e"], ["y"])]
    else:
        constants["s"] = np.array([2**20, 2**20], np.int64)
        nodes += [("ConstantOfShape", ["s"], ["e"]), ("Add", ["v0", "e"], ["y"])]
    onnx = pytest.importorskip("onnx")
    _network(path, nodes, constants)
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "Concat":
            node.attribute.append(onnx.helper.make_attribute("axis", 1))
    path.write_bytes(model.SerializeToString())
    out = tmp_path / "o"
    said = refused(["import", str(path), "--out", str(out), "--max-gb", "0.1"], capsys)
    assert "net.onnx: takes the run to" in said
    assert "more than 100 MB; --max-gb N allows N GB" in said
    assert not out.exists()
