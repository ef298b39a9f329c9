"""Arch files: what they mean, and each thing that can be wrong with one, to the letter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from loading_files import ARCH, problems, write

from archsim.arch.arch import arch_schema, load_arch
from archsim.arch.component import Component
from archsim.arch.machine_files import machine_files, shipped_classes
from archsim.formats.errors import InputError
from archsim.formats.source import read

COMPONENTS = "dram, dma, input_gb, weight_gb, output_gb, nfu, post"


def arch(folder: Path, *changes: tuple[str, str]) -> Path:
    """The small arch with parts of its text replaced."""
    text = ARCH
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return write(folder, "x.yaml", text)


def lines(folder: Path, *changes: tuple[str, str]) -> list[str]:
    return problems(load_arch, arch(folder, *changes))


def test_an_arch_is_its_file_with_defaults(tmp_path) -> None:
    loaded = load_arch(arch(tmp_path))
    assert (loaded.name, loaded.task, loaded.weights) == ("Tiny", "inference", "dense")
    assert (loaded.interlayer, loaded.barrier) == ("spill", "input")
    assert loaded.compute == "nfu"
    assert loaded.flows["output"].path == ("nfu", "post", "output_gb", "dma", "dram")
    assert loaded.components["nfu"].inputs == 16
    assert [path.name for path in loaded.energy_paths] == ["table1_28nm.yaml"]
    assert loaded.machine_path.name == "diannao.py"
    assert loaded.place("components.nfu.inputs").endswith("x.yaml:16:29")


def test_a_resolved_arch_is_plain_whole_and_hashed(tmp_path) -> None:
    loaded = load_arch(arch(tmp_path))
    plain = loaded.resolved
    assert json.loads(json.dumps(plain)) == plain
    assert plain["components"]["nfu"]["class"] == "Nfu"
    assert plain["flows"]["input"] == {"role": "moving", "path": ["dram", "dma", "input_gb", "nfu"]}
    commented = load_arch(arch(tmp_path, ("name: Tiny", "# a comment\nname: Tiny")))
    assert commented.hash == loaded.hash
    assert load_arch(arch(tmp_path, ("inputs: 16", "inputs: 8"))).hash != loaded.hash


def test_a_default_that_is_written_out_is_the_same_arch(tmp_path) -> None:
    written = arch(tmp_path, ("weights: dense", "weights: dense\ninterlayer: spill"))
    assert load_arch(written).hash == load_arch(arch(tmp_path)).hash


def test_the_graph_has_an_edge_for_each_step_of_a_flow(tmp_path) -> None:
    graph = load_arch(arch(tmp_path)).graph()
    assert graph.edges["dram", "dma"]["flows"] == ("input", "weight")
    assert set(graph.nodes) == set(COMPONENTS.split(", "))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("inputs: 16", "input: 16", [
            "FILE:16:8: nfu: the key 'inputs' is missing",
            "FILE:16:21: nfu: there is no key 'input'; did you mean 'inputs'? "
            "legal: inputs, outputs, fill_cycles",
        ]),
        ("inputs: 16", "inputs: -16", ["FILE:16:29: nfu.inputs: must be at least 1, not -16"]),
        ("inputs: 16", "inputs: 1e9", ["FILE:16:29: nfu.inputs: must be an integer, not "
                                       "1000000000.0"]),
        ("inputs: 16", "inputs: 99999999",
         ["FILE:16:29: nfu.inputs: must be at most 65,536, not 99999999"]),
        ("clock_mhz: 1000", "clock_mhz: 1 GHz",
         ["FILE:2:12: clock_mhz: must be a number, not '1 GHz'"]),
        ("clock_mhz: 1000", "clock_mhz: .nan",
         ["FILE:2:12: clock_mhz: must be a finite number, not nan"]),
        ("clock_mhz: 1000", "clock_mhz: 0",
         ["FILE:2:12: clock_mhz: must be at least 0.001, not 0"]),
        ("weights: dense", "weights: dens", [
            "FILE:3:10: weights: 'dens' is not legal here; did you mean 'dense'? "
            "legal: dense, pruned, smartdeal"]),
        ("machine: diannao", "machine: dianao", None),
        ("energy: units/table1_28nm", "energy: units/table1", [
            "FILE:5:9: there is no energy table 'units/table1'; did you mean 'units/table1_28nm'? "
            "legal: units/cacti_28nm, units/fpga_16nm, units/gate_ratio, units/interstellar, "
            "units/table1_28nm, "
            "units/training_65nm, units/training_65nm_chip"]),
        ("role: moving", "role: movng", [
            "FILE:7:18: flow 'input', role: 'movng' is not legal here; did you mean 'moving'? "
            "legal: moving, stationary, result, update"]),
        ("dma, input_gb, nfu", "dma, inputgb, nfu", [
            "FILE:7:44: flow 'input': there is no component 'inputgb'; did you mean 'input_gb'? "
            f"legal: {COMPONENTS}"]),
        ("dma, input_gb, nfu", "dma, input_gb, dma, nfu", ["FILE:7:54: flow 'input' passes 'dma' "
                                                           "twice"]),
        ("[dram, dma, input_gb, nfu]", "[nfu]", [
            "FILE:7:32: flow 'input', path: must have at least 2 items, not 1"]),
        ("dma, input_gb, nfu", "dma, nfu", [
            "FILE:7:32: flow 'input' has no storage on it: nothing holds its data between DRAM and "
            "the array; put a buffer on it (input_gb, weight_gb, output_gb)",
            "FILE:13:3: component 'input_gb' is on no flow, so nothing would use it"]),
        ("role: moving", "role: stationary", ["FILE:6:1: no flow has the role 'moving'"]),
        ("[nfu, post, output_gb, dma, dram]", "[nfu, post, output_gb, dma]", [
            "FILE:9:55: flow 'output' ends at 'dma'; results end where the other flows begin: "
            "dram"]),
        ("path: [dram, dma, weight_gb, nfu]", "path: [dram, dma, weight_gb]", [
            "FILE:8:48: flow 'weight' ends at 'weight_gb'; results begin at 'nfu', so it must end "
            "there or on the way of a flow that does"]),
        ("class: Nfu", "class: Nfuu", None),
        ("{class: Nfu, inputs: 16, outputs: 64}", "{inputs: 16}", [
            "FILE:16:8: component 'nfu' is a mapping with the key 'class'"]),
        ("  post: {", "  bus: {class: Dma, bytes_per_cycle: 4}\n  post: {", [
            "FILE:17:3: component 'bus' is on no flow, so nothing would use it"]),
        ("name: Tiny", "name: ../Tiny",
         ["FILE:1:7: name: '../Tiny' does not have the form ^[A-Za-z0-9][\\w. +-]*$"]),
        ("name: Tiny", "name: Tiny\nclok_mhz: 3", [
            "FILE:2:1: there is no key 'clok_mhz'; did you mean 'clock_mhz'? legal: name, "
            "description, "
            "task, clock_mhz, weights, activation_bits, weight_bits, "
            "machine, energy, interlayer, barrier, batch_order, flows, components"]),
    ],
)  # fmt: skip
def test_what_is_wrong_says_where_and_what_is_legal(tmp_path, old, new, message) -> None:
    found = lines(tmp_path, (old, new))
    if message is None:  # the legal names are files and classes of the package, which grow
        assert len(found) == 1
        assert new.rpartition(" ")[2] in found[0]
    else:
        assert found == message


def test_an_unknown_machine_and_class_name_the_nearest(tmp_path) -> None:
    (line,) = lines(tmp_path, ("machine: diannao", "machine: dianao"))
    assert line.startswith(
        "FILE:4:10: there is no machine 'dianao'; did you mean 'diannao'? legal: "
    )
    (line,) = lines(tmp_path, ("class: Nfu", "class: Nfuu"))
    assert line.startswith(
        "FILE:16:16: nfu: there is no component class 'Nfuu'; did you mean 'Nfu'? legal: "
    )


def test_all_errors_of_a_file_at_once(tmp_path) -> None:
    found = lines(
        tmp_path,
        ("clock_mhz: 1000", "clock_mhz: -1"),
        ("dma, weight_gb", "dma, weigt_gb"),
        ("banks: 2, bank_kbytes: 2,", "banks: 0, bank_kbytes: 2, slots: many,"),
    )
    assert [line.partition(": ")[0] for line in found] == [
        "FILE:2:12", "FILE:8:48", "FILE:15:43", "FILE:15:69",
    ]  # fmt: skip


def test_results_must_begin_at_one_array(tmp_path) -> None:
    second = "\n  more: {role: result, path: [post, output_gb, dma, dram]}\ncomponents:"
    (line,) = lines(tmp_path, ("\ncomponents:", second))
    assert line == "FILE:6:1: results begin at nfu and post; they begin at one component, the array"


def test_a_flow_may_end_on_the_way_of_another() -> None:
    loaded = load_arch("smartdeal")
    assert loaded.flows["index"].path[-1] == "index_selector"
    assert loaded.compute == "mac_array"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("just text", "FILE:1:1: an arch is a mapping: name, flows, components ..."),
        (ARCH.replace("flows:", "flows: none\nold:").partition("components:")[0], None),
    ],
)
def test_a_file_that_is_no_arch(tmp_path, text, message) -> None:
    found = problems(load_arch, write(tmp_path, "x.yaml", text))
    if message:
        assert found == [message]
    else:
        assert found == [
            "FILE:1:1: the key 'components' is missing",
            "FILE:6:8: flows: must be a mapping, not 'none'",
            "FILE:7:1: there is no key 'old'; legal: name, description, task, clock_mhz, weights, "
            "activation_bits, weight_bits, machine, energy, interlayer, barrier, batch_order, "
            "flows, components",
        ]


def test_names_are_searched_nearest_first(tmp_path, monkeypatch) -> None:
    write(tmp_path, "archs/diannao.yaml", ARCH)
    assert load_arch("diannao").name != "Tiny"
    monkeypatch.chdir(tmp_path)
    assert load_arch("diannao").name == "Tiny"
    assert load_arch("smartdeal").name == "SmartDeal"
    with pytest.raises(InputError, match="there is no arch 'smartdal'; did you mean 'smartdeal'"):
        load_arch("smartdal")
    with pytest.raises(InputError, match="there is no such file"):
        load_arch("nowhere/smartdeal.yaml")


MACHINE = '''
"""A machine of somebody else."""
from archsim.arch.component import Component, Count

FLOWS = ("input", "weight", "output")


class Grid(Component):
    """Multipliers in rows and columns."""

    rows: Count
    columns: Count = 4


def tiles(layer, tensors, arch):
    raise NotImplementedError
'''


def test_a_machine_may_bring_its_own_array_but_never_from_beside_the_file(
    tmp_path, monkeypatch
) -> None:
    folder = tmp_path / "rules"
    write(folder, "grid.py", MACHINE)
    changes = (("machine: diannao", "machine: grid"),
               ("{class: Nfu, inputs: 16, outputs: 64}", "{class: Grid, rows: 3}"))  # fmt: skip
    path = arch(tmp_path, *changes)
    loaded = load_arch(path, machines=folder)
    assert loaded.components["nfu"].model_dump() == {"rows": 3, "columns": 4}
    assert loaded.machine_path == folder / "grid.py"
    shutil.copy(folder / "grid.py", tmp_path / "grid.py")
    (tmp_path / "machines").mkdir()
    shutil.copy(folder / "grid.py", tmp_path / "machines" / "grid.py")
    with pytest.raises(InputError, match="there is no machine 'grid'"):
        load_arch(path)
    monkeypatch.setenv("ARCHSIM_MACHINES", str(folder))
    assert load_arch(path).machine == "grid"
    assert "grid" in machine_files()


def test_every_component_class_says_what_it_is() -> None:
    assert {"Dram", "Dma", "GlobalBuffer"} <= set(shipped_classes())
    for name, cls in shipped_classes().items():
        assert cls.summary(), name
        assert cls.summary() != Component.summary()


def test_the_schema_accepts_what_loads_and_refuses_what_does_not(tmp_path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(json.dumps(arch_schema())))
    assert validator.is_valid(read(arch(tmp_path)).value)
    for bad in (
        ("inputs: 16", "inputs: 0"),
        ("class: Nfu", "class: Nfuu"),
        ("role: moving", "role: movng"),
        ("inputs: 16", "inputz: 16"),
    ):
        assert not validator.is_valid(read(arch(tmp_path, bad)).value)
