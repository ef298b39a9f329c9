"""A folder of results: nothing is written over by other settings, and nothing is read twice."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from made_results import edited

from archsim.cli.main import main

READS = """
import sys
from pathlib import Path
opened = []
sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" else None)
from archsim.cli.main import main
status = main(sys.argv[1:])
kept = {p for p in opened if p.endswith(".json") and len(Path(p).parts) == 3}
print(status, len({p for p in kept if p.startswith("results/")}), "matplotlib" in sys.modules)
"""


def run(*more, out="results"):
    assert main(["run", "-w", "small", "-q", "--out", out, *more]) == 0


def rows(out="results"):
    with Path(out, "summary.csv").open() as file:
        return list(csv.DictReader(file))


def as_json(capsys, *command):
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_another_batch_has_a_file_of_its_own_and_no_bar_beside_the_first(folder, capsys):
    pytest.importorskip("matplotlib")
    run("-a", "diannao")
    first = Path("results/small/diannao.json").read_bytes()
    run("-a", "smartdeal", "--batch", "8", "--no-figures")
    assert {path.name for path in Path("results/small").iterdir()} == {
        "diannao.json", "smartdeal@batch=8.json",
    }  # fmt: skip
    assert main(["plot"]) == 0
    said = capsys.readouterr().err
    assert "not in the figures: small/smartdeal@batch=8: batch 8, not 1, as small/diannao" in said
    drawn = Path("results/speedup.svg").read_bytes()
    assert (b"DianNao" in drawn, b"SmartDeal" in drawn) == (True, False)
    assert [(row["arch"], row["batch"]) for row in rows()] == [("diannao", "1"), ("smartdeal", "8")]
    asked = ["run", "-w", "small", "-a", "diannao", "-a", "smartdeal", "--batch", "8"]
    found = {one["arch"]: one for one in as_json(capsys, *asked, "--no-figures")["runs"]}
    cycles = {name: one["totals"]["cycles"] for name, one in found.items()}
    assert found["smartdeal"]["speedup"] == pytest.approx(cycles["diannao"] / cycles["smartdeal"])
    assert found["smartdeal"]["settings"] == {"batch": 8}
    assert Path("results/small/diannao.json").read_bytes() == first
    assert main(["plot", "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_a_setting_that_changes_nothing_is_none_and_keys_are_those_of_the_machine(folder):
    run(
        "-a",
        "diannao",
        "--set",
        "dram.bytes_per_cycle=64",
        "--batch",
        "1",
        "--layers",
        "all",
        "--no-figures",
    )
    run("-a", "diannao", "-a", "smartdeal", "--set", "pe_slices.lines=4", "--set",
        "dram.bytes_per_cycle=8", "--no-figures")  # fmt: skip
    assert {path.name for path in Path("results/small").iterdir()} == {
        "diannao.json",
        "diannao@dram.bytes_per_cycle=8.json",
        "smartdeal@dram.bytes_per_cycle=8,pe_slices.lines=4.json",
    }


def scenario(bandwidth):
    content = {"name": "wide", "description": "x", "set": {"dram.bytes_per_cycle": bandwidth}}
    Path("wide.yaml").write_text(yaml.safe_dump(content))
    return ["--scenario", "wide.yaml"]


def test_two_states_of_a_scenario_are_not_paired(folder, capsys):
    run("-a", "diannao", "--no-figures", *scenario(8))
    run("-a", "smartdeal", "--no-figures", *scenario(16))
    said = "not in the figures: small@wide/smartdeal: dram.bytes_per_cycle = 16, not 8"
    assert main(["plot"]) == 0
    assert said in capsys.readouterr().err
    run("-a", "diannao", "--no-figures", *scenario(16))
    assert main(["plot"]) == 0
    assert capsys.readouterr().err == ""


def test_what_is_set_beside_a_scenario_is_named_beside_it(folder):
    run("-a", "diannao", *scenario(8), "--set", "dram.bytes_per_cycle=64", "--no-figures")
    result = json.loads(Path("results/small@wide/diannao@dram.bytes_per_cycle=64.json").read_text())
    assert result["settings"] == {"dram.bytes_per_cycle": 64}
    assert result["changed"] == []  # of the scenario nothing is left


def test_results_are_found_by_their_names(folder, capsys):
    pytest.importorskip("matplotlib")
    names = ("diannao", "scnn")
    asked = ["-a", "diannao", "-a", "scnn", "--batch", "4", "--layers", "conv"]
    run(*asked, "--no-figures")
    ends = [f"results/small/{name}@batch=4,layers=conv.json" for name in names]
    found = as_json(capsys, "explain", *ends, "--no-figures")
    cycles = [json.loads(Path(end).read_text())["totals"]["cycles"] for end in ends]
    assert [found[end]["cycles"] for end in "ab"] == cycles
    run("-a", "scnn", "--no-figures")
    assert main(["explain", ends[0], "results/small/scnn.json"]) == 2
    assert "was made with batch" in capsys.readouterr().err
    assert main(["breakdown", "-w", "small", "-q", *asked]) == 0
    assert Path("results/breakdown_time_small@batch=4,layers=conv.png").exists()
    before = [Path(end).stat().st_mtime_ns for end in ends]
    cells = as_json(capsys, "compare", "-w", "small", *asked, "--no-figures")["cells"]
    assert [(cell["batch"], cell["layers"], cell["cycles"]) for cell in cells[:2]] == [
        (4, "conv", count) for count in cycles
    ]
    assert [Path(end).stat().st_mtime_ns for end in ends] == before


def reads(*command):
    """The exit status, how many results were opened, and whether anything was drawn."""
    done = subprocess.run(
        [sys.executable, "-c", READS, *command], capture_output=True, text=True, check=True
    )
    status, count, drew = done.stdout.split()[-3:]
    assert status == "0", done.stderr
    return int(count), drew == "True"


@pytest.mark.slow
def test_a_run_into_a_folder_of_8_results_reads_no_more_of_them_than_it_shows(folder):
    """One more workload, and no figure that has not changed, whichever command would draw it."""
    pytest.importorskip("matplotlib")
    run("-a", "diannao")
    content = Path("results/small/diannao.json").read_bytes()
    for at in range(8):
        other = Path(f"results/other{at}/diannao.json")
        other.parent.mkdir()
        other.write_bytes(content)
        edited(other, lambda data, name=f"other{at}": data.update(workload=name))
    run("-a", "diannao")  # the first that sees them
    new = ["run", "-w", "small", "-a", "diannao", "-a", "scnn", "-q"]
    assert reads(*new) == (2, True)
    assert len(rows()) == 10
    assert reads(*new) == (2, False)  # whether they are up to date
    plot = ["plot", "-q", "--out", "drawn"]
    assert reads(*plot)[0] == 10
    assert reads(*plot) == (0, False)
    compare = ["compare", *new[1:]]
    assert reads(*compare) == (2, True)
    assert reads(*compare) == (2, False)
    Path("drawn/energy.png").write_bytes(b"")
    assert reads(*plot)[1]
    assert Path("drawn/energy.png").stat().st_size > 0


def test_a_file_that_changes_or_goes_changes_the_summary(folder):
    run("-a", "diannao", "-a", "scnn", "--no-figures")
    path = Path("results/small/scnn.json")
    edited(path, lambda data: data.update(arch="Another"))
    run("-a", "diannao", "--no-figures")
    assert [row["name"] for row in rows()] == ["DianNao", "Another"]
    path.unlink()
    run("-a", "diannao", "--no-figures")
    assert [row["name"] for row in rows()] == ["DianNao"]
