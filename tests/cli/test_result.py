"""Counts, and the ratios that follow from them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_results import result, stored

from archsim.analysis.normalise import normalise
from archsim.formats.errors import InputError
from archsim.results.result import LayerResult, Result
from archsim.results.store import read_folder, read_result, save, summary, write_summary


def test_totals_are_the_sums_of_the_layers():
    totals = result("smartdeal").totals()
    assert totals["cycles"] == 250 + 750
    assert totals["macs"] == 8_000_000
    assert totals["energy_pj"] == pytest.approx(50e6)
    assert totals["energy_by"]["mac_array"] == pytest.approx(12e6)
    assert totals["dram_bytes_by"] == {
        "input": 25_000 + 75_000,
        "weight": 15_000 + 45_000,
        "index": 2_000 + 8_000,
        "output": 8_000 + 22_000,
    }
    assert totals["lost"] == {"dram": {"wait_input": 62 + 187}}


def test_rates_follow_from_counts():
    one = result("smartdeal")  # 1000 cycles at 1000 MHz = 1 us; 16 M operations; 50 uJ
    assert one.milliseconds == pytest.approx(1e-3)
    assert one.millijoules == pytest.approx(0.05)
    assert one.gops == pytest.approx(16_000)
    assert one.gops_per_watt == pytest.approx(16e6 / 50e-6 / 1e9)


def test_a_result_survives_its_file(tmp_path):
    path = save(tmp_path, stored("smartdeal", scenario="lanes"))
    assert path == tmp_path / "tiny@lanes" / "smartdeal.json"
    assert read_result(path) == result("smartdeal")
    assert path.read_bytes() == save(tmp_path, stored("smartdeal", scenario="lanes")).read_bytes()


def test_the_file_has_the_documented_keys():
    data = result("diannao").to_dict()
    assert list(data) == [
        "archsim",
        "model",
        "arch",
        "arch_hash",
        "workload",
        "workload_hash",
        "inputs_hash",
        "mode",
        "batch",
        "settings",
        "clock_mhz",
        "notes",
        "totals",
        "layers",
        "arch_resolved",
        "kinds",
        "changed",
        "prices",
    ]
    assert list(data["layers"][0]) == [
        "name",
        "op",
        "phase",
        "fused_into",
        "macs",
        "macs_done",
        "cycles",
        "compute_cycles",
        "energy_pj",
        "energy_by",
        "dram_bytes",
        "dram_bytes_by",
        "sram_bytes",
        "actions",
        "busy",
        "lost",
    ]


def test_numpy_counts_are_written_as_plain_numbers():
    values = {name: {} for name in ("energy_by", "dram_bytes_by", "actions", "busy", "lost")}
    one = LayerResult(
        name="a",
        op="conv",
        phase="ff",
        macs=np.int64(7),
        macs_done=np.uint8(3),
        cycles=np.int32(2),
        compute_cycles=1,
        energy_pj=np.float64(0.5),
        dram_bytes=0,
        sram_bytes=0,
        **values,
    )
    assert json.loads(json.dumps(one.to_dict()))["macs"] == 7
    assert {type(one.to_dict()[name]) for name in ("macs", "macs_done", "cycles")} == {int}


def test_table_has_a_row_a_layer():
    table = result("smartdeal").table()
    assert list(table["name"]) == ["a", "b"]
    assert list(table["energy_pj.dram"]) == pytest.approx([5e6, 15e6])
    assert table["dram_bytes.index"].sum() == 10_000


def test_normalising_divides_by_the_reference_of_the_same_workload():
    rows = normalise([stored("diannao"), stored("smartdeal"), stored("scnn", "other")], "DIANNAO")
    assert [row.speedup for row in rows] == [1.0, 4.0, None]
    assert rows[1].energy == pytest.approx(0.25)
    assert rows[1].dram == pytest.approx(200 / 600)


def test_machines_of_one_name_are_told_apart():
    both = [stored("smartdeal"), stored("smartdeal")]
    object.__setattr__(both[1], "stem", "wide")
    assert [row.label for row in normalise(both, "diannao")] == [
        "SmartDeal (smartdeal)",
        "SmartDeal (wide)",
    ]


def test_summary_has_a_row_for_every_result_of_the_folder(tmp_path):
    for stem in ("smartdeal", "diannao"):
        save(tmp_path, stored(stem))
    save(tmp_path, stored("smartdeal", "other", "lanes"))
    found, problems = read_folder(tmp_path)
    assert problems == []
    lines = write_summary(tmp_path, found).read_text().splitlines()
    assert lines[0].startswith("workload,scenario,arch,name,batch,layers,set,mode,model,macs,")
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["other", "lanes", "smartdeal", "SmartDeal"],
        ["tiny", "", "diannao", "DianNao"],
        ["tiny", "", "smartdeal", "SmartDeal"],
    ]
    index = summary(found)["dram_bytes.index"]
    assert index.isna().tolist() == [False, True, False]
    assert int(index[2]) == 10_000


@pytest.mark.parametrize("count", [2**53 + 1, 2**63 - 1, 2**63, 2**70])
def test_counts_of_any_size_are_exact_beside_a_gap(count):
    large, small = stored("smartdeal"), stored("diannao")
    layer = large.result.layers[0]
    layers = (replace(layer, dram_bytes_by={**layer.dram_bytes_by, "index": count}),)
    large = replace(large, result=replace(large.result, layers=layers))
    index = summary([large, small])["dram_bytes.index"]
    assert int(index[0]) == count
    assert index.isna()[1]


def test_other_json_files_are_passed_over_and_damaged_ones_named(tmp_path):
    save(tmp_path, stored("diannao"))
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "fig3.json").write_text('{"figure": 3}')
    (tmp_path / "tiny" / "cut.json").write_text('{"archsim": "0.1.0", "arch": ')
    (tmp_path / "tiny" / "short.json").write_text('{"archsim": "0.1.0", "arch": "X"}')
    found, problems = read_folder(tmp_path)
    assert [one.stem for one in found] == ["diannao"]
    assert [problem.place.rpartition("/")[2] for problem in problems] == ["cut.json", "short.json"]
    assert "not valid JSON" in problems[0].message
    assert "not a result of archsim run" in problems[1].message


def test_reading_nothing_is_a_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: cannot be read: No such file"):
        read_result(tmp_path / "none.json")


def test_from_dict_refuses_unknown_fields():
    data = result("diannao").to_dict()
    data["layers"][0]["cylces"] = 1
    with pytest.raises(TypeError):
        Result.from_dict(data)


def test_a_result_that_does_not_say_what_components_are_is_refused(tmp_path):
    """Classes of a user's machine cannot be looked up again, so what they are is not guessed."""
    path = save(tmp_path, stored("diannao"))
    data = json.loads(path.read_text())
    del data["kinds"]
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"diannao\.json: a result of an earlier archsim"):
        read_result(path)
