"""Rows that windows read, once and again, against sets of rows written window by window."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.workload.convolution import Geometry
from archsim.workload.rows import rows_read, rows_read_again


def sets_of_rows(geometry, height):
    """What each output row reads: the rows under its taps that the plane has."""
    padded = height + geometry.padding[0] + geometry.padding[2]
    reach = (geometry.kernel[0] - 1) * geometry.dilation[0]
    found, first = [], 0
    while first + reach < padded:
        taps = [first + r * geometry.dilation[0] for r in range(geometry.kernel[0])]
        found.append({tap - geometry.padding[0] for tap in taps} & set(range(height)))
        first += geometry.stride[0]
    return found


@st.composite
def planes(draw):
    """A geometry, and a plane that it fits at least once."""
    kernel, stride, dilation = (draw(st.integers(1, most)) for most in (5, 4, 9))
    top, bottom = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    least = max(1, (kernel - 1) * dilation + 1 - top - bottom)
    geometry = Geometry(
        kernel=(kernel, 1),
        stride=(stride, 1),
        dilation=(dilation, 1),
        padding=(top, 0, bottom, 0),
    )
    return geometry, draw(st.integers(least, least + 20))


@settings(max_examples=150)
@given(planes())
def test_rows_that_no_window_sees_are_not_read(case):
    geometry, height = case
    seen = set().union(*sets_of_rows(geometry, height))
    assert rows_read(geometry, (height, 3)).tolist() == [row in seen for row in range(height)]


@settings(max_examples=150)
@given(planes(), st.integers(1, 12))
def test_parts_read_again_what_an_earlier_one_has_read(case, parts):
    geometry, height = case
    outputs = sets_of_rows(geometry, height)
    there, again = set(), 0
    for part in range(parts):
        mine = [rows for e, rows in enumerate(outputs) if e * parts // len(outputs) == part]
        read = set().union(*mine)
        again += len(read & there)
        assert len(read & there) <= height
        there |= read
    assert rows_read_again(geometry, (height, 3), parts) == again


@pytest.mark.parametrize(
    ("kernel", "stride", "again"), [(3, 1, 2), (3, 2, 1), (7, 2, 5), (1, 1, 0), (2, 3, 0)]
)
def test_undilated_windows_overlap_by_kernel_less_stride(kernel, stride, again):
    geometry = Geometry(kernel=(kernel, 1), stride=(stride, 1), padding=(kernel // 2, 0) * 2)
    assert rows_read_again(geometry, (57, 1), 4) == 3 * again


def test_a_dilation_beyond_the_plane_reads_the_middle_tap_alone():
    """Taps 20 rows away of a plane of 15 lie in the padding: every output row reads its own row."""
    geometry = Geometry(kernel=(3, 3), dilation=(20, 20), padding=(20,) * 4)
    assert rows_read(geometry, (15, 15)).all()
    assert [rows_read_again(geometry, (15, 15), parts) for parts in range(1, 16)] == [0] * 15
