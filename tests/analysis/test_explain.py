"""Every difference is split into parts that add up, and each part is what its name says."""

import json

import pytest
from made_results import edited
from slow_cases import slow_where

from archsim.analysis.explain import explain
from archsim.analysis.identity import cycle_parts, energy_parts, work_of
from archsim.analysis.variants import variant_of
from archsim.arch.arch import load_arch
from archsim.arch.change_files import SWITCHES, switches_of
from archsim.cli.main import main
from archsim.formats.search import find, names
from archsim.results.result import Result
from archsim.results.store import Stored, save
from archsim.runs.pool import Job, run_jobs
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload

TINY = find("workloads", "tiny_sd")
MACHINES = [name for name in names("archs") if load_arch(name).task == "inference"]
PAIRS = [(a, b) for a in MACHINES for b in MACHINES if a < b]
KNOWN = {}
ENOUGH = 0.02  # what may stay unexplained; nothing should


def run(variants):
    """Results of variants; pairs have many in common, which run once."""
    new = {variant_key(variant): variant for variant in variants}
    new = {key: variant for key, variant in new.items() if key not in KNOWN}
    jobs = [Job(TINY, variant.path, variant.changes) for variant in new.values()]
    answers = run_jobs(jobs, 1, None, lambda *_: None)
    assert all(isinstance(answer, Result) for answer in answers), answers
    KNOWN.update(zip(new, answers, strict=True))
    return [KNOWN[variant_key(variant)] for variant in variants]


def variant_key(variant):
    changes = [(change.key, change.value) for change in variant.changes]
    return variant.path.read_bytes(), repr(changes)


def single(name, *overrides):
    return simulate(load_arch(name, list(overrides)), load_workload("tiny_sd"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scratch").mkdir()
    return tmp_path


LONG = {"bit_pragmatic", "cambricon_x"}


def explained(a, b, folder):
    return explain(*(variant_of(text, folder / "scratch") for text in (a, b)), run)


@pytest.mark.parametrize(("a", "b"), slow_where(lambda pair: bool(LONG & {*pair}), PAIRS))
def test_parts_of_two_machines_add_up(a, b, folder):
    found = explained(a, b, folder)
    one, two = single(a), single(b)
    assert (found.a.cycles, found.b.cycles) == (one.cycles, two.cycles)
    cycles = sum(part.cycles for part in found.parts)
    energy = sum(part.energy_pj for part in found.parts)
    assert cycles == pytest.approx(two.cycles - one.cycles, abs=1e-6 * one.cycles)
    assert energy == pytest.approx(two.energy_pj - one.energy_pj, abs=1e-6 * one.energy_pj)
    assert abs(found.unexplained[0]) <= ENOUGH * abs(two.cycles - one.cycles)
    assert abs(found.unexplained[1]) <= ENOUGH * abs(two.energy_pj - one.energy_pj)
    assert found.left_out == ()


def test_a_switch_is_worth_what_it_changes_on_either_machine(folder):
    found = explained("diannao", "smartdeal", folder)
    wide = ["dram.bytes_per_cycle=1099511627776", "dma.bytes_per_cycle=1099511627776"]
    worth = []
    for name in ("diannao", "smartdeal"):
        before = single(name, "dram.latency_cycles=0")
        worth.append(single(name, "dram.latency_cycles=0", *wide).cycles - before.cycles)
    part = next(part for part in found.parts if part.name == "dram_bandwidth")
    assert part.kind == "switch"
    assert (part.of_a[0], part.of_b[0]) == tuple(worth)
    assert part.cycles == worth[0] - worth[1]
    assert worth[1] < 0


def test_keys_of_one_machine_are_changed_one_at_a_time_in_the_order_of_the_file(folder):
    other = "smartdeal@mac_array.serial=bits,energy=units/interstellar,index_selector.skip=none"
    found = explained("smartdeal", other, folder)
    assert [part.name for part in found.parts] == [
        "energy", "index_selector.skip", "mac_array.serial",
    ]  # fmt: skip
    steps = [
        single("smartdeal"),
        single("smartdeal", "energy=units/interstellar"),
        single("smartdeal", "energy=units/interstellar", "index_selector.skip=none"),
        single("smartdeal", *other.partition("@")[2].split(",")),
    ]
    for part, before, after in zip(found.parts, steps, steps[1:], strict=False):
        assert part.cycles == after.cycles - before.cycles
        assert part.energy_pj == pytest.approx(after.energy_pj - before.energy_pj)


def test_keys_that_are_legal_only_in_another_order_or_together_are_found(folder):
    found = explained("smartdeal", "smartdeal@pe_slices.slices=2,pe_slices.streams=2", folder)
    assert [part.name for part in found.parts] == ["pe_slices.streams", "pe_slices.slices"]
    found = explained("smartdeal@pe_slices.slices=6,pe_slices.streams=6",
                      "smartdeal@pe_slices.slices=4,pe_slices.streams=4", folder)  # fmt: skip
    assert [part.name for part in found.parts] == ["pe_slices.slices + pe_slices.streams"]
    assert found.unexplained == (0, pytest.approx(0, abs=1e-3))


def test_settings_that_two_machines_share_are_made_equal_first(folder):
    found = explained("diannao@dram.bytes_per_cycle=8,barrier=layer", "smartdeal", folder)
    assert [part.name for part in found.parts if part.kind == "setting"] == [
        "barrier", "dram.bytes_per_cycle",
    ]  # fmt: skip
    assert abs(found.unexplained[0]) < 1e-3


WIDE = "activation_bits=16,weight_bits=16"
HEADS = [
    # Keys of a machine's head that energy or cycles follow from, alone or with others.
    ("diannao", f"diannao@{WIDE}", ["activation_bits + weight_bits"]),
    ("smartdeal", "smartdeal@activation_bits=16", ["activation_bits"]),
    # gate_ratio has prices at 8 bits alone: neither key can be changed before the other.
    (f"scnn@{WIDE}", "scnn@energy=units/gate_ratio", ["energy + activation_bits + weight_bits"]),
    ("systolic@energy=units/cacti_28nm", "systolic@energy=units/cacti_28nm,clock_mhz=10",
     ["clock_mhz"]),
    ("scnn@dram.preset=hbm2", "scnn@dram.preset=hbm2,clock_mhz=200", ["clock_mhz", "dram"]),
    # Of two machines.
    ("scnn", f"smartdeal@{WIDE}", ["activation_bits + weight_bits"]),
    ("scnn@dram.preset=hbm2", "diannao@dram.preset=ddr4_2400,clock_mhz=200", ["clock_mhz", "dram"]),
    ("diannao@energy=units/cacti_28nm", "systolic@energy=units/cacti_28nm,clock_mhz=10",
     ["clock_mhz"]),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "names"), HEADS)
def test_keys_of_the_head_are_parts_and_leave_nothing_unexplained(a, b, names, folder):
    found = explained(a, b, folder)
    settings = [part.name for part in found.parts if part.kind == "setting"]
    assert [name.split(".")[0] for name in settings] == names
    worth = [abs(part.cycles) + abs(part.energy_pj) for part in found.parts if part.name in names]
    assert any(worth)
    assert abs(found.unexplained[0]) < 1e-3
    assert abs(found.unexplained[1]) < 1e-6 * found.a.energy_pj


def test_files_of_results_with_presets_at_two_clocks_are_explained(folder):
    """A result's machine has bandwidth and preset beside each other, so that no key changes
    alone."""
    files = []
    for clock in (1000, 200):
        result = single("diannao", "dram.preset=hbm2", f"clock_mhz={clock}")
        files.append(str(save(folder, Stored("tiny_sd", f"{clock}", result))))
    found = explained(*files, folder)
    assert found.unexplained == (0, pytest.approx(0, abs=1e-3))
    assert found.parts[0].name.startswith("clock_mhz")


def test_widths_that_a_rule_does_not_know_are_left_to_the_accounts(folder, monkeypatch):
    monkeypatch.setattr("archsim.machines.systolic.WIDTHS", (8,))
    found = explained("systolic", f"diannao@{WIDE}", folder)
    assert all("bits" not in part.name for part in found.parts if part.kind == "setting")
    assert found.unexplained == (pytest.approx(0, abs=1e-3), pytest.approx(0, abs=1))


def test_equal_variants_have_no_parts(folder):
    assert explained("scnn", "scnn", folder).parts == ()


@pytest.mark.parametrize("name", MACHINES)
def test_the_account_of_a_run_is_its_length(name):
    result = single(name)
    work = work_of(result)
    assert work.busy + sum(work.lost.values()) + work.idle == result.cycles * work.instances
    other = single("diannao")
    assert sum(cycle_parts(other, result).values()) == pytest.approx(result.cycles - other.cycles)
    assert sum(energy_parts(other, result).values()) == pytest.approx(
        result.energy_pj - other.energy_pj
    )


@pytest.mark.parametrize("name", list(names(SWITCHES)))
def test_every_switch_changes_something_on_its_machine(name):
    machines = MACHINES if name == "common" else [name]
    for switch in switches_of("" if name == "common" else name):
        archs = [load_arch(machine) for machine in machines]
        assert any(switch.on(arch.resolved) for arch in archs), switch.name
        for arch in archs:
            changed = load_arch(arch.path, switch.on(arch.resolved))
            assert changed.hash != arch.hash or not switch.on(arch.resolved)


def one_more_cycle(data):
    data["totals"]["cycles"] += 1


@pytest.mark.slow
def test_results_stand_for_their_machines(folder, capsys):
    result = single("smartdeal", "pe_slices.lines=8")
    path = save(folder, Stored("tiny_sd", "mine", result))
    assert main(["explain", "diannao", str(path), "--json", "-j", "1"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["b"]["cycles"] == result.cycles
    assert abs(data["unexplained"]["cycles"]) < 1e-3
    edited(path, one_more_cycle)
    assert main(["explain", "diannao", str(path), "-j", "1"]) == 2
    assert "run it again" in capsys.readouterr().err


@pytest.mark.slow
def test_the_table_starts_and_ends_with_the_machines(folder, capsys):
    pytest.importorskip("matplotlib")
    assert main(["explain", "diannao", "scnn", "-w", "tiny_sd", "-j", "1"]) == 0
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line.startswith(("DianNao ", "SCNN "))]
    assert len(lines) == 2
    assert f"{single('scnn').cycles:,}" in lines[1]
    figures = sorted(path.name for path in (folder / "results").iterdir())
    assert figures == ["explain_diannao_scnn_tiny_sd.png", "explain_diannao_scnn_tiny_sd.svg"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["diannao", "nothing", "-w", "tiny_sd"], "nothing"),
        (["diannao", "scnn"], "--workload"),
        (["diannao", "scnn@pe_array.rows=x", "-w", "tiny_sd"], "pe_array.rows"),
        (["diannao", "scnn@", "-w", "tiny_sd"], "key=value"),
        (["diannao", "missing.json", "-w", "tiny_sd"], "missing.json"),
        (["diannao", "scnn", "-w", "nothing"], "nothing"),
    ],
)
def test_bad_input_has_status_2_and_no_traceback(arguments, said, capsys):
    assert main(["explain", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
