"""What a user gets wrong ends in a few lines and status 2, never in a traceback; what was finished
before an interruption is kept."""

import os
import subprocess
import sys

import pytest

from archsim.cli.main import main

RUN = ["run", "--workload", "small", "--arch", "diannao"]
QUICK = [*RUN, "--no-figures"]


def refused(arguments, capsys):
    """The lines on standard error of a command that ends with status 2 and prints nothing else."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert len(printed.err.splitlines()) <= 6
    return printed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "No such command 'rnu'. Did you mean 'run'?"),
        (["run"], "Missing option '--workload'"),
        (["run", "--workload", "small", "--layres", "conv"], "No such option: --layres"),
        (
            ["run", "-w", "small", "--layers", "poin"],
            "no layer matches 'poin'; the nearest are point",
        ),
        (["run", "--workload", "small", "--format", "word"], "'word' is not one of"),
        (["run", "--workload", "smal"], "small"),
        (["run", "--workload", "small", "--arch", "smartdael"], "smartdeal"),
        ([*RUN, "--set", "nfu.inptus=8"], "inputs"),
        ([*RUN, "--set", "nfu.inputs"], "write key=value"),
        ([*RUN, "--set", "nuf.inputs=8"], "nfu"),
        ([*RUN, "--set", "nfu.inputs=-8"], "nfu.inputs"),
        ([*RUN, "--scenario", "none"], "none"),
        (["draw", "none"], "none"),
        (["plot", "nowhere"], "nowhere: holds no results"),
        (["validate", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["schema", "picture"], "'picture' is not one of"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_slip_is_named(arguments, said, folder, capsys):
    assert said in refused(arguments, capsys)


def test_every_wrong_name_is_named_at_once(folder, capsys):
    said = refused(["run", "-w", "small", "-a", "one", "-a", "two"], capsys)
    assert "'one'" in said
    assert "'two'" in said


def test_a_file_in_place_of_the_results_folder(folder, capsys):
    (folder / "results").write_text("in the way")
    said = refused(RUN, capsys)
    assert said.startswith("archsim: results/small/")
    assert "cannot be written" in said
    assert (folder / "results").read_text() == "in the way"


def test_two_machines_for_one_file_are_refused_before_any_time_is_spent(folder, capsys):
    (folder / "other").mkdir()
    main(["draw", "diannao", "--json"])
    capsys.readouterr()
    copy = folder / "other" / "diannao.yaml"
    copy.write_text(_shipped("diannao"))
    said = refused([*RUN, "--arch", "other/diannao.yaml"], capsys)
    assert "two results would be written to it" in said
    assert not (folder / "results" / "small" / "diannao.json").exists()


def test_a_damaged_result_does_not_spoil_a_run_but_a_plot(folder, capsys):
    assert main([*QUICK, "--quiet"]) == 0
    (folder / "results" / "small" / "cut.json").write_text("{")
    assert main([*QUICK, "--quiet"]) == 0
    assert "cut.json: not valid JSON" in capsys.readouterr().err
    assert "cut.json: not valid JSON" in refused(["plot"], capsys)


def test_a_long_list_of_problems_is_cut(folder, capsys):
    lines = "\n".join(f"typo{n}: 1" for n in range(30))
    (folder / "wrong.yaml").write_text(f"name: x\nmachine: diannao\n{lines}\n")
    assert main(["draw", "wrong.yaml"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 21
    assert said[-1].endswith("more; archsim validate FILE lists them all")
    assert main(["validate", "wrong.yaml"]) == 2
    assert len(capsys.readouterr().err.splitlines()) >= 30


def test_without_matplotlib_the_tables_come_with_a_note(folder):
    code = (
        "import sys; sys.modules['matplotlib'] = None; from archsim.__main__ import main;"
        f"sys.exit(main({RUN}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "energy by component" in done.stdout
    assert done.stderr == (
        "no figures: matplotlib is missing; pip install 'archsim[plot]' brings it\n"
    )
    assert (folder / "results" / "summary.csv").is_file()
    assert not list((folder / "results").glob("*.png"))


def test_a_reader_who_leaves_early_ends_neither_the_run_nor_in_noise(folder):
    command = f"{sys.executable} -m archsim {' '.join(QUICK)} -vv | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout == "small: measured tensors, 5 layers, 0.0001162 GMAC\n"
    assert done.stderr == ""
    assert (folder / "results" / "small" / "diannao.json").is_file()


def test_a_fault_of_ours_is_said_as_such_and_shown_on_demand(folder):
    code = (
        "import sys, archsim.analysis.inputs; del archsim.analysis.inputs.networks;"
        f"from archsim.__main__ import main; sys.exit(main({RUN}))"
    )
    for debug, wanted in (("", "internal error: AttributeError"), ("1", "Traceback")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "ARCHSIM_DEBUG": debug},
        )
        assert done.returncode == 1
        assert wanted in done.stderr
        assert ("Traceback" in done.stderr) == bool(debug)


def _shipped(name):
    from archsim.formats.search import find

    return find("archs", name).read_text()
