"""Which points a sweep has. The oracle is a loop over all values, written here."""

import re
from itertools import product
from pathlib import Path

import pytest

from archsim.analysis.sweep.cases import design
from archsim.analysis.sweep.plan import Formula, Link, Plan, axis, constraint, objectives
from archsim.analysis.sweep.spec import Range, load_plan, vary_line
from archsim.arch.arch import load_arch
from archsim.cli.main import main
from archsim.formats.errors import InputError

BANDWIDTHS, SYNCS, SLICES = (8, 16, 32), ("tile", "lanes"), (16, 32, 64)


def plan(**more):
    axes = more.pop("axes", {"dram.bytes_per_cycle": BANDWIDTHS, "pe_slices.sync": SYNCS})
    return Plan(
        **{
            "workloads": ("tiny_sd",),
            "archs": ("smartdeal",),
            "axes": tuple(axis(key, values, key) for key, values in axes.items()),
            "objectives": objectives(()),
            **more,
        }
    )


def values(found):
    return [tuple(case.values.values()) for case in found.cases]


def test_a_grid_is_every_pair_of_values_in_their_order():
    assert values(design(plan())) == list(product(BANDWIDTHS, SYNCS))


def test_a_machine_has_only_the_keys_that_it_has():
    found = design(plan(archs=("smartdeal", "diannao"))).cases
    own = [case.values for case in found if case.arch == "diannao"]
    assert own == [{"dram.bytes_per_cycle": one} for one in BANDWIDTHS]
    assert len(found) == len(BANDWIDTHS) * (len(SYNCS) + 1)


def test_a_draw_is_of_the_grid_each_once_and_of_the_seed_alone():
    drawn = [values(design(plan(samples=4, seed=seed))) for seed in (1, 1, 2)]
    grid = set(product(BANDWIDTHS, SYNCS))
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(len(set(one)) == 4 and set(one) <= grid for one in drawn)
    assert set(values(design(plan(samples=99)))) == grid


def test_a_draw_goes_on_until_it_has_enough_that_no_constraint_refuses():
    found = design(plan(samples=3, constraints=(constraint("dram.bytes_per_cycle < 20", ""),)))
    assert len(found.cases) == 3
    assert all(case.values["dram.bytes_per_cycle"] < 20 for case in found.cases)


def test_a_constraint_leaves_out_what_breaks_it_and_counts_it():
    """SRAM by hand, from the arch file: 32 banks of 16 KB for inputs, 12 of 2 KB of index, 2 of
    2 KB for outputs, and 2 banks of 2 KB per weight buffer."""
    axes = {"weight_buffer.count": (16, 32, 64), "pe_slices.sync": SYNCS}
    found = design(plan(axes=axes, constraints=(constraint("sram_kbytes <= 668", ""),)))
    expected = [
        (count, sync)
        for count, sync in product((16, 32, 64), SYNCS)
        if 32 * 16 + 12 * 2 + 2 * 2 + count * 2 * 2 <= 668
    ]
    assert values(found) == expected
    assert found.left_out == {"sram_kbytes <= 668": 2}
    assert [case.sram_kbytes for case in found.cases] == [604, 604, 668, 668]


def test_a_constraint_says_nothing_of_a_machine_that_lacks_its_keys():
    found = design(plan(archs=("smartdeal", "diannao"),
                        constraints=(constraint("pe_slices.slices > 64", ""),)))  # fmt: skip
    assert {case.arch for case in found.cases} == {"diannao"}


def test_linked_keys_follow_and_may_be_made_of_each_other():
    links = (
        Link("weight_buffer.count", Formula.at("pe_slices.slices", "")),
        Link("weight_buffer.bank_kbytes", Formula.at("128 / weight_buffer.count", "")),
    )
    found = design(plan(axes={"pe_slices.slices": SLICES}, links=links))
    assert values(found) == [(n, n, 128 // n) for n in SLICES]
    arch = load_arch("smartdeal", found.cases[0].job.overrides)
    assert arch.value("components.weight_buffer.bank_kbytes") == 8
    assert arch.value("components.weight_buffer.count") == 16


def test_a_link_says_nothing_of_a_machine_that_lacks_its_keys():
    links = (Link("input_gb.banks", Formula.at("pe_slices.slices / 2", "")),)
    axes = {"pe_slices.slices": (32, 64)}
    found = design(plan(archs=("smartdeal", "diannao"), axes=axes, links=links)).cases
    assert [case.values for case in found] == [
        {"pe_slices.slices": 32, "input_gb.banks": 16},
        {"pe_slices.slices": 64, "input_gb.banks": 32},
        {},
    ]


def test_values_that_do_not_go_together_are_no_slip():
    """60 slices are a legal number for 4 streams and 20 banks, and 16 lines are not for all; what
    is refused in some points only is told there."""
    axes = {"pe_slices.slices": (6, 64), "pe_slices.streams": (3, 4)}
    found = design(plan(axes=axes))
    refused = [tuple(c.values.values()) for c in found.cases if c.problems]
    legal = {(s, t) for s, t in product((6, 64), (3, 4)) if s % t == 0}
    assert refused == [pair for pair in product((6, 64), (3, 4)) if pair not in legal]


def test_machines_may_carry_changes_of_their_own():
    archs = ("smartdeal", "smartdeal@pe_slices.sync=lanes")
    found = design(plan(archs=archs, axes={"dram.bytes_per_cycle": (8,)})).cases
    assert [case.arch for case in found] == list(archs)
    assert len({case.inputs for case in found}) == 2


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


FILE = """\
description: A sweep.
workloads: [tiny_sd]
archs: [smartdeal]
vary:
  dram.bytes_per_cycle: {from: 8, to: 32, times: 2}
  pe_slices.slices: {from: 16, to: 64, step: 16}
link: {weight_buffer.count: pe_slices.slices}
where: [sram_kbytes <= 700]
objectives: [cycles, edp]
"""


def test_a_file_says_the_same(tmp_path):
    (tmp_path / "one.yaml").write_text(FILE)
    found = values(design(load_plan(tmp_path / "one.yaml")))
    assert found == [(b, s, s) for b, s in product((8, 16, 32), (16, 32))]


def test_a_file_may_list_its_points(tmp_path):
    text = "workloads: [tiny_sd]\narchs: [smartdeal]\npoints:\n- {dram.bytes_per_cycle: 8}\n"
    text += "- {pe_slices.sync: lanes, dram.bytes_per_cycle: 16}\n- {}\n"
    (tmp_path / "one.yaml").write_text(text)
    assert values(design(load_plan(tmp_path / "one.yaml"))) == [(8,), ("lanes", 16), ()]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dram.bytes", "dram.byte", "5:3: SmartDeal: dram: there is no key 'byte_per_cycle'; "
         "did you mean 'bytes_per_cycle'?"),
        ("pe_slices.slices:", "pe_slice.slices:", "6:3: SmartDeal: there is no component or flow "
         "'pe_slice'; did you mean 'pe_slices'?"),
        ("{weight_buffer.count", "{weight_buffer.counts", "7:8: SmartDeal: weight_buffer: there is"
         " no key 'counts'; did you mean 'count'?"),
        ("count: pe_slices.slices", "count: pe_slices.slice", "7:29: there is no quantity "
         "'pe_slices.slice'; did you mean 'pe_slices.slices'?"),
        ("count: pe_slices.slices", "count: cycles", "7:29: cycles is no key"),
        ("sram_kbytes <=", "sram_kbyte <=", "8:9: there is no quantity 'sram_kbyte'; did you mean "
         "'sram_kbytes'?"),
        ("sram_kbytes <= 700", "sram_kbytes", "8:9: 'sram_kbytes' compares nothing"),
        ("cycles, edp", "cycles, edb", "9:22: there is no quantity 'edb'; did you mean 'edp'?"),
        ("cycles, edp", "area_mm2", "9:14: area_mm2 is not known: no price table"),
        ("where:", "were:", "8:1: there is no key 'were'; did you mean 'where'?"),
        ("times: 2", "step: 0", "5:"),
        ("{from: 8, to: 32, times: 2}", "[8, -1]", "5:29: dram.bytes_per_cycle: must be at least"),
        ("{from: 8, to: 32, times: 2}", "[8, 8]", "5:29: dram.bytes_per_cycle has the value 8 "
         "twice"),
        ("{from: 8, to: 32, times: 2}", "[]", "5:3: dram.bytes_per_cycle has no values"),
        ("{from: 16, to: 64, step: 16}", "[16, 63]", "6:26: pe_slices.slices=63: pe_slices: 4 "
         "streams cannot share 63 slices evenly"),
        ("tiny_sd", "tiny_s", "there is no workload 'tiny_s'; did you mean 'tiny_sd'?"),
        ("<= 700", "<= 0", "leaves no point: sram_kbytes <= 0"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("folder")
def test_a_slip_is_told_with_place_and_nearest_name_before_anything_runs(capsys, old, new, said):
    assert old in FILE
    Path("one.yaml").write_text(FILE.replace(old, new, 1))
    assert main(["sweep", "one.yaml", "--out", "out"]) == 2
    assert said in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "varies no key"),
        (["--vary", "dram.bytes_per_cycle"], "write dram.bytes_per_cycle=8,16"),
        (["--vary", "dram.bytes_per_cycle=[8"], "--vary dram.bytes_per_cycle=[8: "),
        (["--vary", "pe_slices.lines=8", "--link", "pe_slices.lines=8"], "varied or linked twice"),
        (["--vary", "pe_slices.lines=8", "--objective", "cycles < 3"], "is a comparison"),
        (["--vary", "pe_slices.lines=8", "--vary", "pe_slices.lines=4"], "is given twice"),
        (["--vary", "pe_slices.lines=8,16", "--vary", "PeSlices.lines=4"], "are one key of Smart"),
        (["--vary", "dram.bytes_per_cycle=8", "--link", "Dram.bytes_per_cycle=2"], "are one key"),
        (["--vary", "pe_slices.lines=8", "--dask", "x", "--jobs", "2"], "--jobs"),
    ],
)
def test_a_slip_on_the_command_line_is_told(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "-w", "tiny_sd", "-a", "smartdeal", "--out", "out", *words]) == 2
    assert said in capsys.readouterr().err
    assert not Path("out").exists()


def test_values_of_a_line_are_those_of_a_list_in_yaml():
    found = vary_line('x.y=8, 0.5,"a,b",[1, 2],010,null,true')
    assert [each.value for each in found.values] == [8, 0.5, "a,b", [1, 2], 10, None, True]


def test_a_range_has_its_ends_and_no_rounding():
    found = Range.model_validate({"from": 0.1, "to": 0.5, "step": 0.1}).values()
    assert found == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert Range.model_validate({"from": 8, "to": 31, "times": 2}).values() == [8, 16]


def test_a_grid_that_is_a_slip_is_refused_before_it_is_made():
    axes = {f"part{at}.key": tuple(range(100)) for at in range(4)}
    with pytest.raises(InputError, match=r"100,000,000 points; --samples N"):
        design(plan(axes=axes))


def test_the_file_of_the_page_is_right(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "reference" / "sweep.md").read_text()
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "one.yaml").write_text(text.replace("[resnet50_sd, mobilenet_v2_sd]", "[tiny_sd]"))
    found = design(load_plan(tmp_path / "one.yaml"))
    assert len(found.cases) == 2 * 4 * 3  # 128 slices take 1052 KB
    assert found.left_out == {"sram_kbytes <= 1024": 2 * 4}
    assert main(["validate", "-q", str(tmp_path / "one.yaml")]) == 0
