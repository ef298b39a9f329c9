"""What a shell may do to a command: closed or full streams, encodings, a strange environment."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from archsim.cli.main import main as archsim
from archsim.formats import console
from archsim.formats.files import write_atomically
from archsim.version import VERSION
from sdalgo.cli.main import main as sdalgo

ROOT = Path(__file__).resolve().parents[2]


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command line in a shell; it says nothing of a traceback or of a fault of the program."""
    names = {"archsim": f"{sys.executable} -m archsim", "sdalgo": f"{sys.executable} -m sdalgo"}
    for name, command in names.items():
        line = line.replace(f"{name} ", f"{command} ")
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(["bash", "-c", line], env=variables, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    assert b"a fault of" not in done.stderr
    return done


@pytest.mark.parametrize("command", ["archsim list archs", "sdalgo list recipes", "archsim --help"])
def test_what_a_closed_standard_output_loses_is_told(command, folder) -> None:
    done = shell(f"{command} >&-")
    assert done.returncode == 2
    assert done.stderr.endswith(b": standard output: cannot be written: it is closed\n")
    assert shell(f"{command} <&- >&- 2>&-").returncode == 2
    assert shell(f"{command} <&- 2>&-").returncode == 0


def test_an_error_without_standard_error_keeps_its_status(folder) -> None:
    assert shell("archsim list archz 2>&-").returncode == 2


@pytest.mark.parametrize(
    "command", ["archsim list archs --json", "sdalgo list recipes", "archsim --help"]
)
def test_a_full_disk_under_standard_output_is_told(command, folder) -> None:
    done = shell(f"{command} >/dev/full")
    assert done.returncode == 2
    assert b"No space left on device" in done.stderr


def test_results_are_kept_where_standard_output_is_full(folder) -> None:
    assert shell("archsim run -w small -a diannao --no-figures >/dev/full").returncode == 2
    assert Path("results/small/diannao.json").exists()


def test_characters_that_the_encoding_lacks_are_escaped(folder) -> None:
    text = Path("workloads/small.yaml").read_text(encoding="utf-8")
    noted = text.replace("source: {", 'source: {weights: "d\u00e9j\u00e0 vu", ')
    Path("workloads/small.yaml").write_text(noted, encoding="utf-8")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    run = "archsim run -w small -a diannao --layers conv --no-figures"
    assert rb"weights: d\xe9j\xe0 vu" in shell(run, **ascii_only).stdout
    noted = json.loads(shell(f"{run} --json", **ascii_only).stdout)["runs"][0]["notes"]
    assert "weights: d\u00e9j\u00e0 vu" in noted
    named = text.replace("name: small", "name: sm\u00e5ll")
    Path("workloads/small.yaml").write_text(named, encoding="utf-8")
    done = shell(run, **ascii_only)
    assert done.returncode == 2
    assert b"LC_ALL=C.UTF-8" in done.stderr


def test_figures_need_no_backend(folder) -> None:
    assert shell("archsim run -w small -a diannao", MPLBACKEND="nonsense").returncode == 0
    assert Path("results/energy.png").exists()


def test_a_device_is_written_and_not_replaced(tmp_path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, b"text")
    assert os.read(reader, 9) == b"text"
    assert pipe.is_fifo()
    os.close(reader)


@pytest.mark.parametrize(("name", "main"), [("archsim", archsim), ("sdalgo", sdalgo)])
def test_version(name, main, capsys) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{name} {VERSION}\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [("archsim bre", "breakdown"), ("sdalgo dec", "decompose decode"),
     ("archsim run -w sma", "small"), ("archsim run --arch smart", "smartdeal"),
     ("archsim run --scenario ideal", "ideal_lanes"), ("archsim draw cambr", "cambricon_x")],
)  # fmt: skip
def test_words_are_completed(words, offered, folder) -> None:
    name = words.split()[0]
    done = shell(
        f"{name} ", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1),
        **{f"_{name.upper()}_COMPLETE": "complete_bash"},
    )  # fmt: skip
    assert done.stdout.decode().split() == offered.split()


@pytest.mark.parametrize("columns", [80, 40])
def test_no_name_or_number_is_broken_on_a_terminal(columns, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    heads = ["machine", *(f"column_{number}" for number in range(12))]
    rows = [[f"a_machine_of_a_long_name_{k}", *(f"{k}{n},345,678,901" for n in range(12))]
            for k in range(3)]  # fmt: skip
    console.show(console.Table("a title", heads, rows))
    printed = re.sub("\x1b[^m]*m", "", capsys.readouterr().out)
    words = printed.split()
    assert max(map(len, printed.splitlines())) <= max(columns, 50)  # two columns take 49
    assert {*heads, *(cell for row in rows for cell in row)} <= {*words}
