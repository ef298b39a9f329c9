"""Reports as Markdown. Each row is a line of its own and depends on nothing but its own numbers, so
that a part of a page can be checked against a part of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archsim.paper.claim import Claim, Part
from archsim.paper.report import Grids, Line, shown

MEETS = {True: "yes", False: "**no**", None: "-"}
SHOWN_PARTS = 6  # a claim of fourteen values shows these, and says how many there are


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def table(heads: Sequence[str], rows: Iterable[str], left: int = 1) -> str:
    """A table of rows made by `row`; the first `left` columns stand left."""
    line = "|" + "|".join("---" if at < left else "---:" for at in range(len(heads))) + "|"
    return "\n".join([row(heads), line, *rows])


def grid_row(name: str, values: Sequence[float | str | None]) -> str:
    """A network or machine with its values."""
    return row([name, *(shown(value) for value in values)])


def grid(found: Grids) -> str:
    """A table of our own values."""
    rows = [grid_row(name, values) for name, values in found.rows]
    return f"{found.title}:\n\n{table(found.heads, rows)}"


def line_row(line: Line) -> str:
    """A number of the paper beside ours."""
    ours, ratio = shown(line.ours), shown(line.ratio)
    return row([line.what, line.paper, ours, ratio, MEETS[line.meets], line.moved_by])


def lines(found: Sequence[Line]) -> str:
    """A table of such rows."""
    heads = ["", "paper", "ours", "ours/paper", "meets", "moved most by, or rule"]
    return table(heads, [line_row(line) for line in found], left=len(heads))


def claim_row(claim: Claim) -> str:
    """A claim with its numbers, verdict and reason."""
    numbers = [part for part in claim.parts if part.ours is not None]
    said = "; ".join(_number(part) for part in numbers[:SHOWN_PARTS])
    if len(numbers) > SHOWN_PARTS:
        said += f"; and {len(numbers) - SHOWN_PARTS} more"
    cells = [str(claim.id), claim.where, claim.claim, claim.paper, said or "-"]
    return row([*cells, claim.verdict, claim.reason])


def claims(found: Sequence[Claim]) -> str:
    """The table of claims."""
    heads = ["", "where", "claim", "paper", "ours", "verdict", "reason"]
    return table(heads, [claim_row(claim) for claim in found], left=len(heads))


def _number(part: Part) -> str:
    return f"{part.what}: {shown(part.ours)}"
