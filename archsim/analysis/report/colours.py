"""The colours of a page, for light and for dark: those of all figures, dark ones made lighter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archsim.analysis.figures.palette import (
    BETTER,
    CAUSE_COLOURS,
    FURTHER,
    WORSE,
    component_colours,
    flow_colours,
    paler,
)
from archsim.results.result import Result

DARKEST = 0.35
"""Luma (ITU-R BT.601, 0 to 1) under which a colour is not seen on the dark page [A]."""
IDLE = "#e0e0e0"


Pair = tuple[str, str]
"""A colour on the light page and on the dark one."""


def colours(results: Sequence[Result]) -> dict[str, dict[str, Pair]]:
    """The colours of components, flows, causes and ways of a difference, by their names; the order
    is that in which they are stacked."""
    components = dict.fromkeys(name for each in results for name in each.energy_by)
    roles = {
        name: keys["role"] for each in results for name, keys in each.arch_resolved["flows"].items()
    }
    flows = dict.fromkeys(name for each in results for name in each.dram_bytes_by)
    known = flow_colours(roles, flows)
    found = {
        "component": component_colours(results, components),
        "flow": known | _further(name for name in flows if name not in known),
        "cause": {**CAUSE_COLOURS, **_further(_own_causes(results)), "idle": IDLE},
        "way": {"less": BETTER, "more": WORSE},
    }
    return {
        kind: {name: (colour, on_dark(colour)) for name, colour in own.items()}
        for kind, own in found.items()
    }


def on_dark(colour: str) -> str:
    """The colour (#rrggbb) as it is drawn on a dark page."""
    return paler(colour, 0.45) if _luma(colour) < DARKEST else colour


def _own_causes(results: Iterable[Result]) -> list[str]:
    """Causes of a user's machine."""
    found = {
        cause: None
        for result in results
        for layer in result.layers
        for causes in layer.lost.values()
        for cause in causes
    }
    return [cause for cause in found if cause not in CAUSE_COLOURS]


def _further(names: Iterable[str]) -> dict[str, str]:
    return {name: FURTHER[at % len(FURTHER)] for at, name in enumerate(names)}


def _luma(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue
