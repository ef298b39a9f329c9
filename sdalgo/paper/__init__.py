"""Figures and tables of the paper that sdalgo computes, one file each.

A file holds `rows(progress)`, which returns a list of `Row`. `write` puts them into
results/paper/NAME.json, where `archsim paper` reads them.
"""

import importlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archsim.formats.own_files import keep
from archsim.formats.progress import Progress
from archsim.formats.source import require

NAMES = ("fig3", "table2", "table3", "table4")
FORMAT = "sdalgo-paper/1"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number of the paper beside ours.

    Attributes:
        row: which row or bar of the table or figure.
        quantity, unit: what is compared.
        paper: the printed value; None where the paper prints none.
        ours: None where it cannot be computed here, and `how` then says what is missing.
        how: the rule, the inputs, and the assumption that moves the value most.
        meets: the values agree to the printed digits; None where one is missing.
    """

    row: str
    quantity: str
    unit: str
    paper: float | None
    ours: float | None
    how: str
    meets: bool | None = None

    @property
    def ratio(self) -> float | None:
        if self.paper is None or self.ours is None or self.paper == 0:
            return None
        return self.ours / self.paper


def compute(name: str, progress: Progress | None = None) -> dict[str, Any]:
    """Return the document of one figure or table, ready for JSON."""
    require("figure or table", name, NAMES)
    rows: list[Row] = importlib.import_module(f"{__name__}.{name}").rows(progress)
    return {
        "format": FORMAT,
        "name": name,
        "made_by": f"sdalgo paper {name}",
        "rows": [{**asdict(row), "ratio": row.ratio} for row in rows],
    }


def write(document: dict[str, Any], folder: Path) -> Path:
    """Write a document as FOLDER/paper/NAME.json; returns the path."""
    path = folder / "paper" / f"{document['name']}.json"
    keep(path, document, FORMAT.encode())
    return path
