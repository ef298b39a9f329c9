"""Which colour a component, a flow or a machine has in the figures, and what is too small to show.

Off-chip memory is grey, buffers are blue and green, what computes is warm. The colours of a group
keep enough distance for readers who see few hues (after Okabe and Ito, "Color universal design").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from archsim.normalise import Row

GREYS = ("#4d4d4d", "#9a9a9a")
COOL = ("#0072b2", "#56b4e9", "#009e73", "#8fd3c1", "#2a4d8f", "#9bb8d3")
WARM = ("#d55e00", "#e69f00", "#f0e442", "#cc79a7", "#8c2d04", "#fdc086", "#b2182b", "#b39ddb")
MACHINES = ("#9a9a9a", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
REST_COLOUR = "#e0e0e0"
SHOWN_SHARE = 0.005  # a part below this share of every bar's whole goes into "other"


@dataclass(frozen=True)
class Band:
    """One colour of a stacked bar chart: a height for each bar, in multiples of the reference."""

    label: str
    colour: str
    heights: Sequence[float]


def bands(
    rows: Sequence[Row], parts: Sequence[Mapping[str, float]], wholes: Sequence[float]
) -> list[Band]:
    """`parts` of each row as shares of that row's reference `wholes`, one band a part, in the order
    in which the machines name them; parts too small to see are summed in a last band."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    shares = {
        name: [
            part.get(name, 0) / whole if whole else 0.0
            for part, whole in zip(parts, wholes, strict=True)
        ]
        for name in names
    }
    totals = [sum(column) for column in zip(*shares.values(), strict=True)]
    large = [
        name
        for name in names
        if any(
            share > SHOWN_SHARE * total for share, total in zip(shares[name], totals, strict=True)
        )
    ]
    colours = _colours(large, rows)
    drawn = [Band(name, colours[name], shares[name]) for name in large]
    small = [name for name in names if name not in large]
    rest = [sum(shares[name][bar] for name in small) for bar in range(len(rows))]
    visible = any(one > SHOWN_SHARE * total for one, total in zip(rest, totals, strict=True))
    return [*drawn, Band("other", REST_COLOUR, rest)] if visible else drawn


def machine_colours(rows: Sequence[Row]) -> dict[str, str]:
    """A colour for each machine's label."""
    labels = dict.fromkeys(row.label for row in rows)
    return dict(zip(labels, cycle(MACHINES), strict=False))


def _colours(names: Sequence[str], rows: Sequence[Row]) -> dict[str, str]:
    """By the class of the component of that name; flows have no class and take cool colours."""
    classes = {
        name: str(fields.get("class", ""))
        for row in rows
        for name, fields in row.result.arch_resolved.get("components", {}).items()
    }
    families = {"grey": cycle(GREYS), "cool": cycle(COOL), "warm": cycle(WARM)}
    return {name: next(families[_family(classes.get(name, "Buffer"))]) for name in names}


def _family(kind: str) -> str:
    if kind in {"Dram", "Dma"}:
        return "grey"
    return "cool" if "Buffer" in kind else "warm"
