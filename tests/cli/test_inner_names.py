"""Machines and workloads in folders of their own: asked for by name, never mixed up with others."""

import csv
import json
from pathlib import Path

import pytest

from archsim.analysis.inputs import choices
from archsim.cli.main import main
from archsim.cli.options import named
from archsim.formats.search import find, name_of
from archsim.results.settings import file_stem, machine_of

RUN = ["run", "-q", "--no-figures", "-w", "small"]


@pytest.fixture
def inner(folder):
    """`archs/mine/diannao.yaml`: another machine whose file has the name of a shipped one."""
    text = find("archs", "diannao").read_text(encoding="utf-8")
    Path("archs/mine").mkdir(parents=True)
    Path("archs/mine/diannao.yaml").write_text(text.replace("outputs: 64", "outputs: 8"))
    return folder


def cycles():
    with Path("results/summary.csv").open(encoding="utf-8", newline="") as file:
        return {(row["arch"], row["set"]): int(row["cycles"]) for row in csv.DictReader(file)}


def test_results_of_two_files_of_one_stem_stand_side_by_side(inner) -> None:
    assert main([*RUN, "-a", "diannao", "-a", "mine/diannao"]) == 0
    both = cycles()
    assert both.keys() == {("diannao", ""), ("mine/diannao", "")}
    assert len(set(both.values())) == 2
    for name in ("diannao", "mine/diannao"):
        assert main([*RUN, "-a", name, "--no-cache", "--out", f"alone/{len(name)}"]) == 0
    alone = [
        json.loads(path.read_bytes())["totals"]["cycles"]
        for path in sorted(Path("alone").glob("*/small/*.json"))
    ]
    assert sorted(alone) == sorted(both.values())


def test_one_after_the_other_neither_takes_the_place_or_the_result_of_the_other(inner) -> None:
    for name in ("diannao", "mine/diannao", "diannao"):
        assert main([*RUN, "-a", name]) == 0
    assert len(set(cycles().values())) == 2
    assert len([*Path("results/small").glob("*.json")]) == 2


def test_the_path_of_the_file_is_the_same_machine(inner) -> None:
    assert main([*RUN, "-a", "mine/diannao"]) == 0
    assert main([*RUN, "-a", "archs/mine/diannao.yaml"]) == 0
    assert main([*RUN, "-a", str(Path("archs/mine/diannao.yaml").resolve())]) == 0
    assert [path.name for path in Path("results/small").glob("*.json")] == ["mine%2Fdiannao.json"]


def test_settings_stand_beside_the_name(inner) -> None:
    line = [*RUN, "-a", "mine/diannao", "-a", "diannao", "--set", "dram.bytes_per_cycle=1"]
    assert main(line) == 0
    assert cycles().keys() == {
        ("diannao", "dram.bytes_per_cycle=1"), ("mine/diannao", "dram.bytes_per_cycle=1"),
    }  # fmt: skip


def test_such_a_machine_is_what_others_are_held_against(inner, capsys) -> None:
    line = ["compare", "--no-figures", "--json", "-w", "small", "--normalise-to", "mine/diannao"]
    assert main([*line, "-a", "diannao", "-a", "mine/diannao"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    speed = {one["arch"]: one["speedup"] for one in cells if one["workload"] == "small"}
    assert speed["mine/diannao"] == 1
    assert speed["diannao"] > 1
    means = {one["arch"]: one["set"] for one in cells if one["workload"] != "small"}
    assert means == {"diannao": "", "mine/diannao": ""}


def test_the_machine_named_plainly_is_the_one_without_a_folder(inner, capsys) -> None:
    line = ["compare", "--no-figures", "--json", "-w", "small", "--normalise-to", "diannao"]
    assert main([*line, "-a", "mine/diannao", "-a", "diannao"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    speed = {one["arch"]: one["speedup"] for one in cells if one["workload"] == "small"}
    assert speed["diannao"] == 1
    assert speed["mine/diannao"] < 1


def test_no_bare_command_takes_them(inner, capsys) -> None:
    bare = [name_of("archs", one.arch.path) for one in choices([], {"inference"}, None, [])]
    assert "diannao" in bare
    assert not [name for name in bare if "/" in name]
    for kind in ("archs", "workloads"):
        assert main(["list", kind, "--json"]) == 0
        named = [next(iter(one.values())) for one in json.loads(capsys.readouterr().out)]
        assert not [name for name in named if "/" in name]


def test_a_reference_that_does_not_exist_is_named_with_those_that_do(inner, capsys) -> None:
    assert main([*RUN, "-a", "diannao", "--normalise-to", "mine/diana"]) == 2
    assert "did you mean 'mine/diannao'" in capsys.readouterr().err


def test_a_workload_of_such_a_folder_runs_by_its_own_name(folder) -> None:
    text = Path("workloads/small.yaml").read_text(encoding="utf-8")
    Path("workloads/mine").mkdir()
    text = text.replace("name: small", "name: other").replace("tensors:", "# tensors:")
    Path("workloads/mine/small.yaml").write_text(text, encoding="utf-8")
    assert main(["run", "-q", "--no-figures", "-a", "diannao", "-w", "mine/small"]) == 0
    assert Path("results/other/diannao.json").is_file()


@pytest.mark.parametrize("name", ["diannao", "mine/diannao", "a%2Fb", "a%b", "a+b", "x@y"])
@pytest.mark.parametrize("settings", [{}, {"dram.bytes_per_cycle": 8}])
def test_every_name_comes_back_from_its_file(name, settings) -> None:
    stem = file_stem(name, settings)
    assert "/" not in stem
    assert machine_of(stem, settings) == name


def test_folders_of_other_kinds_are_no_part_of_a_name(folder) -> None:
    assert name_of("archs", find("archs", "published/dcnn")) == "published/dcnn"
    assert name_of("archs", find("archs/units", "table1_28nm")) == "table1_28nm"
    assert name_of("archs", Path("elsewhere/mine/diannao.yaml")) == "diannao"


def test_a_name_of_a_folder_completes_once_it_is_begun(inner) -> None:
    complete = named("archs")
    assert complete("mi") == complete("mine/d") == ["mine/diannao"]
    assert "diannao" in complete("")
    assert not any("/" in name for name in complete(""))
    assert complete("published/di") == ["published/diannao"]
    assert named("archs/scenarios")("cact") == ["cacti"]
