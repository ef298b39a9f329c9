"""docs/reproduction.md is what the code says now, as far as that can be computed in seconds.

`make reproduction` writes the page; here the parts that need no simulation are compared whole, and
of the simulated ones the rows of the smallest network.
"""

from pathlib import Path

import pytest

from archsim.paper import reports
from archsim.paper.context import Wanted
from archsim.paper.context import context as context_of
from archsim.paper.page import claim_cells, line_cells, row

PAGE = Path(__file__).parents[2] / "docs" / "reproduction.md"
STALE = "docs/reproduction.md is not current: make reproduction"
SMALL = "VGG19"
SIMULATED = (4, 5, 11, 12, 31, 33, 34, 35, 36, 37)


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    wanted = Wanted(networks=(SMALL,), out=tmp_path_factory.mktemp("out"))
    return context_of(wanted, cached=True)


def test_claims_without_simulation_are_current(page, context):
    for claim in reports.claims(context, [n for n in range(1, 43) if n not in SIMULATED]):
        assert row(claim_cells(claim)) in page, f"{STALE}: claim {claim.id}"


@pytest.mark.parametrize("name", ["table2", "table3", "table4", "table9"])
def test_tables_without_simulation_are_current(page, context, name):
    for line in reports.report(name, context).lines:
        assert row(line_cells(line)) in page, f"{STALE}: {name}, {line.what}"


@pytest.mark.parametrize("name", ["fig8", "fig9", "fig10"])
def test_the_smallest_network_is_current(page, context, name):
    sheet = reports.report(name, context).tables[0]
    rows = [row([name, *cells]) for name, cells in sheet.rows if name == SMALL]
    assert len(rows) == 1
    assert rows[0] in page, f"{STALE}: {name}, {rows[0]}"


def test_measured_zeros_of_table_8_are_current(page, context):
    for name, cells in reports.report("table8", context).tables[0].rows:
        assert row([name, *cells]) in page, f"{STALE}: table8, {name}"


def test_the_page_has_every_part(page):
    for head in ("Verdicts", "Largest disagreements", "Networks", "fig8", "fig9", "fig10",
                 "Scenarios", "Trained and synthetic weights", "Sensitivity", "table2", "table9",
                 "Claims"):  # fmt: skip
        assert f"\n## {head}" in page, head
    assert page.count("\n| 42 |") == 1
