"""A result as tables: for pandas, and for a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

GROUPS = ("dram_bytes", "energy_pj", "leakage_pj", "busy", "lost")
Layers = Sequence[Mapping[str, Any]]
"""Layers as they stand in a results file."""


def layer_table(layers: Layers) -> pd.DataFrame:
    """One row per layer, in the file's order: the plain counts, then `dram_bytes.<flow>`,
    `energy_pj.<component>`, where prices have it `leakage_pj.<component>` (NaN of a component that
    they do not know), and the instance-cycles `busy.<component>` and `lost.<component>.<cause>`."""
    import pandas as pd

    rows = [_row(layer) for layer in layers]
    names = dict.fromkeys(name for row in rows for name in row)
    nothing = dict.fromkeys((name for name in names if "." in name), 0)
    # A layer without a flow or a cause counts none of it; what prices do not know stays NaN.
    filled = [{**row, **{k: 0 for k in nothing if k not in row}} for row in rows]
    return pd.DataFrame(filled, columns=sorted(names, key=_group))


def _group(column: str) -> int:
    """Where a column stands: those of one kind together, whichever layer has them first."""
    kind, joint, _ = column.partition(".")
    return GROUPS.index(kind) if joint else -1


def _row(layer: Mapping[str, Any]) -> dict[str, Any]:
    apart = ("actions", "busy", "lost", "dram_bytes_by", "energy_by", "leakage_by")
    return {
        **{name: value for name, value in layer.items() if name not in apart},
        **{f"dram_bytes.{flow}": count for flow, count in layer["dram_bytes_by"].items()},
        **{f"energy_pj.{part}": pj for part, pj in layer["energy_by"].items()},
        **{
            f"leakage_pj.{part}": nan if pj is None else pj
            for part, pj in layer.get("leakage_by", {}).items()
        },
        **{f"busy.{part}": cycles for part, cycles in layer["busy"].items()},
        **{
            f"lost.{part}.{cause}": cycles
            for part, causes in layer["lost"].items()
            for cause, cycles in causes.items()
        },
    }


def as_html(title: str, totals: Mapping[str, Any], notes: Sequence[str], layers: Layers) -> str:
    """A result for a notebook: its totals, what has to be said of it, and its layers. Text from
    files is escaped."""
    heads = ("cycles", "milliseconds", "millijoules", "dram_bytes", "gops", "gops_per_watt")
    names = ("name", "cycles", "energy_pj", "dram_bytes")
    cells = [names, *(tuple(_shown(layer[name]) for name in names) for layer in layers)]
    said = "".join(f"<li>{escape(note)}</li>" for note in notes)
    totals_row = [heads, tuple(_shown(totals[name]) for name in heads)]
    return (
        f"<h4>{escape(title)}</h4>{_table(totals_row)}<ul>{said}</ul>"
        f"<details><summary>{len(layers)} layers</summary>{_table(cells)}</details>"
    )


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in body]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
