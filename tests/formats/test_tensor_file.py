"""The safetensors reader: other things in the place of a file, and files damaged in every way."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading_files import CONV, WITH_TENSORS, arrays, tensor_lines, workload_text, write
from safetensors.numpy import save

from archsim.formats.errors import InputError
from archsim.formats.tensor_file import TensorFile


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", b"x")
    return buffer.getvalue()


def header_bytes(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype: str = "I8", shape: object = (2,), offsets: object = (0, 2)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps({"a": 1}), "TENSORS: this is a Python pickle, not safetensors; it is not "
                                 "read"),
        (
            zip_bytes(),
            "TENSORS: this is a zip archive, as torch.save and numpy.savez write, not safetensors; "
            "it is not read",
        ),
        (b"", "TENSORS: has 0 bytes; this is not safetensors"),
        (b"plain text, by mistake",
         f"TENSORS: claims a header of {int.from_bytes(b'plain te', 'little'):,} bytes "
         "(at most 16,777,216); this is not safetensors, or it is damaged"),
        (
            struct.pack("<Q", 100) + b"{}",
            "TENSORS: is truncated: it ends 98 bytes before its header does",
        ),
        (header_bytes(b"{not json"), "TENSORS: its header is not a JSON object; this is not "
                                     "safetensors"),
        (header_bytes([1]), "TENSORS: its header is not a JSON object; this is not safetensors"),
        (header_bytes(b"[" * 100_000), "TENSORS: its header is not a JSON object; this is not "
                                       "safetensors"),
        (header_bytes({"a/weight": 3}),
         "TENSORS, key 'a/weight': its header entry is not {dtype, shape, data_offsets}"),
        (header_bytes({"a/weight": entry("F8")}),
         "TENSORS, key 'a/weight': has the type 'F8', which is not read here"),
        (header_bytes({"a/weight": entry(["I8"])}),
         "TENSORS, key 'a/weight': has the type ['I8'], which is not read here"),
        (header_bytes({"a/weight": entry(shape=[-1, 2])}),
         "TENSORS, key 'a/weight': has the shape [-1, 2], which is none"),
        (header_bytes({"a/weight": entry(shape=[2.0])}),
         "TENSORS, key 'a/weight': has the shape [2.0], which is none"),
        (header_bytes({"a/weight": entry(offsets=[2, 0, 1])}),
         "TENSORS, key 'a/weight': has the data offsets [2, 0, 1], which are none"),
        (header_bytes({"a/weight": entry(shape=[2**40, 2**40])}),
         "TENSORS, key 'a/weight': claims 2 bytes, and I8 of shape (1099511627776, 1099511627776) "
         "takes 1,208,925,819,614,629,174,706,176"),
        (header_bytes({"a/weight": entry()}, b"1"),
         "TENSORS: is truncated: 1 of its 2 bytes are missing"),
        (header_bytes({"a/weight": entry()}, b"123"),
         "TENSORS: has 1 bytes that belong to no array"),
        (header_bytes({"a/weight": entry(), "a/input": entry(offsets=[1, 3])}, b"123"),
         "TENSORS, key 'a/input': its data starts at byte 1 and the array before it ends at 2; "
         "the file is damaged"),
        (header_bytes(b'{"a/input": 1, "a/input": 1}'),
         "TENSORS, key 'a/input': stands in the header twice"),
    ],
)  # fmt: skip
def test_a_file_that_is_damaged_or_another_thing(tmp_path, data, message) -> None:
    path = write(tmp_path, "w.yaml", workload_text(CONV, header=WITH_TENSORS))
    write(tmp_path, "t.safetensors", data)
    assert tensor_lines(tmp_path, path) == [message]


def test_a_folder_in_place_of_the_file(tmp_path) -> None:
    path = write(tmp_path, "w.yaml", workload_text(CONV, header=WITH_TENSORS))
    (tmp_path / "t.safetensors").mkdir()
    assert tensor_lines(tmp_path, path) == ["TENSORS: cannot be read: Is a directory"]


WHOLE = save(arrays())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(end=st.integers(0, len(WHOLE) - 1))
def test_a_truncated_file_is_never_read(tmp_path, end: int) -> None:
    path = write(tmp_path, "cut.safetensors", WHOLE[:end])
    with pytest.raises(InputError):
        TensorFile(path)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 900), byte=st.integers(0, 255))
def test_a_changed_byte_is_an_input_error_or_harmless(tmp_path, at: int, byte: int) -> None:
    path = write(tmp_path, "bent.safetensors", WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :])
    try:
        file = TensorFile(path)
        for key in file.entries:
            file.read(key)
    except InputError as error:
        refused = str(error)
    else:
        refused = "bent.safetensors"
    assert "bent.safetensors" in refused
