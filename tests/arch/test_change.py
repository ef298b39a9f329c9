"""Changes: single keys by line or mapping, and scenario files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from loading_files import ARCH, problems, write

from archsim.arch.arch import load_arch
from archsim.arch.change import ChangeSet, parsed
from archsim.arch.change_files import load_scenario
from archsim.formats.errors import InputError


@pytest.fixture
def path(tmp_path):
    return write(tmp_path, "x.yaml", ARCH)


@pytest.mark.parametrize(
    ("line", "read_back", "value"),
    [
        ("nfu.inputs=8", lambda arch: arch.components["nfu"].inputs, 8),
        ("Nfu.inputs=8", lambda arch: arch.components["nfu"].inputs, 8),
        ("GlobalBuffer.slots=3", lambda arch: {arch.components[f"{name}_gb"].slots
                                               for name in ("input", "weight", "output")}, {3}),
        ("components.nfu.inputs = 8", lambda arch: arch.components["nfu"].inputs, 8),
        ("nfu.fill_cycles=0x10", lambda arch: arch.components["nfu"].fill_cycles, 16),
        ("interlayer=keep_if_fits", lambda arch: arch.interlayer, "keep_if_fits"),
        ("clock_mhz=5e2", lambda arch: arch.clock_mhz, 500.0),
        ("flows.output.path=[nfu, output_gb, post, dma, dram]",
         lambda arch: arch.flows["output"].path[1], "output_gb"),
        ("output.role=result", lambda arch: arch.flows["output"].role, "result"),
        ("name=no", lambda arch: arch.name, "no"),
    ],
)  # fmt: skip
def test_a_line_changes_one_key(path, line, read_back, value) -> None:
    assert read_back(load_arch(path, [line])) == value


def test_a_mapping_changes_what_lines_change(path) -> None:
    by_line = load_arch(path, ["nfu.inputs=8", "barrier=layer"])
    by_mapping = load_arch(path, {"nfu.inputs": 8, "barrier": "layer"})
    assert by_line.resolved == by_mapping.resolved
    assert by_line.hash == by_mapping.hash != load_arch(path).hash


def test_the_last_of_two_lines_wins(path) -> None:
    assert load_arch(path, ["nfu.inputs=8", "nfu.inputs=4"]).components["nfu"].inputs == 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nfu.inptus=8", "nfu: there is no key 'inptus'; did you mean 'inputs'? "
         "legal: inputs, outputs, fill_cycles"),
        ("nfuu.inputs=8", "there is no component or flow 'nfuu'; did you mean 'nfu'? legal: dram, "
         "dma, input_gb, weight_gb, output_gb, nfu, post, input, weight, output"),
        ("NFU.inputs=8", "there is no component class 'NFU'; did you mean 'Nfu'? legal: Dram, Dma, "
         "GlobalBuffer, Nfu, PostProcessor"),
        ("interlayr=spill", "there is no key 'interlayr'; did you mean 'interlayer'? legal: name, "
         "task, clock_mhz, weights, activation_bits, weight_bits, machine, energy, "
         "interlayer, barrier, batch_order"),
        ("description=x", "there is no key 'description'; legal: name, task, clock_mhz, weights, "
         "activation_bits, weight_bits, machine, energy, interlayer, barrier, batch_order"),
        ("components.nfuu.inputs=8", "there is no component 'nfuu'; did you mean 'nfu'? legal: "
                                     "dram, "
         "dma, input_gb, weight_gb, output_gb, nfu, post"),
        ("nfu.inputs=-8", "nfu.inputs: must be at least 1, not -8"),
        ("nfu.inputs=lots", "nfu.inputs: must be an integer, not 'lots'"),
        ("nfu=8", "write owner.key, as in nfu.<key>"),
        ("nfu.inputs.x=8", "write owner.key, as in nfu.<key>"),
        ("clock_mhz.x=8", "'clock_mhz' has no keys below it"),
        ("components=8", "write component.key, as in pe_slices.lines"),
        ("nfu.inputs", "write key=value, as in pe_slices.lines=8"),
        ("nfu.inputs=", "write key=value, as in pe_slices.lines=8"),
        ("=8", "write key=value, as in pe_slices.lines=8"),
        ("interlayer=spil", "interlayer: 'spil' is not legal here; did you mean 'spill'? "
         "legal: spill, keep_if_fits"),
        ("dram.class=Drum", None),
    ],
)  # fmt: skip
def test_a_wrong_line_is_the_place_of_its_error(path, line, message) -> None:
    (found,) = problems(lambda file: load_arch(file, [line]), path)
    if message:
        assert found == f"--set {line}: {message}"
    else:
        assert found.startswith(f"--set {line}: dram: there is no component class 'Drum'")


def test_a_line_that_is_no_yaml(path) -> None:
    (found,) = problems(lambda file: load_arch(file, ["nfu.inputs=[1"]), path)
    assert found == (
        "--set nfu.inputs=[1: this is not YAML: did not find expected ',' or ']' "
        "while parsing a flow sequence"
    )


SCENARIO = """\
name: ideal
description: Nothing waits for a lane.
set:
  interlayer: keep_if_fits
  dram.bytes_per_cycle: 128
  pe_slices.sync: lanes
machines:
  diannao: {nfu.fill_cycles: 7}
  scnn: {pe_array.rule: queued}
"""


def test_a_scenario_is_a_named_set_of_lines(path, tmp_path) -> None:
    scenario = load_scenario(write(tmp_path, "ideal.yaml", SCENARIO))
    plain = load_arch(path)
    chosen = scenario.on(plain.resolved)
    assert [line.key for line in chosen] == [
        "interlayer", "components.dram.bytes_per_cycle", "components.nfu.fill_cycles",
    ]  # fmt: skip
    changed = load_arch(path, chosen)
    assert changed.components["nfu"].fill_cycles == 7
    assert changed.interlayer == "keep_if_fits"


def test_what_a_scenario_gets_wrong_stands_in_its_file(tmp_path) -> None:
    text = SCENARIO.replace("bytes_per_cycle: 128", "bytes_per_cycl: 128")
    wrong = write(tmp_path, "ideal.yaml", text)
    with pytest.raises(InputError) as caught:
        load_scenario(wrong)
    assert f"{wrong}:5:3: dram: there is no key 'bytes_per_cycl'" in str(caught.value)
    found = problems(load_scenario, write(tmp_path, "y.yaml", "name: y\nsets: {}\n"))
    assert found == [
        "FILE:1:1: the key 'description' is missing",
        "FILE:2:1: there is no key 'sets'; did you mean 'set'? legal: name, description, set, "
        "machines",
    ]


def test_a_scenario_is_found_by_name(tmp_path, monkeypatch) -> None:
    write(tmp_path, "archs/scenarios/ideal.yaml", SCENARIO)
    monkeypatch.chdir(tmp_path)
    assert load_scenario("ideal").title == "Nothing waits for a lane."
    with pytest.raises(InputError, match="there is no scenario 'idel'; did you mean 'ideal'"):
        load_scenario("idel")


def test_true_is_not_one(path) -> None:
    """A value of the wrong type is refused, and not taken for the one that is there."""
    one = load_arch(path, ["post.elements_per_cycle=1"])
    (change,) = ChangeSet("x", changes=tuple(parsed(["post.elements_per_cycle=true"]))).on(
        one.resolved
    )
    assert change.value is True
    assert ChangeSet("x", changes=(replace(change, value=1),)).on(one.resolved) == ()


def test_a_line_that_is_no_text_is_refused_by_itself() -> None:
    # A shell hands bytes that are not UTF-8 on as half characters: found by the fuzzer.
    for line in ("dram.bytes_per_cycle=\udcc0", "dram.\udcff=8"):
        with pytest.raises(InputError, match="is not text in UTF-8") as found:
            parsed([line])
        assert found.value.problems[0].place == f"--set {line}"
