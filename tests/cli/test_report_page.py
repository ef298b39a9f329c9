"""`archsim report` on the command line: what it writes, and what it says of bad input."""

import subprocess
import sys

import pytest
from made_results import edited, stored

from archsim.analysis.report.contents import contents
from archsim.cli.main import main
from archsim.results.store import save


@pytest.fixture
def folder(folder, capsys):
    """A results folder of one run in the working directory."""
    assert main(["run", "-w", "small", "-a", "diannao", "-q", "--no-figures"]) == 0
    capsys.readouterr()
    return folder


def asked(capsys, *arguments):
    status = main(["report", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def drawing():
    pytest.importorskip("vl_convert", reason="pip install 'archsim[report]'")


@pytest.mark.slow
def test_the_page_stands_in_the_folder_or_where_it_is_wanted(drawing, folder, capsys):
    assert asked(capsys) == (0, "results/report.html\n", "")
    first = (folder / "results" / "report.html").read_bytes()
    assert asked(capsys, "results", "--out", "deep/page.html", "-q") == (0, "", "")
    assert (folder / "deep" / "page.html").read_bytes() == first
    assert asked(capsys)[0] == 0  # over its own
    assert (folder / "results" / "report.html").read_bytes() == first
    assert first.startswith(b"<!doctype html>")
    assert first.count(b"<script") == 3
    assert b"vegaEmbed" in first
    status, out, _ = asked(capsys, "--json")
    assert (status, '"results/report.html"' in out) == (0, True)


@pytest.mark.slow
def test_a_page_of_somebody_else_stays(drawing, folder, capsys):
    path = folder / "results" / "report.html"
    path.write_bytes(b"<html>mine</html>")
    status, _, err = asked(capsys)
    assert status == 2
    assert "report.html: is there, and this program did not write it" in err
    assert path.read_bytes() == b"<html>mine</html>"
    assert asked(capsys, "--force")[0] == 0


def test_without_results_there_is_no_page(folder, capsys):
    status, _, err = asked(capsys, "nowhere")
    assert status == 2
    assert "nowhere: holds no results: archsim run or archsim sweep writes them" in err
    assert not (folder / "nowhere").exists()


def test_a_damaged_result_is_named(folder, capsys):
    path = folder / "results" / "small" / "diannao.json"
    edited(path, lambda data: data.update(batch=3), seal=False)
    status, _, err = asked(capsys)
    assert status == 2
    assert "small/diannao.json" in err
    assert not (folder / "results" / "report.html").exists()


def test_a_result_whose_array_cannot_be_told_is_named(folder, capsys):
    """A hand-made one, of which no flow of results begins anywhere."""
    save(folder / "results", stored("scnn"))
    status, _, err = asked(capsys)
    assert status == 2
    assert "tiny/scnn.json: no flow of results begins at a component that is counted" in err


def test_without_the_library_the_extra_is_named(folder):
    code = (
        "import sys; sys.modules['vl_convert'] = None; from archsim.__main__ import main;"
        "sys.exit(main(['report']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "vl-convert-python is not installed: pip install 'archsim[report]'" in done.stderr
    assert not (folder / "results" / "report.html").exists()


def test_two_settings_of_one_machine_are_two_machines(folder, capsys):
    """In one figure each has its name and its colour, a shade of the machine's."""
    from archsim.results.store import read_folder

    run = ["run", "-w", "small", "-a", "diannao", "-q", "--no-figures"]
    assert main([*run, "--set", "dram.bytes_per_cycle=8"]) == 0
    found = contents(read_folder(folder / "results")[0], "diannao")["machines"]
    assert [one["title"] for one in found] == ["DianNao", "DianNao, dram.bytes_per_cycle=8"]
    assert found[0]["colour"][0] == "#9a9a9a" != found[1]["colour"][0]
