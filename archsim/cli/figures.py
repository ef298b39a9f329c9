"""Figures, which a command draws if it can: without matplotlib it says so and goes on.

Figures that show what they showed before are not drawn again: the cache keeps what was shown, what
was said of it, and the files as they were left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.formats import console

if TYPE_CHECKING:
    from archsim.analysis.compare import Comparison

MISSING = "no figures: matplotlib is missing; pip install 'archsim[plot]' brings it"
CODE = ("formats", "results", "analysis", "paper")
"""Folders that a figure depends on."""


@dataclass(frozen=True)
class Wanted:
    """Figures in a folder: `name` tells them from others there, and `shown` is all that they depend
    on beside the program; they are drawn anew in any case where they are not `cached`."""

    name: str
    folder: Path
    shown: Any
    cached: bool = True


@dataclass(frozen=True)
class Figures:
    """Files, and what has to be said of them."""

    paths: Sequence[Path]
    notes: Sequence[str] = ()


def drawn(wanted: Wanted, draw: Callable[[], Figures], missing: str = MISSING) -> Figures:
    """What `draw` gives, or has given when it was last called to show the same; no files, and a
    note, where there is nothing to draw with."""
    from archsim.analysis.figures.plots import MissingMatplotlib
    from archsim.formats.sealed import sealed
    from archsim.runs.cache import default_cache
    from archsim.runs.content import code_hash
    from archsim.runs.folder_index import index_name

    name = index_name("figures", wanted.folder, wanted.name)
    shown = json.loads(json.dumps([code_hash(CODE), wanted.shown]))
    if wanted.cached and (kept := _unchanged(default_cache().read(name), shown)):
        return kept
    try:
        found = draw()
    except MissingMatplotlib:
        return Figures((), (missing,))
    if wanted.cached:
        files = {str(path): _stamp(path) for path in found.paths}
        state = {"shown": shown, "files": files, "notes": [*found.notes]}
        default_cache().write(name, sealed(state))
    return found


def drawn_files(wanted: Wanted, draw: Callable[[], Figures], missing: str = MISSING) -> list[Path]:
    """The files of `drawn`; what has to be said of them is said."""
    made = drawn(wanted, draw, missing)
    for line in made.notes:
        console.note(line)
    return [*made.paths]


def draw_folder(
    results: Path,
    reference: str,
    out: Path,
    width_inches: float,
    *,
    groups: Collection[str] | None = None,
    cached: bool = True,
    quiet: bool,
) -> list[Path]:
    """The figures over the results of a folder, or those of some groups, drawn into `out`; what
    keeps any whole result from being drawn is said. With `cached` they are drawn, and the results
    read, only if anything that they show has changed."""
    from archsim.results.store import other_models
    from archsim.runs.cache import default_cache
    from archsim.runs.folder_index import listing

    listed = listing(results, default_cache() if cached else None)
    ours = [each for each in listed.results if groups is None or each.group in groups]
    shown = [reference, width_inches, [[each.place, each.digest] for each in ours]]

    def draw() -> Figures:
        from archsim.analysis.compare import compared
        from archsim.results.store import read_folder

        stored, _ = read_folder(results, {each.group for each in ours})
        found = compared(stored, list(dict.fromkeys(each.stem for each in stored)), reference)
        return compared_figures(found, reference, out, width_inches)

    made = drawn(Wanted("run", out, shown, cached), draw)
    notes = [*made.notes, *other_models(each.made_by for each in ours)]
    for line in notes:
        if not quiet or line == MISSING:
            console.note(line)
    return [*made.paths]


def compared_figures(
    found: Comparison, reference: str, out: Path, width_inches: float, *, means: bool = False
) -> Figures:
    """Draws a comparison, and says what it leaves out for want of a reference run that is like
    it."""
    from archsim.analysis.compare import by_case
    from archsim.analysis.figures.comparison import figures

    notes = [f"not in the figures: {place}: {how}" for place, how in found.unlike.items()]
    bare = [group for group in found.groups if not any(r.reference for r in found.of(group))]
    bare = [group for group in bare if not any(row.unlike for row in found.of(group))]
    if bare:
        notes.append(f"not in the figures, for want of a run on {reference}: {', '.join(bare)}")
    return Figures(figures(by_case(found, reference), out, width_inches, means=means), notes)


def _unchanged(state: bytes | None, shown: object) -> Figures | None:
    """The figures that are there, if they show just that by what the cache holds."""
    from archsim.formats.sealed import unsealed

    try:
        kept = unsealed(state or b"")
        same = kept["shown"] == shown
        same &= all(_stamp(Path(path)) == stamp for path, stamp in kept["files"].items())
        return Figures([*map(Path, kept["files"])], kept["notes"]) if same else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _stamp(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]
