"""What a shell or a name can do to a command: too few open files, names that look like formulas."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from archsim.cli.main import main
from archsim.runs import probe

FORMULA = r"$\\frac{$ 1"  # as YAML has it between double quotes


def shell(command, **environment):
    return subprocess.run(
        ["bash", "-c", command, sys.executable], capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("jobs", [pytest.param(2, marks=pytest.mark.slow), 8])
def test_a_process_that_may_open_few_files_says_so_in_one_line(jobs, tmp_path):
    """Two processes do with 16 descriptors, eight do not: each takes three of this one's."""
    asked = f'-w tiny_sd --jobs {jobs} --no-cache --no-figures --quiet --out "$OUT"'
    done = shell(f'ulimit -n 16; "$0" -m archsim run {asked}', OUT=str(tmp_path / "out"))
    told = [] if jobs == 2 else [
        "archsim: too many open files: `ulimit -n 1024` allows more, --jobs 1 needs fewer"
    ]  # fmt: skip
    assert [line for line in done.stderr.splitlines() if line.startswith("archsim:")] == told
    assert done.returncode == (2 if told else 0)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "breakdown"])
def test_names_of_layers_are_never_read_as_formulas(command, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    text = (probe.PROBES / "inference.yaml").read_text(encoding="utf-8")
    text = text.replace("name: strided", f'name: "{FORMULA}"')
    text = text.replace("inputs: [strided]", f'inputs: ["{FORMULA}"]')
    path = tmp_path / "w.yaml"
    path.write_text(text, encoding="utf-8")
    asked = [command, "-w", str(path), "-a", "smartdeal", "-a", "diannao", "--quiet", "--no-cache"]
    assert main(asked) == 0
    drawn = sorted((tmp_path / "results").rglob("*.svg"))
    assert drawn
    for path in drawn:
        ET.parse(path)


def test_help_of_the_benchmarks_measures_nothing(tmp_path):
    done = shell('"$0" -m benchmarks --help', ARCHSIM_CACHE=str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m benchmarks [-h] [--install]")
    assert shell('"$0" -m benchmarks --no-such-option').returncode == 2
