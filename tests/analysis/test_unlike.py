"""Runs are held against a reference run that is like them, or against none, and then it is said.

Oracle: a ratio is that of two runs which differ in nothing but the machine, made here one by one.
"""

import csv
from dataclasses import replace

import pytest

from archsim.analysis.compare import by_case, compared
from archsim.analysis.figures import bars, comparison
from archsim.analysis.likeness import unlike
from archsim.analysis.normalise import normalise
from archsim.arch.arch import load_arch
from archsim.cli.figures import compared_figures
from archsim.results.result import Result
from archsim.results.settings import file_stem
from archsim.results.store import Stored, save, summary_row, write_summary
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload

HEAD = "format: archsim-workload/1\nname: net\nsource: {made_by: a test}\nlayers:\n"
LAYERS = [
    "{name: a, op: conv, inputs: [], in_channels: 16, out_channels: 64, in_size: [16, 16], "
    "kernel: [3, 3], padding: [1, 1]}",
    "{name: b, op: conv, inputs: [a], in_channels: 64, out_channels: 32, in_size: [16, 16], "
    "kernel: [1, 1]}",
]
PAIR = ("diannao", "systolic")
FIGURES = ("speedup", "energy", "dram")


def network(folder, layers=LAYERS, name="net"):
    path = folder / f"{name}.yaml"
    path.write_text(HEAD + "".join(f"  - {layer}\n" for layer in layers))
    return load_workload(path)


def ran(machine, workload, *changes, scenario=""):
    """A result under the name that `archsim run` would give it."""
    result = simulate(load_arch(machine, list(changes)), workload)
    group = f"{workload.name}@{scenario}" if scenario else workload.name
    return Stored(group, file_stem(machine, result.settings), result)


UNLIKE = {
    "batch": (lambda net: ran("systolic", net.of_batch(8)), "batch 8, not 1"),
    "layers": (lambda net: ran("systolic", net.of_layers("b")), "layers b, not all"),
    "dram": (
        lambda net: ran("systolic", net, "dram.bytes_per_cycle=8"),
        "dram.bytes_per_cycle = 8, not 64",
    ),
    "dma": (
        lambda net: ran("systolic", net, "dma.bytes_per_cycle=8"),
        "dma.bytes_per_cycle = 8, not 64",
    ),
    "post": (
        lambda net: ran("systolic", net, "PostProcessor.elements_per_cycle=1"),
        "post.elements_per_cycle = 1, not 64",
    ),
    "clock": (lambda net: ran("systolic", net, "clock_mhz=500"), "clock_mhz = 500, not 1000"),
    "barrier": (lambda net: ran("systolic", net, "barrier=layer"), "barrier = layer, not input"),
    "prices": (
        lambda net: ran("systolic", net, "energy=units/interstellar"),
        "prices: another for SRAM",
    ),
}


@pytest.fixture
def net(tmp_path):
    return network(tmp_path)


@pytest.mark.parametrize("what", UNLIKE)
def test_a_run_that_differs_in_more_than_the_machine_has_no_reference(what, net, tmp_path):
    make, said = UNLIKE[what]
    both = [ran("diannao", net), make(net)]
    rows = normalise(both, "diannao")
    assert rows[0].speedup == 1.0
    assert (rows[1].speedup, rows[1].energy, rows[1].dram) == (None, None, None)
    assert rows[1].unlike == f"{said}, as net/diannao has"
    found = compared(both, [each.stem for each in both], "diannao")
    shown = compared_figures(found, "diannao", tmp_path, 3.5)
    assert shown.notes == [f"not in the figures: net/{both[1].stem}: {said}, as net/diannao has"]
    assert by_case(found, "diannao").stems == ("diannao",)


@pytest.mark.parametrize("what", UNLIKE)
def test_beside_a_reference_that_is_like_it_it_has_the_ratio_of_the_two(what, net):
    """Both machines with the same settings, in one folder with both machines as they are."""
    make, _ = UNLIKE[what]
    other = make(net)
    key = other.stem.partition("@")[2]
    lines = [] if what in {"batch", "layers"} else [key.replace("%2F", "/")]
    workload = {"batch": net.of_batch(8), "layers": net.of_layers("b")}.get(what, net)
    base = ran("diannao", workload, *lines)
    plain = [ran(name, net) for name in PAIR]
    rows = {row.stored.stem: row for row in normalise([*plain, base, other], "diannao")}
    assert len(rows) == 4
    ratios = {
        other.stem: base.result.milliseconds / other.result.milliseconds,
        "systolic": plain[0].result.milliseconds / plain[1].result.milliseconds,
    }
    for stem, ratio in ratios.items():
        assert rows[stem].speedup == pytest.approx(ratio)
    assert rows[other.stem].partner.stem == base.stem
    assert rows[other.stem].energy == pytest.approx(other.result.energy_pj / base.result.energy_pj)


def drawn(found, what, means=False):
    """The names and heights of a figure's bars by workload, as drawn."""
    rows = bars.panels(comparison.shown(found, means=means), 7.16)
    return {
        (group, found.title(stem)): comparison._height(found, what, (group, stem))
        for row in rows for group, stem in row.bars
    }  # fmt: skip


def test_batches_layers_and_overrides_stand_apart_in_every_figure(net, tmp_path):
    pytest.importorskip("matplotlib")
    cases = {
        "net": ([], net),
        "net batch=8": ([], net.of_batch(8)),
        "net layers=b": ([], net.of_layers("b")),
        "net dram.bytes_per_cycle=8": (["dram.bytes_per_cycle=8"], net),
        "net energy=units/interstellar": (["energy=units/interstellar"], net),
    }
    runs = {
        (title, name): ran(name, workload, *lines)
        for title, (lines, workload) in cases.items() for name in PAIR
    }  # fmt: skip
    names = {name: load_arch(name).name for name in PAIR}
    stored = [*runs.values(), ran("systolic", net.of_batch(3))]
    found = compared(stored, [each.stem for each in stored], "diannao")
    shown = by_case(found, "diannao")
    assert {*shown.groups} == {*cases}
    for what in FIGURES:
        heights = drawn(shown, what)
        assert {*heights} == {(title, names[name]) for title, name in runs}
        for title in cases:
            base, own = (runs[title, name].result for name in PAIR)
            ratio = {
                "speedup": base.milliseconds / own.milliseconds,
                "energy": own.energy_pj / base.energy_pj,
                "dram": own.dram_bytes / base.dram_bytes,
            }
            assert heights[title, names["systolic"]] == pytest.approx(ratio[what])
    made = compared_figures(found, "diannao", tmp_path / "out", 7.16)
    assert len(made.paths) == 6
    assert made.notes == [
        "not in the figures: net/systolic@batch=3: batch 3, not 1, as net/diannao has"
    ]


def test_two_states_of_a_workload_are_not_paired(tmp_path):
    first = ran("diannao", network(tmp_path))
    second = ran("systolic", network(tmp_path, [LAYERS[0].replace("64", "65")]))
    assert first.result.workload == second.result.workload
    row = normalise([first, second], "diannao")[1]
    assert row.speedup is None
    assert row.unlike == "another state of the workload's files, as net/diannao has"


def test_a_key_of_one_machine_alone_is_a_variant_with_a_label(net):
    key = "array.rows"
    variant = ran("systolic", net, f"{key}=8")
    stored = [ran("diannao", net), ran("systolic", net), variant]
    found = by_case(compared(stored, [one.stem for one in stored], "diannao"), "diannao")
    name = load_arch("systolic").name
    assert found.groups == ("net",)
    assert [row.title for row in found.of("net")] == ["DianNao", name, f"{name}, {key}=8"]
    ratio = stored[0].result.milliseconds / variant.result.milliseconds
    assert drawn(found, "speedup")["net", f"{name}, {key}=8"] == pytest.approx(ratio)


def test_a_variant_of_the_reference_itself_is_held_against_it(net):
    stored = [ran("diannao", net), ran("diannao", net, "nfu.inputs=8")]
    rows = normalise(stored, "diannao")
    assert [row.title for row in rows] == ["DianNao", "DianNao, nfu.inputs=8"]
    assert rows[1].partner is stored[0]
    dram = ran("diannao", net, "nfu.inputs=8", "dram.bytes_per_cycle=8")
    assert normalise([stored[0], dram], "diannao")[1].partner is dram


def test_what_two_files_say_differently_is_a_difference_of_the_machines(net):
    """A machine of its own DRAM is compared; a change to the other's value is none."""
    first, second = (ran(name, net).result for name in PAIR)
    parts = second.arch_resolved["components"]
    hbm = {**parts, "dram": {**parts["dram"], "bytes_per_cycle": 256}}
    second = replace(second, arch_resolved={**second.arch_resolved, "components": hbm})
    assert unlike(second, first) == []
    changed = replace(first, changed=("components.dram.bytes_per_cycle",))
    assert unlike(second, changed) == ["dram.bytes_per_cycle = 256, not 64"]
    equal = replace(changed, arch_resolved={**first.arch_resolved, "components": hbm})
    assert unlike(second, equal) == []


def test_common_parts_are_found_by_what_they_are(net):
    """Off-chip memory of another name is the same part."""
    first = ran("diannao", net).result
    second = ran("systolic", net, "dram.bytes_per_cycle=8").result
    parts = dict(second.arch_resolved["components"])
    parts["hbm"] = parts.pop("dram")
    kinds = {"hbm" if name == "dram" else name: kind for name, kind in second.kinds.items()}
    second = replace(
        second, kinds=kinds, changed=("components.hbm.bytes_per_cycle",),
        arch_resolved={**second.arch_resolved, "components": parts},
    )  # fmt: skip
    assert unlike(second, first) == ["hbm.bytes_per_cycle = 8, not 64"]


def earlier(stored):
    """The result as an earlier archsim has written it: without settings, changes and prices."""
    data = stored.result.to_dict()
    for key in ("batch", "settings", "changed", "prices"):
        del data[key]
    return Stored(stored.group, stored.stem.partition("@")[0], Result.from_dict(data))


def test_results_of_an_earlier_archsim_are_told_apart_by_their_content(net, tmp_path):
    base = ran("diannao", net)
    plain = earlier(ran("systolic", net))
    assert normalise([base, plain], "diannao")[1].unlike == ""
    many = earlier(ran("systolic", net.of_batch(8)))
    part = earlier(ran("systolic", net.of_layers("b")))
    slow = earlier(ran("systolic", net, "dram.bytes_per_cycle=8"))
    dear = earlier(ran("systolic", net, "energy=units/interstellar"))
    said = [normalise([base, one], "diannao")[1].unlike for one in (many, part, slow, dear)]
    assert [each.partition(", as ")[0] for each in said] == [
        "another batch", "layers b, not all", "dram.bytes_per_cycle = 8, not 64",
        "prices: other tables",
    ]  # fmt: skip
    row = summary_row(many)
    assert (row["arch"], row["batch"], row["layers"]) == ("systolic", 8, "all")


def test_the_summary_has_what_was_set_in_columns(net, tmp_path):
    runs = [
        ran("diannao", net), ran("diannao", net.of_batch(8), "dram.bytes_per_cycle=8"),
        ran("systolic", net.of_layers("b"), "energy=units/interstellar"),
    ]  # fmt: skip
    for one in runs:
        save(tmp_path, one)
    with write_summary(tmp_path, runs).open() as file:
        rows = [[row[key] for key in ("arch", "batch", "layers", "set")]
                for row in csv.DictReader(file)]  # fmt: skip
    assert rows == [
        ["diannao", "1", "all", ""],
        ["diannao", "8", "all", "dram.bytes_per_cycle=8"],
        ["systolic", "1", "b", "energy=units/interstellar"],
    ]
    assert {path.name for path in (tmp_path / "net").iterdir()} == {
        "diannao.json", "diannao@batch=8,dram.bytes_per_cycle=8.json",
        "systolic@energy=units%2Finterstellar,layers=b.json",
    }  # fmt: skip
