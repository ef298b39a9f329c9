"""Scenarios, switches and ablations: what is wrong inside is said at its place, with the nearest
legal name, whether it is a machine, a component, a class, a key or a value."""

from functools import partial

import pytest
from loading_files import problems, write

from archsim.arch.change_files import Ablations, Scenario, Switches, checked_sets
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
