"""Scenarios, switches and ablations: what is wrong inside is said at its place, with the nearest
legal name, whether it is a machine, a component, a class, a key or a value."""

import re
from functools import partial

import pytest
from loading_files import problems, write

from archsim.arch.arch import load_arch
from archsim.arch.change_files import (
    Ablations,
    ChangeFile,
    Entry,
    Scenario,
    Switches,
    check_keys,
    checked_sets,
    load_sets,
)
from archsim.cli.main import main
from archsim.formats.errors import InputError
from archsim.formats.search import find, names

SCENARIO = """\
name: mine
description: x
set: {dram.bytes_per_cycl: 3, dramm.latency_cycles: 3, interlayr: spill, dma.bytes_per_cycle: 8}
machines:
  smartdea: {pe_slices.sync: tile}
  smartdeal: {pe_slices.sinc: tile, pe_slices.sync: tiles, weights: dense}
"""
SWITCHES = """\
description: x
switches:
  - {name: a, title: a, set: {PeSlice.sync: lines, PeSlices.lines: 4}}
  - {name: b, title: b, set: {PeSlices.sinc: lines}}
  - {name: c, title: c, set: {weigths: dense}}
  - {name: d, title: d, set: {PeSlices.sync: line, weights: dens}}
  - {name: e, title: e, set: {Bus.bytes_per_cycle: 4, GlobalBuffer.slots: 0}}
"""
ABLATIONS = """\
description: x
groups:
  - title: lines
    variants:
      - {name: "8", set: {PeSlices.linse: 8}}
      - {name: "9", set: {PeSlices.lines: -8}}
      - {name: "10", set: {PeSlices.streams: 3}}
"""


def check(shape):
    return partial(checked_sets, shape=shape)


def told(found, expected):
    """Each problem stands at its place and says its words."""
    assert [line.split(": ", 1)[0] for line in found] == [f"FILE:{place}" for place, _ in expected]
    for line, (_, words) in zip(found, expected, strict=True):
        assert words in line


def test_everything_that_is_wrong_in_a_scenario(tmp_path):
    told(
        problems(check(Scenario), write(tmp_path, "mine.yaml", SCENARIO)),
        [
            ("3:7", "dram: there is no key 'bytes_per_cycl'; did you mean 'bytes_per_cycle'?"),
            ("3:31", "there is no component or flow 'dramm'; did you mean 'dram'?"),
            ("3:56", "there is no key 'interlayr'; did you mean 'interlayer'?"),
            ("5:14", "there is no machine 'smartdea'; did you mean 'smartdeal'?"),
            ("6:15", "pe_slices: there is no key 'sinc'; did you mean 'sync'?"),
            ("6:37", "'tiles' is not legal here; did you mean 'tile'?"),
        ],
    )


def test_everything_that_is_wrong_in_switches(tmp_path):
    told(
        problems(check(Switches), write(tmp_path, "mine.yaml", SWITCHES)),
        [
            ("3:31", "there is no component class 'PeSlice'; did you mean 'PeSlices'?"),
            ("4:31", "PeSlices: there is no key 'sinc'; did you mean 'sync'?"),
            ("5:31", "there is no key 'weigths'; did you mean 'weights'?"),
            ("6:31", "'line' is not legal here; did you mean 'lines'?"),
            ("6:52", "'dens' is not legal here; did you mean 'dense'?"),
            ("7:55", "must be at least 1, not 0"),
        ],
    )


def test_everything_that_is_wrong_in_ablations(tmp_path):
    told(
        problems(check(Ablations), write(tmp_path, "smartdeal.yaml", ABLATIONS)),
        [
            ("5:27", "PeSlices: there is no key 'linse'; did you mean 'lines'?"),
            ("6:27", "must be at least 1, not -8"),
            ("7:28", "3 streams cannot share 64 slices evenly"),
        ],
    )


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (Scenario, "scenarios"),
        (Switches, "switches"),
        (Ablations, "ablations"),
    ],
)
def test_shipped_files_are_right(shape, kind):
    files = names(f"archs/{kind}")
    assert files
    for name in files:
        assert checked_sets(find(f"archs/{kind}", name), shape)


WRONG = r"(SmartDeal: )?pe_slices: there is no key 'sinc'; did you mean 'sync'\?"
IN_FILES = {
    "scenario": ("description: x\nname: x\nset: {pe_slices.sinc: lanes}\n", "3:7"),
    "scenario of a machine": (
        "description: x\nname: x\nmachines: {smartdeal: {pe_slices.sinc: lanes}}\n", "3:24"),
    "switches": (
        "description: x\nswitches:\n- {name: a, title: a, set: {pe_slices.sinc: lanes}}\n", "3:29"),
    "ablations": (
        "description: x\ngroups:\n- title: a\n  variants: "
        "[{name: a, set: {pe_slices.sinc: lanes}}]\n", "4:30"),
}  # fmt: skip
RUN = {
    "scenario": ["run", "-a", "smartdeal", "-w", "tiny_sd", "--scenario", "x.yaml"],
    "scenario of a machine": ["run", "-a", "diannao", "-w", "tiny_sd", "--scenario", "x.yaml"],
    "switches": ["validate", "x.yaml"],
    "ablations": ["ablate", "smartdeal", "-w", "tiny_sd", "--file", "x.yaml"],
}


@pytest.mark.parametrize("kind", IN_FILES)
def test_a_wrong_key_in_a_file_is_told_alike_at_its_place(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text, place = IN_FILES[kind]
    write(tmp_path, "x.yaml", text)
    assert main(RUN[kind]) == 2
    assert re.search(rf"^archsim: x\.yaml:{place}: {WRONG}", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("command", "place"),
    [
        (["run", "-a", "smartdeal", "-w", "tiny_sd", "--set", "pe_slices.sinc=lanes"],
         "--set pe_slices.sinc=lanes"),
        (["explain", "smartdeal", "smartdeal@pe_slices.sinc=lanes", "-w", "tiny_sd"],
         "smartdeal@pe_slices.sinc=lanes"),
    ],
)  # fmt: skip
def test_a_wrong_key_in_a_command_is_told_alike(command, place, capsys):
    assert main(command) == 2
    assert re.search(rf"^archsim: {place}: {WRONG}", capsys.readouterr().err)


class Readings(ChangeFile):
    """The shape of another file of named sets."""

    readings: list[Scenario]

    def entries(self):
        for at, one in enumerate(self.readings):
            yield Entry(("readings", at), one.name, one.description, one.set, one.machines)


def test_a_wrong_key_in_a_file_of_another_shape_is_told_alike(tmp_path):
    text = (
        "readings:\n- {name: a, description: a, machines: {smartdeal: {pe_slices.sinc: lanes}}}\n"
    )
    _, sets = load_sets(write(tmp_path, "x.yaml", text), Readings)
    with pytest.raises(InputError) as caught:
        check_keys(sets, [load_arch("smartdeal"), load_arch("diannao")])
    assert re.search(rf"x\.yaml:2:52: {WRONG} legal: ", str(caught.value))


def test_a_class_stands_for_every_component_of_it_and_a_later_change_counts(tmp_path):
    text = "description: x\nname: x\nset: {GlobalBuffer.slots: 3, dram.latency_cycles: 1}\n"
    more = "machines: {diannao: {nbin.slots: 4, Dram.latency_cycles: 100}}\n"
    (one,) = checked_sets(write(tmp_path, "x.yaml", text + more), Scenario)
    plain = load_arch("diannao")
    changes = {change.key: change.value for change in one.on(plain.resolved)}
    assert changes == {
        "components.nbin.slots": 4,
        "components.sb.slots": 3,
        "components.nbout.slots": 3,
        "components.dram.latency_cycles": 100,
    }


def test_a_class_that_no_machine_has_yet_may_be_named(tmp_path):
    text = "description: x\nswitches: [{name: a, title: a, set: {Bus.bytes_per_cycl: 1}}]\n"
    (found,) = problems(check(Switches), write(tmp_path, "x.yaml", text))
    assert "Bus: there is no key 'bytes_per_cycl'; did you mean 'bytes_per_cycle'?" in found
    right = text.replace("cycl:", "cycle:")
    (one,) = checked_sets(write(tmp_path, "y.yaml", right), Switches)
    assert one.on(load_arch("diannao").resolved) == ()
