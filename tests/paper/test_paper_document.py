"""docs/reproduction.md is what the code says now, as far as that can be computed in seconds.

`make reproduction` writes the page; here the parts that need no simulation are compared whole, and
of the simulated ones the rows of the smallest network.
"""

from pathlib import Path

import pytest

from archsim.paper import claims_arithmetic, claims_open, claims_shapes, contents, markdown
from archsim.paper.context import Wanted
from archsim.paper.context import context as context_of

PAGE = Path(__file__).parents[2] / "docs" / "reproduction.md"
STALE = "docs/reproduction.md is not current: make reproduction"
SMALL = "VGG19"


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    wanted = Wanted(networks=(SMALL,), out=tmp_path_factory.mktemp("out"))
    return context_of(wanted, cached=False)


def test_claims_without_simulation_are_current(page, context):
    still = [*claims_arithmetic.CHECKS, *claims_shapes.CHECKS, *claims_open.REASONS]
    for claim in contents.claims(context, still):
        assert markdown.claim_row(claim) in page, f"{STALE}: claim {claim.id}"


@pytest.mark.parametrize("name", ["table2", "table3", "table4", "table9"])
def test_tables_without_simulation_are_current(page, context, name):
    for line in contents.report(name, context).lines:
        assert markdown.line_row(line) in page, f"{STALE}: {name}, {line.what}"


@pytest.mark.parametrize("name", ["fig8", "fig9", "fig10"])
def test_the_smallest_network_is_current(page, context, name):
    grid = contents.report(name, context).tables[0]
    rows = [markdown.grid_row(*row) for row in grid.rows if row[0] == SMALL]
    assert len(rows) == 1
    assert rows[0] in page, f"{STALE}: {name}, {rows[0]}"


def test_measured_zeros_of_table_8_are_current(page, context):
    for row in contents.report("table8", context).tables[0].rows:
        assert markdown.grid_row(*row) in page, f"{STALE}: table8, {row[0]}"


def test_the_page_has_every_part(page):
    for head in ("Verdicts", "Largest disagreements", "Networks", "fig8", "fig9", "fig10",
                 "Scenarios", "Sensitivity", "table2", "table9", "Claims"):  # fmt: skip
        assert f"\n## {head}" in page, head
    assert page.count("\n| 42 |") == 1
