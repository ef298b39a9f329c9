"""What two results differ in, on results small enough to be compared by head."""

import json
from dataclasses import replace

import pytest
from made_results import edited, result, stored

from archsim.analysis.diff import difference
from archsim.cli.main import main
from archsim.results.store import Stored, save

PLACE = "tiny/diannao"


def with_layer(found, at=0, **changes):
    layers = list(found.layers)
    layers[at] = replace(layers[at], **changes)
    return replace(found, layers=tuple(layers))


def moved(a, b, threshold=0.0):
    found = difference(PLACE, a, b, threshold)
    return {(move.layer, *move.what): (move.a, move.b) for move in found.moves}


def test_equal_results_have_no_difference():
    found = difference(PLACE, result("scnn"), result("scnn"), 0.0)
    assert not found.changed
    assert (found.moves, found.words, found.within, found.inputs) == ((), (), 0, {})


def test_a_number_of_a_layer_and_the_total_that_follows_from_it():
    """`sram_bytes` of layer a is 9000 / 4 = 2250; one more, and the sum is 9001."""
    a = result("scnn")
    assert moved(a, with_layer(a, sram_bytes=2251)) == {
        ("a", "sram_bytes"): (2250, 2251),
        ("", "sram_bytes"): (9000, 9001),
    }


@pytest.mark.parametrize(("threshold", "found"), [(0.0099, {"a"}), (0.0101, set())])
def test_a_component_is_weighed_against_the_energy_of_its_layer(threshold, found):
    """DianNao's layer a takes 50 MpJ, 0.0625 MpJ of it in `post`: 0.5 MpJ more are 8 times as much
    for `post` and 1 % of the layer, 0.5 / 50.5 = 0.0099."""
    a = result("diannao")
    first = a.layers[0]
    energy = {**first.energy_by, "post": first.energy_by["post"] + 0.5e6}
    b = with_layer(a, energy_by=energy, energy_pj=first.energy_pj + 0.5e6)
    assert {layer for layer, *_ in moved(a, b, threshold) if layer} == found
    shares = {move.what: move.share for move in difference(PLACE, a, b, 0).moves if move.layer}
    assert shares["energy_by", "post"] == pytest.approx(0.5 / 50.5)
    assert shares["energy_pj",] == pytest.approx(0.5 / 50.5)


def test_a_flow_is_weighed_against_the_bytes_of_its_layer():
    """Layer b of SCNN: 299 000 bytes, 112 000 of inputs."""
    a = result("scnn")
    flows = a.layers[1].dram_bytes_by
    b = with_layer(a, 1, dram_bytes_by=flows | {"input": flows["input"] + 3000}, dram_bytes=302_000)
    shares = {move.what: move.share for move in difference(PLACE, a, b, 0).moves if move.layer}
    assert shares == {("dram_bytes_by", "input"): 3 / 302, ("dram_bytes",): 3 / 302}


def test_a_cause_is_weighed_against_the_time_of_its_component():
    """Layer a of SmartDeal: 250 cycles; the DRAM is busy for 62 and waits for 62. Of these 6 go to
    another cause: 6 of 124."""
    a = result("smartdeal")
    b = with_layer(a, lost={"dram": {"wait_input": 56, "drain": 6}})
    found = difference(PLACE, a, b, 0.0)
    own = {move.what: move for move in found.moves if move.layer}
    assert own["lost", "dram", "wait_input"].share == 6 / 124
    assert (own["lost", "dram", "drain"].a, own["lost", "dram", "drain"].b) == (0, 6)
    assert not difference(PLACE, a, b, 6 / 124).changed
    assert difference(PLACE, a, b, 6 / 124).within == 4  # two causes, in the layer and in all


def test_layers_that_came_or_went_are_named():
    a = result("scnn")
    b = with_layer(a, 1, name="c")
    found = difference(PLACE, a, b, 1.0)
    assert found.changed
    assert found.words == ("b (inference): only in A", "c (inference): only in B")


def test_two_layers_of_one_name_are_two():
    """As in a network whose author gave a name twice."""
    a = with_layer(result("scnn"), 1, name="a")
    b = with_layer(a, 1, macs=1)
    assert {layer for layer, *_ in moved(a, b)} == {"", "a #2"}


def test_a_layer_of_another_kind_is_said():
    a = result("scnn")
    found = difference(PLACE, a, with_layer(a, op="pool"), 0.0)
    assert found.words == ("a (inference): op conv in A, pool in B",)


def test_versions_hashes_and_keys_are_named_and_are_no_change_by_themselves():
    a = result("scnn")
    parts = {**a.arch_resolved["components"], "dram": {"class": "Dram", "bytes_per_cycle": 32}}
    resolved = {**a.arch_resolved, "components": parts}
    b = replace(a, model=a.model + 1, arch_hash="other", arch_resolved=resolved)
    found = difference(PLACE, a, b, 0.0)
    assert not found.changed
    assert found.inputs == {
        "model": (a.model, a.model + 1),
        "arch_hash": ("a1", "other"),
        "arch_resolved.components.dram.bytes_per_cycle": (None, 32),
    }


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two folders of the same results of three machines."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        for stem in ("diannao", "scnn", "smartdeal"):
            save(tmp_path / name, stored(stem))
    return tmp_path


def asked(capsys, *arguments):
    status = main(["diff", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_folders_of_equal_results_end_with_0(folders, capsys):
    status, out, _ = asked(capsys, "a", "b")
    assert status == 0
    assert out == "".join(f"tiny/{stem}: identical\n" for stem in ("diannao", "scnn", "smartdeal"))
    assert asked(capsys, "a/tiny/scnn.json", "b/tiny/scnn.json")[0] == 0


def test_a_change_ends_with_1_and_a_smaller_one_than_the_threshold_with_0(folders, capsys):
    """`macs_done` of layer a: 1 000 000 to 1 005 000, 5 in 1005; of the run 5 in 4005."""
    changed = with_layer(result("scnn"), macs_done=1_005_000)
    save(folders / "b", Stored("tiny", "scnn", changed))
    status, out, _ = asked(capsys, "a", "b")
    assert status == 1
    assert "a (inference)" in out
    assert "+5,000" in out
    assert "tiny/diannao: identical" in out
    assert asked(capsys, "a", "b", "--threshold", "0.4%")[0] == 1
    status, out, _ = asked(capsys, "a", "b", "--threshold", "0.5%")
    assert status == 0
    assert "2 numbers moved by no more than the threshold" in out
    assert asked(capsys, "a", "b", "--threshold", "0.005")[0] == 0
    assert asked(capsys, "a", "b", "-q") == (1, "", "")


def test_a_result_on_one_side_alone_is_a_change(folders, capsys):
    (folders / "b" / "tiny" / "scnn.json").unlink()
    status, out, _ = asked(capsys, "a", "b")
    assert (status, "tiny/scnn: only in A\n" in out) == (1, True)
    status, out, _ = asked(capsys, "b", "a")
    assert (status, "tiny/scnn: only in B\n" in out) == (1, True)


def test_json_has_all_of_it(folders, capsys):
    changed = replace(with_layer(result("scnn"), macs_done=1_005_000), notes=("other",))
    save(folders / "b", Stored("tiny", "scnn", changed))
    status, out, _ = asked(capsys, "a", "b", "--json")
    found = json.loads(out)
    assert status == 1
    assert (found["changed"], found["threshold"]) == (True, 0)
    (one,) = (each for each in found["results"] if each["changed"])
    assert one["place"] == "tiny/scnn"
    assert one["inputs"] == {"notes": {"a": ["weights: SYNTHETIC"], "b": ["other"]}}
    totals, layer = one["changes"]
    assert (totals["layer"], layer["layer"]) == ("", "a")
    assert layer == {
        "layer": "a", "phase": "inference", "what": ["macs_done"], "a": 1_000_000, "b": 1_005_000,
        "share": 5 / 1005, "of_run": 5 / 4005,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a", "nowhere"], "nowhere"),
        (["a", "b/tiny/scnn.json"], "a: is a folder, and b/tiny/scnn.json is not"),
        (["a", "b", "--threshold", "much"], "--threshold: 'much' is no share; write 1% or 0.01"),
        (["a", "b", "--threshold", "-1%"], "--threshold: '-1%' is no share"),
        (["a", "b", "--threshold", "nan"], "--threshold: 'nan' is no share"),
        (["a", "b", "--threshold", "%"], "--threshold: '%' is no share"),
        (["a", "empty"], "empty: holds no results"),
        (["a/tiny/scnn.json", "words.json"], "words.json: not valid JSON"),
    ],
)
def test_bad_input_ends_with_2(folders, capsys, arguments, said):
    (folders / "empty").mkdir()
    (folders / "words.json").write_text("words")
    status, _, err = asked(capsys, *arguments)
    assert status == 2
    assert said in err


def test_a_result_that_was_edited_is_refused(folders, capsys):
    edited(folders / "b" / "tiny" / "scnn.json", lambda data: data.update(batch=3), seal=False)
    status, _, err = asked(capsys, "a", "b")
    assert status == 2
    assert "scnn.json" in err
