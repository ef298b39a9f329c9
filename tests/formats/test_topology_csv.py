"""SCALE-Sim's topology files: what is read, and that whatever is wrong has its line and column."""

import random

import pytest

from archsim.formats.errors import InputError
from archsim.formats.topology_csv import read_topology

CONV = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, "
CONV += "Strides,"
GEMM = "Layer, M, N, K,"


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def found(text, name="t.csv"):
        content = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(content)
        return read_topology(tmp_path / name)

    return found


def test_a_line_is_a_convolution_or_a_product(read):
    conv = read(f"{CONV}\nC1, 224,224, 11,7, 3, 96, 4,\n")
    (row,) = conv.rows
    assert (conv.kind, row.name, row.batch, row.sparsity, row.line) == ("conv", "C1", 1, "", 2)
    assert list(row.numbers.values()) == [224, 224, 11, 7, 3, 96, 4]
    gemm = read(f"{GEMM}\nQK, 1024, 512, 64,\n")
    assert (gemm.kind, gemm.rows[0].numbers) == ("gemm", {"M": 1024, "N": 512, "K": 64})


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{CONV}\r\na, 8, 8, 3, 3, 4, 5, 1,\r\n",
        f"{CONV[:-1]}\na,8,8,3,3,4,5,1",
        f"# by hand\n\n{CONV}\n,,,,\n  \n# one layer\n\ta, 8, 8, 3, 3, 4, 5, 1, # dense, dense\n",
        f"{CONV},,Eh,Ew\n,,,,,,,,,,,\na,8,8,3,3,4,5,1,,,6,6\n",
        f'"{CONV[:10]}"{CONV[10:]}\n"a", "8", 8, 3, 3, 4, 5, 1, \n',
        f"{CONV} Sparsity,\na,8,8,3,3,4,5,1,1:1,\n",
        f"{CONV} Batch Size,\na,8,8,3,3,4,5,1,1,\n",
    ],
)
def test_what_stands_around_the_numbers_changes_nothing(read, text):
    found = read(text)
    (row,) = found.rows
    assert (row.name, list(row.numbers.values())) == ("a", [8, 8, 3, 3, 4, 5, 1])
    assert (row.batch, row.sparsity) == (1, "")
    assert found.ignored == (("Eh", "Ew") if "Eh" in text else ())


def test_columns_behind_those_of_every_line(read):
    two = read(f"{CONV[:-8]}Stride height, Stride width,\na,8,8,3,3,4,5,2,1,\n").rows[0]
    assert (two.numbers["Stride height"], two.numbers["Stride width"]) == (2, 1)
    sparse = read(f"{CONV} Sparsity, Batch Size,\na,8,8,3,3,4,5,1,2:4,16,\n").rows[0]
    assert (sparse.sparsity, sparse.batch) == ("2:4", 16)
    assert read(f"{CONV}\na,8,8,3,3,4,5,1,2:4,\n").rows[0].sparsity == "2:4"
    assert read("Layer,M,N,K,Batch\na,1,2,3,12\n").rows[0].batch == 12


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"{CONV}\na,8,8,3,3,4,x,1,\n",
         ["2:13: Num Filter: a whole number from 1 to 1,048,576 is needed, not 'x'"]),
        (f"{CONV}\na,8.0,8,3,3,-4,5,0,\n",
         ["2:3: IFMAP Height: a whole number from 1 to 65,536 is needed, not '8.0'",
          "2:13: Channels: a whole number", "2:18: Strides: a whole number from 1 to 4,096"]),
        (f"{CONV}\na,8,8,3,3,4,5\n\nb,8,8,3,3,4,5,1\n,8,8,3,3,4,5,1\n",
         ["2:13: Strides missing; a layer has Layer name, IFMAP Height",
          "5:1: Layer name missing; a layer has"]),
        (f"{CONV}\na,8,,3,3,4,5,1\n", ["2:5: IFMAP Width missing"]),
        (f"{CONV}\na,8,2,3,3,4,5,1,\n",
         ["2:9: the filter is larger than the IFMAP, 3 > 2: sizes of the IFMAP include its pad"]),
        (f"{CONV}\na,8,8,3,3,4,5,1,oops\n", ["2:17: 'oops' has no column: the first line names"]),
        (f"{CONV}Sparsity\na,8,8,3,3,4,5,1,half\n", ["2:17: sparsity: N:M is needed, not 'half'"]),
        (f"{CONV}Batch\na,8,8,3,3,4,5,1,65537\n", ["2:17: Batch: a whole number from 1 to 65,536"]),
        ("a,8,8,3,3,4,5,1\nb,8,8,3,3,4,5,1\n", ["1:1: the first line names the columns, and SCA"]),
        ("Layer;M;N;K\na;1;2;3\n", ["1:1: columns are separated by commas"]),
        ("Layer,M,K,N\na,1,2,3\n", ["1:9: 'K' stands where SCALE-Sim reads 'N'"]),
        (CONV.replace("Channels", "Num Filter", 1) + "\na,8,8,3,3,4,5,1\n",
         ["1:69: 'Num Filter' stands where SCALE-Sim reads 'Channels'"]),
        ("Layer,H,W\na,1,2\n", ["1:1: 3 columns; a layer has Layer name, IFMAP Height"]),
        (f"{CONV}\n\n", [" names columns and holds no layers"]),
        ("", [" holds no layers; a first line names columns"]),
        (b"\xff\xfeL\x00", ["1:1: byte 0xff is not UTF-8 text"]),
        (f"{CONV}\na\x00,8\n", ["2:2: the control character U+0000 is not text"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_line_column_and_what_is_expected(read, text, lines):
    with pytest.raises(InputError) as refused:
        read(text)
    found = str(refused.value).splitlines()
    assert len(found) == len(lines)
    for one, line in zip(found, lines, strict=True):
        assert one.startswith(f"t.csv:{line}"), one


def test_files_that_are_not_there_or_of_another_kind(read, tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: there is no such file"):
        read_topology(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_topology(tmp_path)
    with pytest.raises(InputError, match=r"sdalgo import .*net\.onnx reads ONNX"):
        read(b"\x08\x07", "net.onnx")


def test_broken_bytes_end_in_a_topology_or_a_place(read):
    """A thousand files with bytes changed, cut or repeated."""
    whole = f"{CONV} Sparsity,\nC1, 224,224, 11,11, 3, 96, 4, 2:4,\nC2, 27,27, 5,5, 96, 256, 1,\n"
    rng, places = random.Random(0), []
    letters = b'0123,:#"\n\r\t -x\xc3\x85'
    for _ in range(1000):
        broken = bytearray(whole.encode())
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(broken))
            broken[at : at + rng.randint(0, 3)] = bytes(rng.choices(letters, k=rng.randint(0, 3)))
        try:
            read(bytes(broken))
        except InputError as error:
            places.append(error.problems[0].place)
    assert 100 < len(places) < 1000
    assert all(place.startswith("t.csv") for place in places)
