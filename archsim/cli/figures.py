"""Figures, which a command draws if it can: without matplotlib it says so and goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from archsim.formats import console

MISSING = "no figures: matplotlib is missing; pip install 'archsim[plot]' brings it"


def drawn(draw: Callable[[], list[Path]], missing: str = MISSING) -> list[Path]:
    """The files that `draw` writes; none, and a note, where there is nothing to draw with."""
    from archsim.analysis.figures.plots import MissingMatplotlib

    try:
        return draw()
    except MissingMatplotlib:
        console.note(missing)
        return []
