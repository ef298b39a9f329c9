"""Figures: the same bytes each time, and the numbers of the table in the picture."""

import re

import pytest
from made_results import stored

from archsim.normalise import normalise
from archsim.palette import bands
from archsim.plots import figures

pytest.importorskip("matplotlib")
MACHINES = ("diannao", "scnn", "smartdeal")


@pytest.fixture(scope="module")
def rows():
    return normalise([stored(stem) for stem in MACHINES], "diannao")


def test_three_figures_in_two_formats_the_same_bytes_twice(tmp_path, rows):
    first = figures(rows, tmp_path / "one")
    second = figures(rows, tmp_path / "two")
    assert [path.name for path in first] == [
        "energy.png",
        "energy.svg",
        "speedup.png",
        "speedup.svg",
        "dram.png",
        "dram.svg",
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_no_date_and_no_program_in_the_files(tmp_path, rows):
    for path in figures(rows, tmp_path):
        content = path.read_bytes()
        assert b"atplotlib version" not in content
        assert not re.search(rb"dc:date|tIME|Software", content), path.name


def test_nothing_is_drawn_without_a_reference(tmp_path):
    assert figures(normalise([stored("scnn")], "diannao"), tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_bands_are_shares_of_the_reference_and_add_up_to_it(rows):
    parts = [row.result.energy_by for row in rows]
    stack = bands(rows, parts, [rows[0].result.energy_pj] * len(rows))
    sums = [sum(heights) for heights in zip(*(band.heights for band in stack), strict=True)]
    assert sums == pytest.approx([1.0, 0.6, 0.25], abs=0.002)  # `post` is too small to draw
    assert "post" not in {band.label for band in stack}
    assert len({band.colour for band in stack}) == len(stack)


def test_small_parts_that_add_up_are_drawn_as_other(rows):
    parts = [{"large": 98.0} | {f"small{n}": 0.4 for n in range(5)} for _ in rows]
    stack = bands(rows, parts, [100.0] * len(rows))
    assert [band.label for band in stack] == ["large", "other"]
    assert stack[1].heights == pytest.approx([0.02] * len(rows))
