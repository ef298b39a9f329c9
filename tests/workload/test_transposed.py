"""A transposed convolution is run as a convolution of its sub-kernels: both make the same outputs,
by loops over every product."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_networks import loaded, run

from archsim.formats.errors import InputError
from archsim.workload.transposed import Shuffled, lowered


def scattered(values, weights, stride, padding, extra):
    """(K, H, W) by the definition: each input adds the kernel to the outputs around it, then the
    padding is cropped. `values` are (C, H, W), `weights` (C, K, R, S)."""
    (channels, height, width), (_, filters, rows, columns) = values.shape, weights.shape
    whole = np.zeros(
        (filters, (height - 1) * stride[0] + rows + extra[0],
         (width - 1) * stride[1] + columns + extra[1]), np.int64,
    )  # fmt: skip
    for c, y, x, r, s in product(*map(range, (channels, height, width, rows, columns))):
        whole[:, y * stride[0] + r, x * stride[1] + s] += values[c, y, x] * weights[c, :, r, s]
    top, left, bottom, right = padding
    return whole[:, top : whole.shape[1] - bottom, left : whole.shape[2] - right]


def sub_kernels(weights, stride):
    """(K * s * s, C, taps, taps): filter (k, phase row, phase column), missing taps zero."""
    channels, filters, rows, columns = weights.shape
    taps = -(-rows // stride[0]), -(-columns // stride[1])
    made = np.zeros((filters, *stride, channels, *taps), np.int64)
    for r, s in product(range(rows), range(columns)):
        place = taps[0] - 1 - r // stride[0], taps[1] - 1 - s // stride[1]
        made[:, r % stride[0], s % stride[1], :, place[0], place[1]] = weights[:, :, r, s].T
    return made.reshape(-1, channels, *taps)


def convolved(values, weights, padding):
    """(K, P, Q) of stride 1, by loops."""
    top, left, bottom, right = padding
    padded = np.pad(values.astype(np.int64), ((0, 0), (top, bottom), (left, right)))
    filters, _, rows, columns = weights.shape
    height, width = padded.shape[1] - rows + 1, padded.shape[2] - columns + 1
    made = np.zeros((filters, height, width), np.int64)
    for y, x in product(range(height), range(width)):
        window = padded[:, y : y + rows, x : x + columns]
        made[:, y, x] = (weights * window).sum(axis=(1, 2, 3))
    return made


def shuffled(made, case, pads, size):
    """Sub-kernels' outputs in their places, zeros where none is, less what is cropped."""
    kernel, stride, padding = case
    filters = len(made) // (stride[0] * stride[1])
    parts = made.reshape(filters, *stride, *made.shape[1:])
    taps = [-(-kernel[axis] // stride[axis]) for axis in (0, 1)]
    # The first output of a phase is that of so many whole strides.
    first = [taps[axis] - 1 - pads[axis] for axis in (0, 1)]
    out = np.zeros((filters, *size), np.int64)
    for y, x in product(*map(range, size)):
        at = (y + padding[0], x + padding[1])
        place = [at[axis] // stride[axis] - first[axis] for axis in (0, 1)]
        if all(0 <= place[axis] < made.shape[axis + 1] for axis in (0, 1)):
            phase = [at[axis] % stride[axis] for axis in (0, 1)]
            out[:, y, x] = parts[:, phase[0], phase[1], place[0], place[1]]
    return out


@st.composite
def cases(draw):
    kernel = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    padding = tuple(draw(st.integers(0, kernel[axis % 2])) for axis in range(4))
    extra = tuple(draw(st.integers(0, stride[axis] - 1)) for axis in (0, 1))
    size = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return kernel, stride, padding, extra, size


@given(case=cases(), seed=st.integers(0, 2**32 - 1))
def test_sub_kernels_make_the_transposed_convolution(case, seed):
    kernel, stride, padding, extra, size = case
    rng = np.random.default_rng(seed)
    values, weights = rng.integers(-9, 10, (2, *size)), rng.integers(-9, 10, (2, 3, *kernel))
    of = Shuffled(kernel, stride, padding, extra).size(size)
    if min(of) < 1:
        return
    expected = scattered(values, weights, stride, padding, extra)
    assert expected.shape[1:] == of
    geometry, phases = lowered(kernel, stride, padding)
    assert phases == stride[0] * stride[1]
    made = convolved(values, sub_kernels(weights, stride), geometry.padding)
    assert made.shape[1:] == geometry.out_size(size)
    found = shuffled(made, (kernel, stride, padding), geometry.padding, of)
    assert np.array_equal(found, expected)


def deconv(**keys):
    plain = {"name": "d", "op": "deconv", "inputs": [], "in_channels": 4, "out_channels": 6,
             "in_size": [5, 7], "kernel": [3, 3]}  # fmt: skip
    return plain | keys


@pytest.mark.parametrize(
    ("keys", "size"),
    [  # (in - 1) * stride - 2 * padding + kernel + output_padding, as torch's ConvTranspose2d
        ({}, (7, 9)),
        ({"stride": [2, 2], "padding": [1, 1]}, (9, 13)),
        ({"stride": [2, 2], "padding": [1, 1], "output_padding": [1, 1]}, (10, 14)),
        ({"kernel": [2, 2], "stride": [2, 2]}, (10, 14)),
        ({"kernel": [4, 4], "stride": [2, 2], "padding": [1, 1]}, (10, 14)),
        ({"kernel": [5, 3], "stride": [3, 1], "padding": [0, 1, 2, 1]}, (15, 7)),
    ],
)
def test_what_follows_reads_the_cropped_value(tmp_path, keys, size):
    reader = {"name": "c", "op": "conv", "inputs": ["d"], "in_channels": 6, "out_channels": 2,
              "in_size": list(size), "kernel": [1, 1]}  # fmt: skip
    workload = loaded(tmp_path, [deconv(**keys), reader])
    assert workload.layers[1].in_size == size
    with pytest.raises(InputError, match="in_size"):
        loaded(tmp_path, [deconv(**keys), reader | {"in_size": [size[0] + 1, size[1]]}])


@pytest.mark.parametrize("machine", ["diannao", "scnn", "smartdeal"])
def test_groups_and_products_of_the_lowered_layer(tmp_path, machine):
    rng = np.random.default_rng(1)
    arrays = {
        "d/input": rng.integers(1, 90, (4, 5, 7)).astype(np.int8),
        "d/weight": rng.integers(1, 90, (24, 2, 2, 2)).astype(np.int8),
    }
    keys = {"stride": [2, 2], "groups": 2, "kernel": [4, 4], "padding": [2, 2]}
    workload = loaded(tmp_path, [deconv(**keys)], arrays)
    layer = workload.layers[0]
    assert layer.weight_shape() == (24, 2, 2, 2)
    (row,) = run(machine, workload).layers
    # Whole strides of the padding are not computed: 4 x 6 windows of 2 x 2 taps.
    assert row.macs == 24 * 2 * 4 * 4 * 6
    assert row.macs_done == row.macs


@pytest.mark.parametrize(
    ("keys", "key", "message"),
    [
        ({"dilation": [2, 2]}, "dilation", "not dilated"),
        ({"groups": 4}, "groups", "do not divide 6 out_channels"),
        ({"padding": [9, 9]}, "padding", "leaves an output"),
    ],
)
def test_what_a_deconv_cannot_be(tmp_path, keys, key, message):
    with pytest.raises(InputError, match=message) as refused:
        loaded(tmp_path, [deconv(**keys)])
    line = (tmp_path / "tokens.yaml").read_text().split(f"{key}:")[0].count("\n") + 1
    assert f"tokens.yaml:{line}:" in str(refused.value)
