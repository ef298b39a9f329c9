"""Figures, which a command draws if it can: without matplotlib it says so and goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

from archsim.formats import console
from archsim.formats.files import write_atomically
from archsim.version import VERSION

STATE = ".figures.json"
"""What the figures of a folder show, beside them."""
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
    results: Path,
    reference: str,
    out: Path,
    width_inches: float,
    *,
    groups: Collection[str] | None = None,
    quiet: bool,
) -> list[Path]:
    """The figures over the results of a folder, or those of some groups, drawn into `out`; what
    keeps any of it from being drawn is said. Those of a run's `groups` are drawn only if anything
    that they show has changed."""
    from archsim.analysis.compare import compared
    from archsim.analysis.figures.comparison import figures
    from archsim.results.store import other_models, read_folder

    stored, problems = read_folder(results, groups)
    for problem in problems:
        console.note(f"left out of summary and figures: {problem}")
    found = compared(stored, list(dict.fromkeys(each.stem for each in stored)), reference)
    missing = [group for group in found.groups if not any(r.reference for r in found.of(group))]
    if missing and not quiet:
        console.note(f"not in the figures, for want of a run on {reference}: {', '.join(missing)}")
    for line in other_models(stored) if not quiet else ():
        console.note(line)
    shown = [
        VERSION,
        reference,
        width_inches,
        [[x.group, x.stem, x.result.inputs_hash] for x in stored],
    ]
    state = out / STATE
    if groups is not None and (kept := _unchanged(state, shown)):
        return kept
    paths = drawn(lambda: figures(found, out, width_inches))
    names = [path.name for path in paths]
    write_atomically(state, json.dumps({"shown": shown, "figures": names}, indent=1).encode())
    return paths


def _unchanged(state: Path, shown: object) -> list[Path]:
    """The figures that are there, if they show just that; else none."""
    try:
        kept = json.loads(state.read_text(encoding="utf-8"))
        paths = [state.with_name(name) for name in kept["figures"]]
        return paths if kept["shown"] == shown and all(path.is_file() for path in paths) else []
    except (OSError, ValueError, KeyError, TypeError):
        return []
