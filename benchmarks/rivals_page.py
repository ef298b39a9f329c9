"""The tables and figures of docs/rivals.md, from docs/results/rivals.

    python -m benchmarks.rivals_page

`sdalgo rivals NETWORK --out docs/results/rivals` makes the rows of one pass, `python -m
benchmarks.trained_rivals` those of methods that train.
"""

import tempfile
from pathlib import Path

from archsim.formats.json_file import read_json
from benchmarks.page_table import with_table
from sdalgo.rivals import report
from sdalgo.rivals.harness import row_of
from sdalgo.rivals.row import Row
from sdalgo.rivals.subject import NETWORKS

RESULTS = Path("docs/results/rivals")
PAGE = Path("docs/rivals.md")
IMAGES = Path("docs/img")


def main() -> None:
    for network in NETWORKS:
        path = RESULTS / f"{network}.json"
        if path.exists():
            found = read_json(path)
            rows = [row_of(row) for row in found["rows"]]
            rows += report.trained_rows(RESULTS / f"{network}_trained.json")
            text = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(with_table(text, network, table(rows)), encoding="utf-8")
            draw(rows, network)


def table(rows: list[Row]) -> str:
    """Return the rows as Markdown."""
    heads = report.heads(rows[0].metric)
    lines = [heads, ["---"] * len(heads), *report.cells(rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def draw(rows: list[Row], network: str) -> None:
    """Draw the figure as SVG alone."""
    with tempfile.TemporaryDirectory() as folder:
        report.draw(rows, Path(folder) / "figure")
        drawn = (Path(folder) / "figure.svg").read_bytes()
    (IMAGES / f"rivals_{network}.svg").write_bytes(drawn)


if __name__ == "__main__":
    main()
