"""Figures: the same bytes each time, and the numbers of the table in the picture."""

import re

import pytest
from made_results import result, stored

from archsim.analysis.figures.bars import COLUMN_INCHES, PAGE_INCHES, arrange, broken
from archsim.analysis.figures.palette import FAMILIES, bands
from archsim.analysis.figures.plots import figures
from archsim.analysis.normalise import normalise
from archsim.results.store import Stored

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


def test_what_is_not_measured_or_not_trained_is_said_in_the_figure():
    machines = [stored("diannao"), stored("smartdeal")]
    assert arrange(normalise(machines, "diannao")).caption() == (
        "arrays drawn from profiles; weights synthetic"
    )
    measured = Stored("real", "diannao", result("diannao", "real", mode="measured"))
    assert arrange(normalise([*machines, measured], "diannao")).caption() == (
        "arrays drawn from profiles: tiny; weights synthetic: tiny"
    )
    assert arrange(normalise([measured], "diannao")).caption() == ""


def test_bars_of_a_workload_stand_together_and_workloads_apart(rows):
    two = [*rows, *normalise([stored("diannao", "other"), stored("scnn", "other")], "diannao")]
    bars = arrange(two)
    assert list(bars.places) == [0, 1, 2, 4, 5]
    assert bars.groups == {"tiny": 1.0, "other": 4.5}


def test_figures_stay_between_a_column_and_a_page_wide(rows):
    assert arrange(rows[:2]).width_inches == COLUMN_INCHES
    many = arrange(
        normalise([stored(stem, f"w{n}") for n in range(7) for stem in MACHINES], "diannao")
    )
    assert many.width_inches == PAGE_INCHES
    assert many.upright


@pytest.mark.parametrize(
    ("name", "room", "lines"),
    [
        ("resnet50_sd", 20, ["resnet50_sd"]),
        ("efficientnet_b0_sd", 14, ["efficientnet_", "b0_sd"]),
        ("vgg11_sd@lanes", 9, ["vgg11_sd", "@lanes"]),
        ("undividedname", 4, ["undividedname"]),
    ],
)
def test_names_break_at_their_joints(name, room, lines):
    assert broken(name, room).split("\n") == lines


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


def test_what_does_the_same_has_shades_of_one_family(rows):
    parts = [row.result.energy_by for row in rows]
    stack = bands(rows, parts, [rows[0].result.energy_pj] * len(rows))
    colours = {band.label: band.colour for band in stack}
    assert colours["weight_gb"] in FAMILIES["stationary"]
    assert colours["weight_buffer"] in FAMILIES["stationary"]
    assert colours["input_gb"] in FAMILIES["moving"]
    assert colours["nfu"] in FAMILIES["compute"]
    assert [band.label for band in stack][:4] == ["dram", "input_gb", "weight_gb", "weight_buffer"]


def test_small_parts_that_add_up_are_drawn_as_other(rows):
    parts = [{"large": 98.0} | {f"small{n}": 0.4 for n in range(5)} for _ in rows]
    stack = bands(rows, parts, [100.0] * len(rows))
    assert [band.label for band in stack] == ["large", "other"]
    assert stack[1].heights == pytest.approx([0.02] * len(rows))
