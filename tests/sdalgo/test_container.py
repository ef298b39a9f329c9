"""The container: codes come back bit by bit, sizes by hand, and damage is refused."""

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.formats.tensor_record import from_array
from archsim.formats.weight_bits import weight_bits
from sdalgo import InputError, Options, decompose
from sdalgo.container import Container, from_bytes, to_bytes


def layer(shape, seed, **options):
    weight = np.random.default_rng(seed).normal(0, 0.05, shape).astype(np.float32)
    weight[np.random.default_rng(seed).random(shape) < 0.3] = 0
    return decompose(weight, Options(**options))


def assert_same(one, two):
    assert one.layout == two.layout
    for name in ("coef", "basis", "scale"):
        a, b = getattr(one, name), getattr(two, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert one.p_min == two.p_min


@settings(max_examples=40)
@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 5), st.integers(1, 20)),
        st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(2, 4)),
    ),
    bits=st.sampled_from((8, 16, 32)),
    form=st.sampled_from(("row", "element")),
    theta=st.sampled_from((0.0, 0.05, 9.0)),
    seed=st.integers(0, 50),
)
def test_any_container_comes_back(shape, bits, form, theta, seed):
    made = layer(shape, seed, theta=theta, basis_bits=bits, largest_kernel=None, slice_rows=4)
    other = from_array(np.arange(5, dtype=np.int64))
    before = Container(layers={"a": made}, others={"b": other}, form=form, errors={"a": 0.5})
    content = to_bytes(before)
    after = from_bytes(content)
    assert_same(made, after.layers["a"])
    np.testing.assert_array_equal(made.rebuild(), after.layers["a"].rebuild())
    assert after.others == before.others
    assert after.errors == before.errors
    assert to_bytes(after) == content


def content_of(**changes):
    made = layer((8, 6, 3, 3), 1)
    return to_bytes(Container(layers={"conv": made}, others={}, **changes))


@settings(max_examples=60)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_every_damaged_byte_is_noticed(where, flip):
    content = bytearray(content_of())
    content[int(where * len(content))] ^= flip
    with pytest.raises(InputError):
        from_bytes(bytes(content))


@given(length=st.integers(0, 400))
def test_every_cut_is_noticed(length):
    content = content_of()
    with pytest.raises(InputError):
        from_bytes(content[: len(content) - 1 - length])
    with pytest.raises(InputError):
        from_bytes(content + b"x" * (length + 1))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shape", [8, 6, 3, -3]),
        ("shape", [1 << 40, 6, 3, 3]),
        ("slices", 0),
        ("slices", 1 << 40),
        ("rank", 4),
        ("rank", "three"),
        ("basis_bits", 12),
        ("coded", 3),
        ("lengths", [[1, 1], [2, 1], [3, 1]]),
        ("lengths", [[1, 99]]),
        ("lengths", None),
        ("sections", {}),
        ("width", 7),
    ],
)
def test_a_header_that_lies_is_refused_even_with_a_right_checksum(key, value):
    content = content_of()
    length, _ = struct.unpack("<II", content[8:16])
    head = json.loads(content[16 : 16 + length])
    head["layers"][0][key] = value
    header = json.dumps(head).encode()
    lied = content[:8] + struct.pack("<II", len(header), zlib.crc32(header)) + header
    with pytest.raises(InputError):
        from_bytes(lied + content[16 + length :])


def test_other_files_and_versions_are_told_apart():
    with pytest.raises(InputError, match="not a file that"):
        from_bytes(b"\x80\x04pickle, by its first bytes")
    with pytest.raises(InputError, match="version 9"):
        from_bytes(b"SDALGO\x00\x09" + bytes(20))


def test_the_stream_is_as_long_as_its_accounting():
    made = layer((64, 64, 3, 3), 2)
    content = to_bytes(Container(layers={"a": made}, others={}))
    header = struct.unpack("<I", content[8:12])[0]
    table = weight_bits(made.coef, made.basis.shape, "row").table
    body = (len(content) - 16 - header) * 8
    assert 0 <= body - (made.bits() - table) < 4 * 8  # sections end on whole bytes
