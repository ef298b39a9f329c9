"""One table of variants: each is the machine with its keys changed, and nothing else."""

import json

import pytest

from archsim.arch.arch import load_arch
from archsim.arch.change_files import ABLATIONS, Ablations, load_sets
from archsim.cli.main import main
from archsim.formats.search import find, names
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload

GROUPS = ("skipped", "form", "serial", "streams", "rebuild", "depthwise", "clusters", "waits")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def table():
    """What `archsim ablate smartdeal` says of tiny_sd."""
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        command = ["ablate", "smartdeal", "-w", "tiny_sd", "--json", "--no-cache", "-j", "1"]
        assert main(command) == 0
    (found,) = json.loads(said.getvalue())
    return found


@pytest.mark.slow
def test_every_variant_is_the_machine_with_its_keys_changed(table):
    workload = load_workload("tiny_sd")
    for variant in table["variants"]:
        result = simulate(load_arch("smartdeal", variant["changes"]), workload)
        assert variant["cycles"] == result.cycles
        assert variant["energy_pj"] == pytest.approx(result.energy_pj)
        assert variant["dram_bytes"] == result.dram_bytes


def test_the_shipped_file_has_the_mechanisms_of_section_v(table):
    titles = list(dict.fromkeys(variant["group"] for variant in table["variants"]))
    for word in GROUPS:
        assert any(word in title for title in titles), word
    own = {variant["group"] for variant in table["variants"] if not variant["changes"]}
    assert own == set(titles[:-1])  # each group has the machine as it is, but the last


def test_what_the_mechanisms_promise_holds(table):
    by_name = {(one["group"].split()[0], one["variant"]): one for one in table["variants"]}
    base = table["base"]
    assert by_name["what", "nothing"]["cycles"] >= base["cycles"]
    assert by_name["serial", "set bits"]["cycles"] > base["cycles"]
    assert by_name["form", "8-bit dense"]["dram_bytes"] > base["dram_bytes"]
    waits = [one["cycles"] for one in table["variants"] if one["group"].startswith("who waits")]
    assert waits == sorted(waits, reverse=True)


def test_a_file_of_ones_own_and_a_variant_that_is_not_legal(folder, capsys):
    (folder / "mine.yaml").write_text(
        "description: mine\ngroups:\n  - title: streams\n    variants:\n"
        "      - {name: three, set: {PeSlices.streams: 3}}\n"
        "      - {name: two, set: {PeSlices.streams: 2, Dram.latency_cycles: 0}}\n"
    )
    assert main(["ablate", "smartdeal", "-w", "tiny_sd", "--file", "mine.yaml", "-j", "1"]) == 0
    said = capsys.readouterr().out
    assert "n/a: three: " in said
    assert "3 streams cannot share 64 slices evenly" in said
    two = simulate(
        load_arch("smartdeal", ["pe_slices.streams=2", "dram.latency_cycles=0"]),
        load_workload("tiny_sd"),
    )
    assert f"{two.cycles:,}" in said


@pytest.mark.parametrize("name", list(names(ABLATIONS)))
def test_shipped_files_load(name):
    assert load_sets(find(ABLATIONS, name), Ablations)[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("description: x\ngroups: []\n", "groups"),
        ("description: x\ngroups: [{title: t, variants: [{name: a, sett: {b: 1}}]}]", "sett"),
        ("description: x\ngroups: [{title: t, variants: [{name: a, set: {Nfu.inputs: 1}}]}]",
         "mine.yaml:2:48: SmartDeal: there is no component class 'Nfu'"),
        ("[", "mine.yaml"),
    ],
)  # fmt: skip
def test_a_bad_file_has_status_2_and_says_where(text, said, folder, capsys):
    (folder / "mine.yaml").write_text(text)
    assert main(["ablate", "smartdeal", "-w", "tiny_sd", "--file", "mine.yaml"]) == 2
    error = capsys.readouterr().err
    assert "mine.yaml:" in error
    assert said in error
    assert "Traceback" not in error


def test_a_file_that_is_not_there_has_status_2(capsys):
    assert main(["ablate", "smartdeal", "-w", "tiny_sd", "--file", "elsewhere"]) == 2
    assert "elsewhere" in capsys.readouterr().err


def test_a_machine_for_training_refuses_inference(capsys):
    assert main(["ablate", "training_accelerator", "-w", "tiny_sd"]) == 2
    assert "a machine for training" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(names(ABLATIONS)))
def test_each_group_of_a_shipped_file_has_the_machine_itself_in_it(name):
    groups = {}
    for variant in load_sets(find(ABLATIONS, name), Ablations)[1]:
        groups.setdefault(variant.group, []).append(variant.on(load_arch(name).resolved))
    for title, changes in groups.items():
        assert () in changes or title == "all together"
        assert len(set(changes)) == len(changes), title
