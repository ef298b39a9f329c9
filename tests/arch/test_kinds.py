"""A component says what it is: a user's own class counts, costs and looks like a shipped one."""

import json

import pytest
import yaml
from tiny_networks import conv, network, post

import archsim
from archsim.analysis.breakdown import break_down
from archsim.analysis.figures.diagram_svg import svg
from archsim.analysis.figures.palette import ROLE_COLOURS, component_colours
from archsim.analysis.roles import energy_by_role, roles_of
from archsim.formats.errors import InputError
from archsim.formats.search import find

RULE = "from archsim.machines.diannao import FLOWS, tiles\n"
HBM = """
from typing import ClassVar

from archsim.arch.component import Cycles, Kind
from archsim.arch.movers import Mover


class Hbm(Mover):
    \"\"\"Stacked memory.\"\"\"

    kind: ClassVar[Kind] = "off_chip"

    latency_cycles: Cycles = 0

    @property
    def latency(self) -> int:
        return self.latency_cycles
"""
LAYERS = [
    conv("a", [], (5, 70), (12, 14), padding=[1, 1]),
    post("pool", "pool", ["a"], kind="max", kernel=[2, 2], stride=[2, 2]),
    conv("b", ["pool"], (70, 9), (6, 7)),
]
END = (
    "off-chip memory, a class of kind 'off_chip' such as Dram, is the outer end of a flow and only "
    "that"
)
WHO = {"arch", "arch_hash", "arch_resolved", "inputs_hash"}


def machine(folder, *changes, rule=RULE + HBM):
    """DianNao's arch with changes of its text, and a machine file beside it."""
    shipped = find("archs", "diannao")
    text = shipped.read_text().replace("units/table1_28nm", "prices")
    for old, new in (("machine: diannao", "machine: own"), *changes):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "own.yaml").write_text(text)
    (folder / "own.py").write_text(rule)
    prices = yaml.safe_load((shipped.parent / "units" / "table1_28nm.yaml").read_text())
    prices["classes"]["Hbm"] = dict(prices["classes"]["Dram"])
    (folder / "prices.yaml").write_text(yaml.safe_dump(prices))
    return archsim.load_arch(folder / "own.yaml", machines=folder)


@pytest.fixture
def both(tmp_path):
    """The same machine twice, with Dram and with a class of the user's own."""
    folders = [tmp_path / name for name in ("shipped", "own")]
    for folder in folders:
        folder.mkdir()
    return machine(folders[0]), machine(folders[1], ("{class: Dram", "{class: Hbm"))


def test_a_users_own_memory_counts_and_costs_what_dram_does(tmp_path, both):
    workload = network(tmp_path, *LAYERS)
    shipped, own = (archsim.simulate(arch, workload) for arch in both)
    assert {type(arch.components["dram"]).__name__ for arch in both} == {"Dram", "Hbm"}
    kept = [
        {key: value for key, value in result.to_dict().items() if key not in WHO}
        for result in (shipped, own)
    ]
    assert kept[0] == kept[1]
    assert own.energy_by["dram"] == 100 * own.dram_bytes > 0
    assert own.layers[0].actions["dram"].keys() == {"read"}
    assert own.layers[1].actions["dram"].keys() == {"write"}


def test_it_has_the_role_the_roof_and_the_colour_of_dram(tmp_path, both):
    results = [archsim.simulate(arch, network(tmp_path, *LAYERS)) for arch in both]
    roles = [roles_of(one.kinds, one.arch_resolved["flows"]) for one in results]
    assert roles[0] == roles[1]
    assert roles[1]["dram"] == "DRAM"
    assert energy_by_role(results[0]) == energy_by_role(results[1])
    assert break_down("x", results[0]) == break_down("x", results[1])
    colours = component_colours(results, results[1].energy_by)
    assert colours["dram"] == ROLE_COLOURS["DRAM"]


def test_its_box_in_the_diagram_stands_where_that_of_dram_does(both):
    shipped, own = map(svg, both)
    assert own.count(">Hbm<") == 1
    assert shipped.replace(">Dram<", ">Hbm<") == own


def test_a_result_file_keeps_what_its_components_are(tmp_path, both):
    """No class is looked up again: the machine's file may be gone."""
    result = archsim.simulate(both[1], network(tmp_path, *LAYERS))
    data = json.loads(json.dumps(result.to_dict()))
    assert data["kinds"]["dram"] == "off_chip"
    assert energy_by_role(archsim.Result.from_dict(data)) == energy_by_role(result)


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (
            "{class: Dram",
            "{class: Bus",
            "13:37",
            "flow 'input': 'dram' is of kind 'mover'",
        ),
        (
            "path: [dram, dma, sb, nfu]",
            "path: [dma, dram, sb, nfu]",
            "14:37",
            "flow 'weight': 'dma' is of kind 'mover'",
        ),
    ],
)
def test_what_is_no_memory_cannot_stand_in_its_place(tmp_path, old, new, place, message):
    text_changes = [(old, new)]
    if "Bus" in new:
        text_changes.append((", latency_cycles: 50", ""))
    with pytest.raises(InputError) as caught:
        machine(tmp_path, *text_changes)
    first = caught.value.problems[0]
    assert str(first) == f"{tmp_path / 'own.yaml'}:{place}: {message}; {END}"


def test_memory_within_a_flow_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        machine(
            tmp_path,
            ("[dram, dma, sb, nfu]", "[dram, far, dma, sb, nfu]"),
            ("components:\n", "components:\n  far: {class: Dram, bytes_per_cycle: 8}\n"),
        )
    (problem,) = caught.value.problems
    assert problem.message == f"flow 'weight': 'far' is of kind 'off_chip'; {END}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"off_chip"', '"dram"', "class Hbm: there is no kind 'dram'; legal: off_chip, mover"),
        ("(Mover)", "(Component)", "class Hbm: a component of kind 'off_chip' needs bytes_per"),
        ('"off_chip"', '"storage"', "needs capacity_bytes, bank_kbytes, count, slots"),
        ('"off_chip"', '"post"', "needs elements_per_cycle"),
        (
            '= "off_chip"',
            '= "off_chip"\n    units = {"bank": ("bank",)}',
            "units count bank, and it",
        ),
    ],
)
def test_a_class_that_lacks_what_its_kind_needs_is_named(tmp_path, old, new, message):
    rule = RULE + HBM.replace("import Cycles", "import Component, Cycles").replace(old, new)
    with pytest.raises(InputError) as caught:
        machine(tmp_path, ("{class: Dram", "{class: Hbm"), rule=rule)
    assert message in str(caught.value)
    assert str(tmp_path / "own.py") in str(caught.value)


@pytest.mark.parametrize(("width", "roof"), [(64, 64), (16, 16), (512, 64)])
def test_movers_next_to_memory_bound_the_roof_and_others_do_not(tmp_path, width, roof):
    """A bus of a byte per cycle on the way of the weights alone stands further in."""
    arch = machine(
        tmp_path,
        ("{class: Dma, bytes_per_cycle: 64}", f"{{class: Dma, bytes_per_cycle: {width}}}"),
        ("[dram, dma, sb, nfu]", "[dram, dma, wire, sb, nfu]"),
        ("components:\n", "components:\n  wire: {class: Bus, bytes_per_cycle: 1}\n"),
    )
    result = archsim.simulate(arch, network(tmp_path, LAYERS[0]))
    assert break_down("x", result).roof.dram_bytes == roof
