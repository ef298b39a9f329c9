"""Figures: the same bytes each time, and what is drawn is what was counted, read from the bars."""

import re
from dataclasses import replace
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest
from made_results import result, stored

from archsim.analysis.breakdown import Breakdown, Roof, Span
from archsim.analysis.compare import MEAN, Refusal, compared
from archsim.analysis.explain import Explanation
from archsim.analysis.figures import bars, comparison, palette, time, waterfall
from archsim.analysis.figures.plots import (
    ONE_COLUMN_INCHES,
    SMALL_POINTS,
    STYLE,
    TWO_COLUMNS_INCHES,
)
from archsim.formats.errors import Problem
from archsim.results.store import Stored

matplotlib = pytest.importorskip("matplotlib")
MACHINES = ("diannao", "scnn", "smartdeal")
WIDTHS = (ONE_COLUMN_INCHES, TWO_COLUMNS_INCHES)


def comparing(*groups, machines=MACHINES, extra=()):
    results = [stored(stem, group) for group in groups for stem in machines]
    return compared([*results, *extra], list(machines), "diannao")


@pytest.fixture(scope="module")
def two():
    return comparing("tiny", "other")


def drawn(found, what, width=TWO_COLUMNS_INCHES, *, means=False):
    """The axes of one figure, and the place of each bar by workload and machine."""
    rows = bars.panels(comparison.shown(found, means=means), width)
    stacks = {
        "energy": partial(comparison.energy_stack, found, by_role=means),
        "dram": partial(comparison.dram_stack, found),
    }
    with matplotlib.rc_context(STYLE):
        if what == "speedup":
            figure = comparison.speedup(found, rows, width)
        else:
            figure = comparison.stacked(found, rows, width, stacks[what]())
    return figure, [(axes, row.bars) for axes, row in zip(figure.axes, rows, strict=False)]


def heights(panels, key):
    """The heights of all rectangles that stand at a bar's place, by their label."""
    found = {}
    for axes, places in panels:
        for container in axes.containers if key in places else ():
            for bar in container:
                if bar.get_x() + bar.get_width() / 2 == pytest.approx(places[key]):
                    label = container.get_label()
                    found[label] = found.get(label, 0.0) + bar.get_height()
    return found


def tops(panels, key):
    """The text above a bar."""
    return [
        note.get_text()
        for axes, places in panels
        if key in places
        for note in axes.texts
        if note.xy[0] == pytest.approx(places[key])
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_bars_of_speed_up_are_as_high_as_machines_are_fast(two, width):
    _, panels = drawn(two, "speedup", width)
    for group in ("tiny", "other"):
        for stem, speed, name in (
            ("diannao", 1.0, "DianNao"), ("scnn", 2.5, "SCNN"), ("smartdeal", 4.0, "SmartDeal"),
        ):  # fmt: skip
            assert heights(panels, (group, stem))[name] == pytest.approx(speed)
            assert tops(panels, (group, stem)) == [f"{speed:.2f}"]


@pytest.mark.parametrize("means", [False, True])
def test_parts_of_energy_and_traffic_add_up_to_their_share_of_the_reference(two, means):
    _, panels = drawn(two, "energy", means=means)
    sums = [sum(heights(panels, ("tiny", stem)).values()) for stem in MACHINES]
    assert sums == pytest.approx([1.0, 0.6, 0.25], abs=0.002)  # `post` is too small to draw
    _, panels = drawn(two, "dram", means=means)
    assert heights(panels, ("tiny", "smartdeal")) == {
        "input": pytest.approx(1 / 6), "weight": pytest.approx(1 / 10),
        "index": pytest.approx(1 / 60), "output": pytest.approx(1 / 20),
    }  # fmt: skip


def test_a_mean_is_a_plain_bar_beside_the_workloads(two):
    _, panels = drawn(two, "energy", means=True)
    (high,) = set(heights(panels, (MEAN, "smartdeal")).values()) - {0.0}
    assert high == pytest.approx(0.25)
    _, panels = drawn(comparing("tiny"), "energy", means=True)
    assert all(MEAN not in dict(places) for _, places in panels)


def test_a_machine_that_refuses_has_its_place_and_says_so():
    refusal = Refusal("tiny", "scnn", (Problem("x", "no room"),))
    results = [stored("diannao"), stored("smartdeal"), refusal]
    _, panels = drawn(compared(results, list(MACHINES), "diannao"), "speedup")
    assert tops(panels, ("tiny", "scnn")) == ["n/a"]
    assert max(heights(panels, ("tiny", "scnn")).values()) == 0.0


@pytest.mark.parametrize("width", WIDTHS)
def test_no_two_texts_of_a_figure_overlap_and_none_is_small(width):
    found = comparing(*(f"a_network_{at}" for at in range(7)))
    for what in ("energy", "speedup", "dram"):
        figure, _ = drawn(found, what, width, means=True)
        with matplotlib.rc_context(STYLE):
            figure.draw_without_rendering()
        assert figure.get_figwidth() == width
        out_of_sight = {
            tick.label1
            for axes in figure.axes
            for tick in axes.yaxis.get_major_ticks()
            if not axes.get_ylim()[0] <= tick.get_loc() <= axes.get_ylim()[1]
        }
        texts = [
            text
            for text in figure.findobj(lambda each: hasattr(each, "get_fontsize"))
            if text.get_text() and text.get_visible() and text not in out_of_sight
        ]
        assert min(text.get_fontsize() for text in texts) >= SMALL_POINTS
        boxes = [text.get_window_extent() for text in texts]
        overlapping = [
            (one.get_text(), other.get_text())
            for at, (one, box) in enumerate(zip(texts, boxes, strict=True))
            for other, its_box in zip(texts[at + 1 :], boxes[at + 1 :], strict=True)
            if box.shrunk(0.9, 0.9).overlaps(its_box.shrunk(0.9, 0.9))
        ]
        assert overlapping == []


def test_rows_hold_as_many_workloads_as_there_is_room_for():
    wanted = {f"w{at}": ["a", "b", "c", "d", "e"] for at in range(8)}
    one, two = (bars.panels(wanted, width) for width in WIDTHS)
    assert [len(row.middles) for row in one] == [4, 4]
    assert [len(row.middles) for row in two] == [8]
    assert [group for row in one for group in row.middles] == list(wanted)
    assert list(one[0].bars.values())[4:6] == pytest.approx([4, 5 + bars.GAP])


@pytest.mark.slow
def test_three_figures_in_two_formats_the_same_bytes_twice(tmp_path, two):
    first, second = (comparison.figures(two, tmp_path / name) for name in ("one", "two"))
    assert [path.name for path in first] == [
        f"{name}.{kind}" for name in ("energy", "speedup", "dram") for kind in ("png", "svg")
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    for path in first:
        content = path.read_bytes()
        assert b"atplotlib version" not in content
        assert not re.search(rb"dc:date|tIME|Software(?!\0archsim)", content), path.name


def test_nothing_is_drawn_without_a_reference(tmp_path):
    assert comparison.figures(compared([stored("scnn")], ["scnn"], "diannao"), tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_measured_or_not_trained_is_said_in_the_figure():
    both = comparing("tiny", machines=("diannao", "smartdeal"))
    assert comparison.caption(both) == ["arrays drawn from profiles", "weights synthetic"]
    measured = Stored("real", "diannao", result("diannao", "real", mode="measured"))
    mixed = comparing("tiny", machines=("diannao", "smartdeal"), extra=[measured])
    assert comparison.caption(mixed) == [
        "arrays drawn from profiles: tiny", "weights synthetic: tiny",
    ]  # fmt: skip
    assert comparison.caption(compared([measured], ["diannao"], "diannao")) == []


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
    assert bars.broken(name, room).split("\n") == lines


def test_a_machine_has_one_colour_and_one_place_in_all_figures():
    shipped = ["DianNao", "SCNN", "Cambricon-X", "Bit-Pragmatic", "SmartDeal", "Systolic array"]
    assert palette.placed(reversed([*shipped, "Mine"])) == [*shipped, "Mine"]
    colours = palette.machine_colours([*shipped, "Mine", "Yours"])
    assert len(set(colours.values())) == len(colours)
    assert palette.machine_colours(["Mine", "SCNN"])["Mine"] == colours["Mine"]
    assert colours["SmartDeal"] == palette.machine_colours(["smartdeal"])["smartdeal"]
    marks = palette.machine_markers([*shipped, "Mine", "Yours"])
    assert len(set(marks.values())) == len(marks)
    figure, _ = drawn(comparing("tiny"), "speedup")
    bar = figure.axes[0].containers[2][0]
    assert bar.get_facecolor()[:3] == pytest.approx(
        [int(colours["SmartDeal"][at : at + 2], 16) / 255 for at in (1, 3, 5)]
    )


def test_a_machine_with_settings_is_a_shade_beside_the_machine():
    names = [
        "SCNN",
        "SmartDeal",
        "SmartDeal, pe_slices.lines=8",
        "SmartDeal, batch=2",
        "Mine, a.b=1",
    ]
    assert palette.placed(reversed(names)) == [
        "SCNN", "SmartDeal", "SmartDeal, batch=2", "SmartDeal, pe_slices.lines=8", "Mine, a.b=1",
    ]  # fmt: skip
    colours = palette.machine_colours(names)
    assert len(set(colours.values())) == len(names)
    assert colours["SmartDeal"] == palette.SHIPPED["smartdeal"]
    shades = {palette.paler(palette.SHIPPED["smartdeal"], share) for share in palette.VARIANTS}
    assert {colours["SmartDeal, batch=2"], colours["SmartDeal, pe_slices.lines=8"]} <= shades
    marks = palette.machine_markers(names)
    assert marks["SmartDeal"] == marks["SmartDeal, batch=2"] != marks["SCNN"]


def test_no_value_crosses_the_line_of_the_reference():
    """Bars of all heights about it: each value is wholly below the line, or wholly above it."""
    base = stored("diannao")
    for share in (0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99, 1.0, 1.01, 1.2):
        slow = stored("smartdeal")
        slow = replace(slow, result=replace(slow.result, cycles=round(4000 / share)))
        fast = stored("scnn")
        fast = replace(fast, result=replace(fast.result, cycles=800))
        found = compared([base, fast, slow], list(MACHINES), "diannao")
        figure, panels = drawn(found, "speedup")
        with matplotlib.rc_context(STYLE):
            figure.draw_without_rendering()
        for axes, _ in panels:
            line = axes.transData.transform((0, 1.0))[1]
            for note in axes.texts:
                box = note.get_window_extent()
                assert not box.y0 < line < box.y1, (share, note.get_text())


def roofed(label, operations, dram_bytes=64.0):
    span = {"phase": "", "instances": 1, "lost": {}, "idle": 0, "busy": 9, "cycles": 9}
    layers = tuple(
        Span(name=str(at), operations=at * 1000, dram_bytes=1000, **span) for at in (1, 400)
    )
    whole = Span(name="whole", operations=200_000, dram_bytes=1000, **span)
    return Breakdown(label, Roof(operations, dram_bytes), whole, layers)


def test_a_roof_that_several_machines_share_is_drawn_once_with_their_names():
    machines = [roofed("DianNao", 2048), roofed("SCNN", 2048), roofed("SmartDeal", 8192),
                roofed("Mine", 2048, 32.0)]  # fmt: skip
    (axes,) = time.roofline(machines, "net", TWO_COLUMNS_INCHES).axes
    lines = {tuple(map(tuple, line.get_xydata())): line.get_color() for line in axes.lines}
    assert len(lines) == len(axes.lines) == 4  # two slopes, two ceilings
    shared = [line for line, colour in lines.items() if colour == time.SHARED_COLOUR]
    assert {line[-1] for line in shared} == {(128.0, 8192.0), (600.0, 2048.0)}
    colours = palette.machine_colours(["SmartDeal", "Mine"])
    assert {*lines.values()} == {time.SHARED_COLOUR, *colours.values()}
    assert {note.get_text() for note in axes.texts} == {
        "roof: DianNao, SCNN, Mine", "roof: SmartDeal",
    }  # fmt: skip
    (axes,) = time.roofline(machines[:2], "net", TWO_COLUMNS_INCHES).axes
    assert [note.get_text() for note in axes.texts] == ["roof of all machines"]


def test_components_of_a_role_are_shades_of_its_hue():
    results = [result(stem) for stem in MACHINES]
    names = [name for each in results for name in each.kinds]
    colours = palette.component_colours(results, names)
    assert len(set(colours.values())) == len(colours)
    assert colours["weight_gb"] == palette.ROLE_COLOURS["weight buffer"]
    assert colours["weight_buffer"] == palette.paler(palette.ROLE_COLOURS["weight buffer"], 0.4)
    assert list(colours)[:2] == ["dram", "input_gb"]
    flows = {"input": "moving", "weight": "stationary", "index": "stationary", "output": "result"}
    assert palette.flow_colours(flows, flows)["index"] == palette.ROLE_COLOURS["index"]


def test_small_parts_that_add_up_are_drawn_as_other():
    parts = {"large": 98.0} | {f"small{at}": 0.4 for at in range(5)}
    one = stored("diannao")
    layer = replace(one.result.layers[0], energy_by=parts, energy_pj=100.0)
    kinds = dict.fromkeys(parts, "array")
    one = replace(one, result=replace(one.result, layers=(layer,), kinds=kinds))
    _, panels = drawn(compared([one], ["diannao"], "diannao"), "energy")
    assert heights(panels, ("tiny", "diannao")) == pytest.approx({"large": 0.98, "other": 0.02})


def explained():
    """From DianNao's 4 000 cycles to SmartDeal's 1 000 in three parts, the last too small."""
    amounts = {"a": (-2000, -1e8), "b": (-1500, -4e7), "c": (495, -1e7), "d": (5, 0)}
    parts = tuple(
        SimpleNamespace(title=title, cycles=cycles, energy_pj=energy_pj)
        for title, (cycles, energy_pj) in amounts.items()
    )
    return Explanation(result("diannao"), result("smartdeal"), ("A", "B"), parts, ())


@pytest.mark.parametrize("width", WIDTHS)
def test_a_waterfall_advances_from_one_end_to_the_other(width):
    figure = waterfall.figure_of(explained(), width)
    for axes, first, last, unit in zip(
        figure.axes, (4000, 2e8), (1000, 5e7), (1e3, 1e6), strict=True
    ):
        drawn_bars = list(axes.containers[0])
        starts = [bar.get_x() for bar in drawn_bars]
        ends = [bar.get_x() + bar.get_width() for bar in drawn_bars]
        assert (starts[0], ends[0]) == pytest.approx((0.0, first / unit))
        assert (starts[-1], ends[-1]) == pytest.approx((0.0, last / unit))
        for (_, before), (start, _) in pairwise(list(zip(starts, ends, strict=True))[:-1]):
            assert start == pytest.approx(before)
        assert ends[-2] == pytest.approx(last / unit)
        for note, low, high in zip(axes.texts, starts, ends, strict=True):
            assert note.xy[0] == pytest.approx(max(low, high))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "A", "a", "b", "c", "smaller parts", "B",
    ]  # fmt: skip
    assert [note.get_text() for note in figure.axes[0].texts][:2] == ["4", "-2"]


def test_a_trained_network_with_a_drawn_classifier_is_not_called_synthetic():
    said = "weights: trained: a file; SYNTHETIC: classifier, normal(0, 2/fan_in), seed 0"
    found = replace(result("diannao", "real", mode="measured"), notes=(said,))
    assert not comparison.is_synthetic(found)
    assert comparison.is_synthetic(replace(found, notes=("weights: SYNTHETIC, not trained",)))
    assert not comparison.is_synthetic(replace(found, notes=("weights: as found in x.onnx",)))
    assert not comparison.is_synthetic(replace(found, notes=("activations: SYNTHETIC",)))
