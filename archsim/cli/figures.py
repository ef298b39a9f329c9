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


def draw_folder(
    results: Path, reference: str, out: Path, width_inches: float, *, quiet: bool
) -> list[Path]:
    """The figures over all results of a folder, drawn into `out`; what keeps any of it from being
    drawn is said."""
    from archsim.analysis.compare import compared
    from archsim.analysis.figures.comparison import figures
    from archsim.results.store import other_models, read_folder

    stored, problems = read_folder(results)
    for problem in problems:
        console.note(f"left out of summary and figures: {problem}")
    found = compared(stored, list(dict.fromkeys(each.stem for each in stored)), reference)
    missing = [group for group in found.groups if not any(r.reference for r in found.of(group))]
    if missing and not quiet:
        console.note(f"not in the figures, for want of a run on {reference}: {', '.join(missing)}")
    for line in other_models(stored) if not quiet else ():
        console.note(line)
    return drawn(lambda: figures(found, out, width_inches))
