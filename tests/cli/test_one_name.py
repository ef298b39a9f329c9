"""Nothing that is written has the name of something else, and every change changes something."""

from pathlib import Path

import pytest

from archsim.cli.main import main

RUN = ["run", "-a", "diannao", "-q", "-w"]


@pytest.mark.parametrize("name", ["small", "Small"])
@pytest.mark.parametrize("command", [["run"], ["compare"], ["ablate", "diannao"]])
def test_two_workloads_of_one_name_are_refused(command, name, folder, capsys) -> None:
    text = Path("workloads/small.yaml").read_text(encoding="utf-8")
    Path("workloads/other.yaml").write_text(
        text.replace("name: small", f"name: {name}"), encoding="utf-8"
    )
    assert main([*command, "-q", "-w", "small", "-w", "other"]) == 2
    said = f"other.yaml: is called {name!r}, as is workloads/small.yaml: change the `name:` of one"
    assert said in capsys.readouterr().err
    assert not Path("results").exists()


def test_one_file_named_twice_counts_once(folder) -> None:
    path = Path("workloads/small.yaml")
    assert main([*RUN, "small", "-w", str(path), "-w", str(path.resolve()), "--no-figures"]) == 0


@pytest.mark.slow
def test_a_figure_of_explain_is_named_after_both_ends(folder) -> None:
    for out in ("one", "two"):
        assert main([*RUN, "small", "-a", "scnn", "--no-figures", "--out", out]) == 0
    before = ["explain", "-q", "one/small/diannao.json"]
    long = ",".join(f"nfu.{key}={value}" for key in ("inputs", "outputs") for value in (8, 4, 2))
    lines = [
        [*before, "one/small/scnn.json"],
        [*before, "two/small/scnn.json"],
        ["explain", "-q", "diannao", f"diannao@{long},dram.bytes_per_cycle=8", "-w", "small"],
        ["explain", "-q", "diannao", f"diannao@{long},dram.bytes_per_cycle=4", "-w", "small"],
        ["explain", "-q", "diannao", "scnn", "-w", "small"],
        ["explain", "-q", "diannao", "scnn", "-w", "small", "--layers", "conv"],
    ]
    for number, line in enumerate(lines, 1):
        assert main(line) == 0
        assert len(list(Path("results").glob("explain_*.png"))) == number
    assert Path("results/explain_diannao_scnn_small.png").exists()


@pytest.mark.parametrize(
    "change", [["--scenario", "ideal_lanes"], ["--set", "pe_slices.sync=lanes"]]
)
def test_a_change_concerns_a_machine_of_the_run(change, folder, capsys) -> None:
    assert main([*RUN, "small", *change]) == 2
    assert "DianNao" in capsys.readouterr().err
    assert main([*RUN, "small", "-a", "smartdeal", "--no-figures", *change]) == 0


def test_figures_are_drawn_again_only_for_other_results(folder) -> None:
    def drawn(*more: str) -> dict[str, int]:
        assert main([*RUN, "small", *more]) == 0
        return {path.name: path.stat().st_mtime_ns for path in Path("results").glob("*.png")}

    first = drawn()
    assert {*first} == {"energy.png", "speedup.png", "dram.png"}
    assert drawn() == first
    assert min(drawn("-a", "scnn").values()) > max(first.values())
    Path("results/energy.png").unlink()
    assert {*drawn()} == {*first}


@pytest.mark.parametrize(
    "command",
    [["run", "-a", "diannao", "-w"], ["compare", "-a", "diannao", "-w"],
     ["breakdown", "-a", "diannao", "-w"], ["explain", "diannao", "scnn", "-w"]],
)  # fmt: skip
def test_no_figures(command, folder) -> None:
    assert main([*command, "small", "-q", "--no-figures"]) == 0
    assert not list(Path().rglob("*.png"))
