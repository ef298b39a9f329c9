"""The tables of docs/rivals_trained.md, from the files of docs/results/rivals."""

import json
from pathlib import Path
from typing import Any

from benchmarks.page_table import with_table

PAGE = Path("docs/rivals_trained.md")
HEADS = (
    "| method | setting | bits per weight | kB, all | accuracy, % (95 %) | norms anew | CPU s |",
    "|---|---|---|---|---|---|---|",
)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table of a network."""
    return "\n".join([*HEADS, *map(_line, rows)])


def _line(row: dict[str, Any]) -> str:
    low, high = row["interval"]
    anew = "" if row["refreshed"] is None else f"{100 * row['refreshed']:.2f}"
    return (
        f"| {row['method']} | {row['setting']} | {row['bits_per_weight']:.2f} "
        f"| {1000 * row['megabytes']:.1f} "
        f"| {100 * row['score']:.2f} ({100 * low:.1f}-{100 * high:.1f}) | {anew} "
        f"| {row['seconds']:.0f} |"
    )


def write(page: Path, results: Path) -> None:
    """Put the table of a file of results between the page's marks of its network."""
    found = json.loads(results.read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    made = table(found["rows"]) + "\n"
    page.write_text(with_table(text, found["network"], made), encoding="utf-8")
