"""The page over a folder of a sweep: what is in it, and what a browser makes of it."""

import base64
import csv
import json
import re

import pytest
from browser import Browser
from report_page import choose, click, ready, records, write_filter

from archsim.cli.main import main

pytest.importorskip("vl_convert", reason="pip install 'archsim[report]'")
LINE = ["sweep", "-w", "tiny_sd", "-a", "smartdeal", "-a", "diannao", "--out", "out", "-q",
        "--vary", "dram.bytes_per_cycle=8,16", "--vary", "pe_slices.sync=tile,lanes"]  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*LINE, "--no-figures"]) == 0
    return tmp_path / "out"


def data(folder):
    """The contents of a page, as its program reads them."""
    text = (folder / "report.html").read_text()
    return json.loads(re.search(r'id="data">(.*?)</script>', text)[1])


def table_of(folder):
    return [*csv.DictReader((folder / "points.csv").read_text().splitlines())]


def test_it_has_the_points_and_the_figures(folder):
    assert main(LINE) == 0
    assert main(["report", "out", "-q"]) == 0
    found = data(folder)
    drawn = [base64.b64decode(each["source"].partition(",")[2]) for each in found["pictures"]]
    names = ("sweep_map", "sweep_front", "sweep_tornado")
    assert drawn == [(folder / f"{name}.svg").read_bytes() for name in names]
    assert base64.b64decode(found["csv"].partition(",")[2]) == (folder / "points.csv").read_bytes()
    rows = table_of(folder)
    assert [row["cycles"] for row in found["rows"]] == [int(row["cycles"]) for row in rows]
    assert found["asked"] == ["dram.bytes_per_cycle", "pe_slices.sync", "cycles", "energy_pj"]
    assert [one["title"] for one in found["machines"]] == ["DianNao", "SmartDeal"]
    before = (folder / "report.html").read_bytes()
    assert main(["report", "out", "-q"]) == 0
    assert (folder / "report.html").read_bytes() == before
    assert len(before) < 5e6


def test_text_of_a_file_is_no_markup(folder):
    table = folder / "points.csv"
    table.write_text(table.read_text().replace("SmartDeal,", "<script>x</script>,"))
    assert main(["report", "out", "-q"]) == 0
    assert "<script>x" not in (folder / "report.html").read_text()
    assert data(folder)["machines"][1]["title"] == "<script>x</script>"


@pytest.mark.parametrize(
    "damaged",
    [
        lambda text: text.replace("\ntiny_sd", "\ntiny_sd,one,more", 1),
        lambda text: text + 'tiny_sd,"',
        lambda text: text[: text.index("\n") + 1],
        lambda text: text[:-9],
        lambda text: text.replace(",front,", ",frond,", 1),
    ],
)
def test_a_damaged_table_is_told(folder, capsys, damaged):
    table = folder / "points.csv"
    table.write_text(damaged(table.read_text()))
    assert main(["report", "out"]) == 2
    assert "points.csv: is damaged" in capsys.readouterr().err


def test_a_folder_without_either_is_told(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "archsim run or archsim sweep" in capsys.readouterr().err


@pytest.mark.slow
def test_a_person_looks_at_it(folder, tmp_path):
    """Points as the table has them, chosen, sorted and filtered; nothing asked of a network."""
    table = folder / "points.csv"
    table.write_text(table.read_text().replace("SmartDeal,", "<img src=x onerror=fail()>,"))
    assert main(["report", "out", "-q"]) == 0
    rows = table_of(folder)
    browser = Browser(tmp_path / "browser")
    try:
        browser.open((folder / "report.html").as_uri())
        ready(browser)
        drawn = records(browser, "scatter")
        assert [row["cycles"] for row in drawn] == [int(row["cycles"]) for row in rows]
        marks = browser.js("document.querySelectorAll('.mark-symbol.role-mark path').length")
        assert marks == len(rows)
        click(browser, "#best-table th[data-key=cycles] button")
        best = sorted((int(row["cycles"]) for row in rows if row["front"] == "true"), reverse=True)
        assert [row["cycles"] for row in records(browser, "best")] == best
        choose(browser, "which", "front")
        assert len(records(browser, "scatter")) == len(best)
        choose(browser, "across", "sram_kbytes")
        assert "sram" in browser.js("document.querySelector('#figure-scatter').textContent").lower()
        write_filter(browser, "all", "DianNao 16")
        kept = [row for row in records(browser, "all") if row["dram.bytes_per_cycle"] == 16]
        assert kept == records(browser, "all") != []
        assert {address.partition(":")[0] for address in browser.requests} <= {"file", "data"}
        assert browser.errors == []
    finally:
        browser.close()
