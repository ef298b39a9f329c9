"""`archsim search` as an operator meets it."""

import json
import sys

import pandas as pd
import pytest

import archsim
from archsim.analysis.search import search as searching
from archsim.cli.main import main

pytest.importorskip("optuna")
NAMED = ["-w", "tiny_sd", "-a", "smartdeal", "--out", "out", "--no-figures"]
VARIED = ["--vary", "dram.bytes_per_cycle=8,16,32,64", "--vary", "pe_slices.slices=16,32,64",
          "--vary", "pe_slices.sync=tile,lanes"]  # fmt: skip
LINE = ["search", *NAMED, *VARIED]
FILE = """
workloads: [tiny_sd]
archs: [smartdeal]
vary: {dram.bytes_per_cycle: [8, 16, 32, 64], pe_slices.slices: [16, 32, 64]}
objectives: [cycles, sram_kbytes]
link: {weight_buffer.count: pe_slices.slices}
evaluations: 6
sampler: nsga2
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table():
    return pd.read_csv("out/points.csv")


def test_a_search_of_all_points_is_the_sweep(folder):
    assert main([*LINE, "-q", "-n", "24"]) == 0
    found = table()
    assert main(["sweep", *NAMED, *VARIED, "-q", "--force"]) == 0
    keys = ["dram.bytes_per_cycle", "pe_slices.slices", "pe_slices.sync"]
    sort = [one.sort_values(keys).reset_index(drop=True) for one in (found, table())]
    pd.testing.assert_frame_equal(*sort)


def test_one_that_is_ended_goes_on_to_the_same_bytes(folder, monkeypatch):
    assert main([*LINE, "-q", "-n", "12"]) == 0
    whole = (folder / "out" / "points.csv").read_bytes()
    round_, rounds = searching._round, []

    def ended(*args):
        rounds.append(1)
        if len(rounds) == 3:
            raise KeyboardInterrupt
        return round_(*args)

    monkeypatch.setattr(searching, "_round", ended)
    line = [*(word if word != "out" else "again" for word in LINE), "-q", "-n", "12"]
    assert main(line) == 2
    assert not (folder / "again" / "points.csv").exists()
    monkeypatch.setattr(searching, "_round", round_)
    assert main(line) == 0
    assert (folder / "again" / "points.csv").read_bytes() == whole


def test_the_number_of_processes_changes_nothing(folder):
    assert main([*LINE, "-q", "-n", "8", "--jobs", "1"]) == 0
    one = (folder / "out" / "points.csv").read_bytes()
    (folder / "out" / "points.sqlite").unlink()
    assert main([*LINE, "-q", "-n", "8", "--jobs", "2", "--no-cache"]) == 0
    assert (folder / "out" / "points.csv").read_bytes() == one


def test_a_file_is_checked_and_searched(folder, capsys):
    (folder / "mine.yaml").write_text(FILE)
    assert main(["validate", "mine.yaml"]) == 0
    assert main(["search", "mine.yaml", "--out", "out", "--no-figures", "--json"]) == 0
    out = capsys.readouterr().out
    said = json.loads(out[out.index("{\n") :])
    assert said["objectives"] == ["cycles", "sram_kbytes"]
    assert len(said["points"]) == 6
    assert all(one["weight_buffer.count"] == one["pe_slices.slices"] for one in said["points"])


def test_constraints_known_beforehand_cost_no_run(folder, capsys):
    assert main([*LINE, "-n", "6", "--where", "pe_slices.slices <= 32"]) == 0
    found = table()
    assert len(found) == 6
    assert found["pe_slices.slices"].max() == 32
    assert "that break pe_slices.slices <= 32" in capsys.readouterr().out


def test_constraints_on_totals_are_judged_afterwards(folder):
    assert main([*LINE, "-q", "-n", "24", "--where", "cycles < 6000"]) == 0
    found = table()
    assert (found["feasible"] == (found["cycles"] < 6000)).all()
    assert not found["feasible"].all()


def test_machines_and_networks_are_searched_by_themselves(folder):
    found = archsim.search(
        ["tiny_sd"], ["smartdeal", "diannao"], vary={"dram.bytes_per_cycle": [8, 16, 32, 64]},
        evaluations=3, objectives=["cycles", "energy_pj"],
    )  # fmt: skip
    assert found["arch"].tolist() == ["smartdeal"] * 3 + ["diannao"] * 3


def test_its_journal_is_optunas(folder):
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    for _ in range(2):  # a second search writes it anew
        assert main([*LINE, "-q", "-n", "8"]) == 0
    storage = JournalStorage(JournalFileBackend("out/study.journal"))
    study = optuna.load_study(study_name="tiny_sd on SmartDeal", storage=storage)
    found = table()
    assert [trial.values for trial in study.trials] == found[
        ["cycles", "energy_pj"]
    ].values.tolist()
    best = found[found["front"]][["cycles", "energy_pj"]].values.tolist()
    assert sorted(trial.values for trial in study.best_trials) == sorted(best)
    assert [t.params["pe_slices.slices"] for t in study.trials] == [*found["pe_slices.slices"]]


def test_figures_and_shares(folder, capsys):
    line = [word for word in LINE if word != "--no-figures"]
    assert main([*line, "-n", "16"]) == 0
    names = {path.stem for path in (folder / "out").glob("*.png")}
    assert names == {"sweep_parallel", "sweep_tornado", "sweep_front", "search_progress",
                     "search_importance"}  # fmt: skip
    assert "share of each key in being of the best tenth" in capsys.readouterr().out
    assert main(["report", "out"]) == 0
    page = (folder / "out" / "report.html").read_text()
    assert "What each key matters" in page
    assert "How the front grew" in page


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--sampler", "tep"], "--sampler: there is no sampler 'tep'; did you mean 'tpe'?"),
        (["--sampler", "cmaes"], "--sampler cmaes: cmaes looks for one objective only"),
        (["--vary", "pe_slices.lines=-1"], "--vary pe_slices.lines=-1"),
        (["--objective", "cycle"], "did you mean 'cycles'?"),
        (["--jobs", "2", "--dask", "tcp://h:1"], "--jobs: has no meaning with --dask"),
    ],
)
def test_slips_are_named(folder, capsys, more, said):
    assert main([*LINE, *more]) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_a_file_with_points_is_no_search(folder, capsys):
    text = "workloads: [tiny_sd]\narchs: [smartdeal]\npoints:\n- {dram.bytes_per_cycle: 8}\n"
    (folder / "mine.yaml").write_text(text)
    assert main(["search", "mine.yaml"]) == 2
    assert "mine.yaml: has `points`, which a search chooses itself" in capsys.readouterr().err


def test_somebody_elses_journal_is_left_alone(folder, capsys):
    (folder / "out").mkdir()
    (folder / "out" / "study.journal").write_text("my diary\n")
    assert main([*LINE, "-q"]) == 2
    assert "study.journal" in capsys.readouterr().err
    assert (folder / "out" / "study.journal").read_text() == "my diary\n"


def test_without_optuna_it_says_what_brings_it(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main([*LINE, "-q"]) == 2
    assert "Optuna is missing; pip install 'archsim[sweep]'" in capsys.readouterr().err


def test_a_search_that_finds_little_says_so(folder, capsys):
    (folder / "mine.yaml").write_text(
        "workloads: [tiny_sd]\narchs: [smartdeal]\n"
        "vary: {dram.bytes_per_cycle: {from: 8, to: 4000, step: 1}}\n"
    )
    line = ["search", "mine.yaml", "--out", "out", "--no-figures", "-n", "8", "--where"]
    assert main([*line, "dram.bytes_per_cycle <= 30"]) == 0
    assert "ended after 800 draws, of which" in capsys.readouterr().err


def test_a_search_that_finds_nothing_is_told(folder, capsys):
    assert main([*LINE, "--where", "dram.bytes_per_cycle > 99"]) == 2
    assert "finds no point: dram.bytes_per_cycle > 99" in capsys.readouterr().err
    assert not (folder / "out" / "points.csv").exists()
