"""Figures, which a command draws if it can: without matplotlib it says so and goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from hashlib import blake2b
from pathlib import Path

from archsim.formats import console
from archsim.version import VERSION

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
    cached: bool = False,
    quiet: bool,
) -> list[Path]:
    """The figures over the results of a folder, or those of some groups, drawn into `out`; what
    keeps any of it from being drawn is said. With `cached` they are drawn only if anything that
    they show has changed."""
    from archsim.analysis.compare import compared
    from archsim.analysis.figures.comparison import figures
    from archsim.results.store import other_models, read_folder
    from archsim.runs.cache import default_cache

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
    name = f"figures-{blake2b(str(out.resolve()).encode(), digest_size=16).hexdigest()}.json"
    if cached and (kept := _unchanged(default_cache().read(name), shown)):
        return kept
    paths = drawn(lambda: figures(found, out, width_inches))
    figures_at = [str(path) for path in paths]
    if cached:
        default_cache().write(name, json.dumps({"shown": shown, "figures": figures_at}).encode())
    return paths


def _unchanged(state: bytes | None, shown: object) -> list[Path]:
    """The figures that are there, if they show just that by what the cache holds; else none."""
    try:
        kept = json.loads(state or b"")
        paths = [Path(figure) for figure in kept["figures"]]
        return paths if kept["shown"] == shown and all(path.is_file() for path in paths) else []
    except (ValueError, KeyError, TypeError):
        return []
