"""The safetensors writer: byte by byte what the format's own library writes, and read back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from archsim.formats.errors import InputError
from archsim.formats.tensor_file import TensorFile, read_tensors, write_tensors
from archsim.formats.tensor_record import Tensor, from_array

TYPES = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?")


@settings(max_examples=50)
@given(
    named=st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=6),
        st.tuples(st.sampled_from(TYPES), st.lists(st.integers(0, 3), max_size=3)),
        max_size=8,
    ),
    metadata=st.sampled_from((None, {"made_by": 'a "test"'})),
)
def test_the_bytes_are_those_of_the_library(tmp_path_factory, named, metadata) -> None:
    arrays = {
        name: np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
        for name, (dtype, shape) in named.items()
    }
    path = tmp_path_factory.mktemp("written") / "t.safetensors"
    write_tensors(path, {name: from_array(array) for name, array in arrays.items()}, metadata)
    assert path.read_bytes() == save(arrays, metadata)
    found = read_tensors(path)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name].array(), array)
        np.testing.assert_array_equal(TensorFile(path).read(name), array)


def test_bfloat16_keeps_its_bits_and_reads_as_float32(tmp_path) -> None:
    values = np.float32([1.5, -2.0, 0.15625])
    data = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    tensors = {"w": Tensor(dtype="BF16", shape=(3,), data=data)}
    write_tensors(tmp_path / "w.safetensors", tensors)
    assert read_tensors(tmp_path / "w.safetensors") == tensors
    read = TensorFile(tmp_path / "w.safetensors").read("w")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(tensors["w"].array(), values)


def test_names_come_in_the_order_of_their_numbers(tmp_path) -> None:
    one = from_array(np.zeros(1, np.int8))
    write_tensors(tmp_path / "t.safetensors", {f"layer{i}.w": one for i in (10, 9, 2)})
    assert list(read_tensors(tmp_path / "t.safetensors")) == ["layer2.w", "layer9.w", "layer10.w"]


def test_big_endian_arrays_are_written_little_endian() -> None:
    assert from_array(np.array([1, 2], ">i4")).data == np.array([1, 2], "<i4").tobytes()


def test_what_the_format_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match="complex128 cannot be written as safetensors"):
        from_array(np.zeros(2, complex))
    with pytest.raises(InputError, match="F8 is not one of BOOL"):
        Tensor(dtype="F8", shape=(), data=b"")
    with pytest.raises(InputError, match=r"3 bytes do not fill shape \(2,\)"):
        Tensor(dtype="I16", shape=(2,), data=b"123")
