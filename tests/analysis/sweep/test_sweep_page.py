"""The page over a folder of a sweep."""

import base64
from html.parser import HTMLParser
from pathlib import Path

import pytest

from archsim.cli.main import main

LINE = ["sweep", "-w", "tiny_sd", "-a", "smartdeal", "--vary", "dram.bytes_per_cycle=8,16",
        "--out", "out", "-q"]  # fmt: skip


class Page(HTMLParser):
    """The cells of a page, and the names of its elements."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.elements = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "td":
            self.cells.append(data)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*LINE, "--no-figures"]) == 0
    return Path("out")


def test_it_has_table_and_figures_and_asks_for_nothing(folder):
    assert main(LINE) == 0
    assert main(["report", "out", "-q"]) == 0
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert not [tag for tag, _ in page.elements if tag in {"script", "link", "iframe"}]
    shown = [attributes["src"] for tag, attributes in page.elements if tag == "img"]
    drawn = [base64.b64decode(source.partition(",")[2]) for source in shown]
    assert drawn == [(folder / f"sweep_{name}.svg").read_bytes() for name in ("lines", "front")]
    (kept,) = (a["href"] for tag, a in page.elements if tag == "a")
    table = (folder / "points.csv").read_bytes()
    assert base64.b64decode(kept.partition(",")[2]) == table
    cycles = [line.split(b",")[7].decode() for line in table.splitlines()[1:]]
    assert set(cycles) <= set(page.cells)
    before = (folder / "report.html").read_bytes()
    assert main(["report", "out", "-q"]) == 0
    assert (folder / "report.html").read_bytes() == before


def test_text_of_a_file_is_no_markup(folder):
    table = folder / "points.csv"
    table.write_text(table.read_text().replace("SmartDeal,", "<script>x</script>,"))
    assert main(["report", "out", "-q"]) == 0
    assert "<script>" not in (folder / "report.html").read_text()


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
