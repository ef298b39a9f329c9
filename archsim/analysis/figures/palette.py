"""Which colour a component, a flow or a machine has in the figures, and what is too small to show.

A family of hues stands for what something does, so that machines with different names for the same
thing can be compared: grey is off the chip, blue carries what moves past the array, green what
stays in it, pink its results, and warm colours compute. Shades tell the members of a family apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from archsim.analysis.normalise import Row

if TYPE_CHECKING:
    from archsim.results.result import Result

FAMILIES: Mapping[str, Sequence[str]] = {  # from the bottom of a bar to its top
    "memory": ("#4d4d4d", "#8a8a8a", "#b5b5b5"),
    "moving": ("#08519c", "#4292c6", "#9ecae1", "#2b8cbe", "#6baed6"),
    "stationary": ("#006d2c", "#41ab5d", "#a1d99b", "#78c679", "#005a32"),
    "result": ("#ae017e", "#f768a1", "#fbb4b9", "#dd3497", "#7a0177"),
    "update": ("#54278f", "#807dba", "#bcbddc"),
    "compute": ("#e66101", "#fdb863", "#f0e442", "#8c510a", "#d6604d", "#dfc27d", "#b2182b"),
}
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
    """`parts` of each row as shares of that row's reference `wholes`, one band a part, families
    together; parts too small to see are summed in a last band."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    shares = {
        name: [
            part.get(name, 0) / whole if whole else 0.0
            for part, whole in zip(parts, wholes, strict=True)
        ]
        for name in names
    }
    totals = [sum(column) for column in zip(*shares.values(), strict=True)]

    def visible(column: Sequence[float]) -> bool:
        return any(share > SHOWN_SHARE * total for share, total in zip(column, totals, strict=True))

    small = [shares[name] for name in names if not visible(shares[name])]
    colours = _colours([name for name in names if visible(shares[name])], rows)
    drawn = [Band(name, colour, shares[name]) for name, colour in colours.items()]
    rest = [sum(one[bar] for one in small) for bar in range(len(rows))]
    return [*drawn, Band("other", REST_COLOUR, rest)] if visible(rest) else drawn


def machine_colours(rows: Sequence[Row]) -> dict[str, str]:
    """A colour for each machine's label."""
    labels = dict.fromkeys(row.label for row in rows)
    return dict(zip(labels, cycle(MACHINES), strict=False))


def _colours(names: Sequence[str], rows: Sequence[Row]) -> dict[str, str]:
    """A shade of its family for each name, families from the bottom to the top of a bar."""
    families: dict[str, str] = {}
    for row in rows:
        families |= _families(row.result)
    order = list(FAMILIES)
    shades = {family: cycle(colours) for family, colours in FAMILIES.items()}
    ordered = sorted(names, key=lambda name: order.index(families.get(name, "compute")))
    return {name: next(shades[families.get(name, "compute")]) for name in ordered}


def _families(result: Result) -> dict[str, str]:
    """The family of every component and flow of one machine: buffers belong to the last flow that
    passes them."""
    flows = result.arch_resolved["flows"]
    families = {name: str(flow["role"]) for name, flow in flows.items()}
    for name, kind in result.kinds.items():
        if kind in {"off_chip", "mover"}:
            families[name] = "memory"
        elif kind == "storage":
            passing = [str(flow["role"]) for flow in flows.values() if name in flow["path"]]
            families[name] = passing[-1] if passing else "result"
        else:
            families[name] = "compute"
    return families
