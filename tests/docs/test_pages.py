"""README and pages: links and paths lead somewhere, lines are short, rates are "per"."""

import re

import pytest
import yaml
from tutorial import ROOT, check, follow

from archsim.cli.main import main
from archsim.version import VERSION

GENERATED = ROOT / "docs" / "reproduction.md"
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").rglob("*.md")) - {GENERATED})]
SOURCES = [
    path
    for folder in ("archsim", "sdalgo", "archs", "benchmarks", "workloads", "tests")
    for suffix in ("py", "yaml")
    for path in sorted((ROOT / folder).rglob(f"*.{suffix}"))
] + [ROOT / "Makefile", ROOT / "pyproject.toml"]
LENGTH = 140
UNITS = (
    "bit|byte|cycle|pJ|mJ|product|operation|multiplication|weight|row|input|output|access|second|minute|channel|"
    "symbol|line|element|table|record|process|KB|MB"
)
OF = (
    "weight|bit|byte|non-zero|cycle|second|minute|layer|element|slice|step|filter|channel|tile|group|position|"
    "pixel|code|coefficient|column|core|run|network|machine|character|seed|value|phase|multiplication|symbol"
)
RATE = re.compile(rf"\b(?:{UNITS})(?:e?s)? an? (?:{OF})\b")
PATH = re.compile(r"`((?:archsim|sdalgo|archs|tests|benchmarks|docs|workloads)/[\w./-]+)`")
FIRST_RUN = re.compile(r"<!-- first run -->\n```\n(.*?)```", re.DOTALL)
QUICK = ("diannao", "bit_pragmatic", "cambricon_x", "smartdeal", "systolic")
"""The machines that run ResNet50 in a second or two each; SCNN takes longer."""


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_are_short(page):
    """A row of a table cannot be broken; everything else can."""
    lines = page.read_text(encoding="utf-8").splitlines()
    long = [at for at, line in enumerate(lines, 1) if len(line) >= LENGTH and line[:1] != "|"]
    assert not long, f"lines of {LENGTH} characters or more: {long}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_rate_is_per_something(page):
    found = RATE.findall(" ".join(page.read_text(encoding="utf-8").split()))
    assert not found, f'write "per": {found}'


def test_a_rate_is_recognised():
    assert RATE.search("at 100 pJ a byte")
    assert RATE.search("two bits a non-zero")
    assert not RATE.search("bits per weight")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_named_files_exist(page):
    """Files that a reader makes are called mine, my_..., or worked..., as the guides do."""
    named = set(PATH.findall(page.read_text(encoding="utf-8")))
    named = {path for path in named if not re.search(r"/(mine|my_|worked)", path)}
    missing = sorted(path for path in named if not (ROOT / path).exists())
    assert not missing


def test_pages_that_the_source_names_exist():
    missing = {
        f"{name(path)}: {page}"
        for path in SOURCES
        for page in re.findall(r"\bdocs/[\w/]+\.md", path.read_text(encoding="utf-8"))
        if not (ROOT / page).exists()
    }
    assert not missing


def test_links_of_the_readme_lead_somewhere():
    """Sphinx checks those between the pages of docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []


def test_the_citation_names_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= cited.keys()
    assert (cited["type"], str(cited["version"])) == ("software", VERSION)


@pytest.mark.slow
def test_the_first_table_is_what_a_run_prints(tmp_path, monkeypatch, capsys):
    pages = (ROOT / "README.md", ROOT / "docs" / "guides" / "five_minutes.md")
    tables = {FIRST_RUN.search(page.read_text(encoding="utf-8"))[1] for page in pages}
    assert len(tables) == 1, "README and five_minutes show different tables"
    monkeypatch.chdir(tmp_path)
    archs = [word for machine in QUICK for word in ("--arch", machine)]
    assert main(["run", "--workload", "resnet50_sd", *archs]) == 0
    shown = [line for line in tables.pop().splitlines() if not line.startswith("SCNN")]
    check("\n".join(["...", *shown, "..."]), capsys.readouterr().out)


@pytest.mark.slow
def test_the_example_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert follow(ROOT / "README.md") == 3
