"""Runs on a memory with rows: time near its peak, energy as activations, bytes and time.

Oracles: the peak that is sold and the share of refreshes; sums over what the preset's own file
says, read here as plain YAML; results without a preset, which know nothing of rows.
"""

import csv
import json

import pytest
import yaml
from slow_cases import slow_but_every
from tiny_networks import conv, linear, network, post, run

import archsim
from archsim.analysis.compare import as_csv, compared, records
from archsim.analysis.explain import explain
from archsim.analysis.figures import comparison
from archsim.analysis.likeness import unlike
from archsim.analysis.variants import variant_of
from archsim.arch.arch import load_arch
from archsim.cli.main import main
from archsim.formats.errors import InputError
from archsim.formats.search import find
from archsim.results.energy_parts import memory_parts
from archsim.results.result import Result
from archsim.results.store import Stored, summary_row, write_summary

PRESETS = ("ddr4_2400", "hbm2", "lpddr4_3200")
FOLDER = find("archs", "diannao").parent / "units" / "dram"
PARTS = ("access", "activation", "background", "refresh")
FLAT = {"class", "bytes_per_cycle", "arbitration", "latency_cycles"}
LAYERS = [
    conv("a", [], (8, 70), (12, 14), padding=[1, 1], stride=[2, 2]),
    post("pool", "pool", ["a"], kind="max", kernel=[2, 2]),
    conv("b", ["pool"], (70, 9), (5, 6), kernel=(1, 1)),
    linear("head", ["b"], (270, 40)),
]
WIDE = ["dma.bytes_per_cycle=4096", "nbin.bytes_per_cycle=4096"]
SHAPES = (
    "format: archsim-workload/1\nname: stream\nsource: {made_by: a test}\nlayers:\n"
    "  - {name: a, op: linear, inputs: [], in_channels: 1024, out_channels: 16384}\n"
)


def memory_of(preset):
    return yaml.safe_load((FOLDER / f"{preset}.yaml").read_text())["memory"]


def problem(*changes, machine="smartdeal"):
    with pytest.raises(InputError) as error:
        load_arch(machine, list(changes))
    return [str(each) for each in error.value.problems]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("clock", [1000, 606])
def test_a_long_stream_of_weights_runs_near_the_peak(tmp_path, preset, clock):
    path = tmp_path / "stream.yaml"
    path.write_text(SHAPES)
    result = run(
        "diannao",
        archsim.load_workload(path),
        [f"dram.preset={preset}", f"clock_mhz={clock}", *WIDE],
    )
    keys = memory_of(preset)
    peak = keys["channels"] * keys["channel_gbytes_per_s"]
    most = peak * (1 - keys["trfc_ns"] / keys["trefi_ns"])
    ns = result.cycles * 1e3 / clock
    assert 0.9 * peak <= result.dram_bytes / ns <= most * (1 + 1e-9)
    # The bus is busy in all but the first latency and the last bytes on their way.
    assert result.totals()["busy"]["dram"] >= 0.97 * result.cycles


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("machine", ["diannao", "scnn", "smartdeal"])
def test_energy_is_rows_bytes_and_time(tmp_path, preset, machine):
    result = run(machine, network(tmp_path, *LAYERS, batch=2), [f"dram.preset={preset}"])
    keys, counts = memory_of(preset), result.totals()["actions"]["dram"]
    ns = result.milliseconds * 1e6
    expected = {
        "access": counts["read"] * (keys["read_pj_per_byte"] + keys["read_io_pj_per_byte"])
        + counts["write"] * (keys["write_pj_per_byte"] + keys["write_io_pj_per_byte"]),
        "activation": counts["activate"] * keys["activate_pj"],
        "background": keys["channels"] * keys["background_mw"] * ns,
        "refresh": keys["channels"] * keys["refresh_pj"] * ns / keys["trefi_ns"],
    }
    assert memory_parts(result) == {"dram": pytest.approx(expected)}
    assert result.energy_by["dram"] == pytest.approx(sum(expected.values()))
    assert counts["read"] + counts["write"] == result.dram_bytes


def test_activations_of_a_layer_are_those_of_its_flows(tmp_path):
    """By hand, DDR4: a row of a stretch is 8 channels of 14 bytes, two accesses; inputs of every
    row lie together. 70 filters are two groups, each in 6 rows of 7 bytes a channel."""
    layer = conv("a", [], (8, 70), (12, 14), padding=[1, 1], stride=[2, 2])
    result = run("diannao", network(tmp_path, layer), ["dram.preset=ddr4_2400"])
    reads = {1: 12 * 14 * 8, 2: 70 * 8 * 9}
    opened = 0
    for runs, nbytes in [*reads.items(), (12, 70 * 6 * 7)]:
        accesses = runs * -(-nbytes // (64 * runs))
        opened += runs + -(-(accesses - runs) * 64 // 8192)
    assert result.layers[0].actions["dram"]["activate"] == opened


def test_the_clock_says_how_many_cycles_a_nanosecond_is(tmp_path):
    workload = network(tmp_path, *LAYERS)
    arch = load_arch("diannao", ["dram.preset=ddr4_2400", "clock_mhz=500"])
    assert arch.components["dram"].bytes_per_cycle == pytest.approx(38.4)
    assert arch.components["dram"].latency == 15  # 28.32 ns
    slow, fast = (
        run("diannao", workload, ["dram.preset=ddr4_2400", f"clock_mhz={mhz}"])
        for mhz in (500, 1000)
    )
    shares = [each.energy_by["dram"] / each.milliseconds for each in (slow, fast)]
    assert (
        slow.totals()["actions"]["dram"]["activate"] == fast.totals()["actions"]["dram"]["activate"]
    )
    assert memory_parts(slow)["dram"]["background"] == pytest.approx(
        memory_parts(fast)["dram"]["background"] * slow.milliseconds / fast.milliseconds
    )
    assert shares[0] < shares[1]


def test_without_a_preset_there_are_no_rows(tmp_path):
    result = run("smartdeal", network(tmp_path, *LAYERS))
    assert {*result.arch_resolved["components"]["dram"]} == FLAT
    assert {*result.totals()["actions"]["dram"]} == {"read", "write"}
    assert memory_parts(result) == {}
    assert "memory_pj" not in " ".join(summary_row(Stored("net", "smartdeal", result)))


def test_keys_beside_a_preset_win_and_a_change_of_preset_begins_anew(tmp_path):
    own = tmp_path / "own.yaml"
    text = find("archs", "diannao").read_text()
    flat = "{class: Dram, bytes_per_cycle: 64, latency_cycles: 50}"
    own.write_text(
        text.replace(flat, "{class: Dram, preset: ddr4_2400, channels: 2, trfc_ns: 260}")
    )
    rows = load_arch(own).components["dram"].rows
    assert (rows.channels, rows.trfc_ns, rows.row_bytes) == (2, 260, 8192)
    assert load_arch(own).components["dram"].bytes_per_cycle == 38.4
    rows = load_arch(own, ["dram.preset=hbm2", "dram.trfc_ns=350"]).components["dram"].rows
    assert (rows.channels, rows.trfc_ns, rows.row_bytes) == (16, 350, 1024)
    flat = load_arch(own, ["dram.preset=null", "dram.bytes_per_cycle=32"]).components["dram"]
    assert (flat.rows, flat.bytes_per_cycle, flat.latency) == (None, 32, 0)


def test_a_preset_of_ones_own_is_found_by_its_path(tmp_path, monkeypatch):
    text = (FOLDER / "ddr4_2400.yaml").read_text().replace("channels: 1 ", "channels: 3 ")
    (tmp_path / "fast.yaml").write_text(text.replace("channels: 1\n", "channels: 3\n"))
    monkeypatch.chdir(tmp_path)
    arch = load_arch("diannao", ["dram.preset=fast.yaml"])
    assert arch.components["dram"].rows.channels == 3
    # A result of it runs again where that file is gone: it holds every key.
    (tmp_path / "fast.yaml").unlink()
    (tmp_path / "again").mkdir()
    again = tmp_path / "again" / "diannao.yaml"
    again.write_text(json.dumps(arch.resolved))
    assert load_arch(again).hash == arch.hash


REFUSED = {
    ("dram.preset=ddr4_2400", "dram.bytes_per_cycle=64"): "64 contradicts the preset 'ddr4_2400', "
    "which gives 19.2 at 1000 MHz; leave it out, or set channels or channel_gbytes_per_s",
    ("dram.preset=hbm2", "dram.latency_cycles=3"): "3 contradicts the preset 'hbm2', which gives "
    "30 at 1000 MHz; leave it out, or set trcd_ns or tcl_ns",
    ("dram.preset=lpddr_3200",): "there is no DRAM preset 'lpddr_3200'; did you mean "
    "'lpddr4_3200'? legal: ddr4_2400, hbm2, lpddr4_3200",
    ("dram.preset=none/here.yaml",): "there is no DRAM preset 'none/here.yaml'",
    ("dram.preset=3",): "dram.preset: must be text, not 3",
    ("dram.banks=8",): "banks describes a memory with rows; name its preset too",
    ("dram.preset=hbm2", "dram.trfc_ns=3900"): "a refresh of 3900 ns every 3900 ns leaves no time "
    "for data; trfc_ns must be below trefi_ns",
    ("dram.preset=hbm2", "dram.row_bytes=16"): "a row of 16 bytes is less than an access of 32",
    ("dram.preset=hbm2", "dram.banks=0"): "dram.banks: must be at least 1, not 0",
    ("dram.preset=hbm2", "dram.bank=8"): "there is no key 'bank'; did you mean 'banks'?",
}


@pytest.mark.parametrize("changes", REFUSED, ids=" ".join)
def test_what_cannot_be_is_refused(changes):
    (said,) = problem(*changes)
    assert REFUSED[changes] in said


def test_a_file_with_a_preset_and_a_bandwidth_is_refused(tmp_path):
    own = tmp_path / "own.yaml"
    text = find("archs", "diannao").read_text()
    own.write_text(text.replace("class: Dram, ", "class: Dram, preset: hbm2, "))
    said = problem(machine=own)
    assert len(said) == 2
    assert "own.yaml:18:" in said[0]
    assert "bytes_per_cycle: 64 contradicts" in said[0]
    assert "latency_cycles: 50 contradicts" in said[1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  banks: 16", "  bank: 16", "memory: there is no key 'bank'; did you mean 'banks'?"),
        ("  trcd_ns: 12\n", "", "a preset gives every key; missing: trcd_ns"),
        ("  tras_ns: 28", "  tras_ns: -28", "memory.tras_ns: must be more than 0, not -28"),
        ("archsim-dram/1", "archsim-dram/2", "'archsim-dram/2' is not legal here"),
    ],
)
def test_a_preset_with_a_fault_is_told_at_its_place(tmp_path, old, new, said):
    text = (FOLDER / "hbm2.yaml").read_text()
    assert text.count(old) == 1
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace(old, new))
    found = problem(f"dram.preset={wrong}")
    assert any(said in each and "wrong.yaml:" in each for each in found)


def test_the_command_line_refuses_with_status_2(capsys):
    words = ["run", "-w", "tiny_sd", "-a", "smartdeal", "--set", "components.dram.preset=ddr5"]
    assert main(words) == 2
    assert "there is no DRAM preset 'ddr5'" in capsys.readouterr().err


def test_parts_stand_in_tables_and_figures(tmp_path):
    workload = network(tmp_path, *LAYERS)
    stored = [
        Stored("net", "diannao", run("diannao", workload, ["dram.preset=hbm2"])),
        Stored("net", "scnn", run("scnn", workload)),
    ]
    with write_summary(tmp_path, stored).open() as file:
        first, second = csv.DictReader(file)
    parts = [float(first[f"memory_pj.dram.{part}"]) for part in PARTS]
    assert sum(parts) == pytest.approx(float(first["energy_pj.dram"]))
    assert second["memory_pj.dram.access"] == ""
    found = compared(stored, ["diannao", "scnn"], "diannao")
    assert [*records(found)[0]["memory_pj"]["dram"]] == [*PARTS]
    assert "memory_pj" not in records(found)[1]
    row = next(csv.DictReader(as_csv(found).decode().splitlines()))
    assert [float(row[f"memory_pj.dram.{part}"]) for part in PARTS] == pytest.approx(parts)
    for by_role, name in ((False, "dram"), (True, "DRAM")):
        stack = comparison.energy_stack(found, by_role=by_role)
        for row in found.rows.values():
            amounts = stack.amounts(row.result)
            assert sum(amounts.values()) == pytest.approx(row.result.energy_pj)
            assert {*amounts} <= {*stack.colours(amounts)}
        assert {f"{name} {part}" for part in PARTS} <= {*stack.amounts(stored[0].result)}


def test_results_with_and_without_rows_are_not_held_against_each_other(tmp_path):
    workload = network(tmp_path, *LAYERS)
    flat, rows = run("diannao", workload), run("scnn", workload, ["dram.preset=hbm2"])
    assert any(each.startswith("dram.preset = hbm2, not null") for each in unlike(rows, flat))
    assert Result.from_dict(json.loads(json.dumps(rows.to_dict()))).to_dict() == rows.to_dict()


PAIRS = [
    ("diannao", "diannao@dram.preset=hbm2"),
    ("diannao@dram.preset=hbm2", "diannao"),
    ("diannao@dram.preset=hbm2,dram.channels=4", "diannao@dram.preset=ddr4_2400"),
    ("diannao@dram.preset=hbm2", "diannao@dram.preset=hbm2,dram.channels=2,dram.trfc_ns=300"),
    ("diannao", "scnn@dram.preset=ddr4_2400"),
    ("diannao@dram.preset=hbm2", "scnn"),
]


@pytest.mark.parametrize(("one", "other"), slow_but_every(3, PAIRS))
def test_a_preset_is_explained_as_one_setting_and_nothing_is_left_over(tmp_path, one, other):
    workload = network(tmp_path, *LAYERS)
    found = explain(
        *(variant_of(name, tmp_path) for name in (one, other)),
        lambda variants: [archsim.simulate(each.arch(), workload) for each in variants],
    )
    assert found.unexplained == pytest.approx((0, 0), abs=1e-3)
    settings = [part.title for part in found.parts if part.kind == "setting"]
    assert len(settings) == 1
    assert settings[0].startswith(("dram.preset = ", "dram.channels = 2, dram.trfc_ns = 300"))
