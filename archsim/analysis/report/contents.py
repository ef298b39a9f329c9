"""What a page over results shows, as plain values: the only thing that goes from Python into it.

Everything that is derived (ratios, names, colours, parts of a difference) is derived here or where
the tables of the command line have it from; the page selects, divides and draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archsim.analysis.breakdown import break_down
from archsim.analysis.compare import compared
from archsim.analysis.figures.palette import machine_colours
from archsim.analysis.identity import CAUSES, compute_of
from archsim.analysis.likeness import ARRAYS
from archsim.analysis.report.checks import check
from archsim.analysis.report.colours import colours, on_dark
from archsim.analysis.report.layers import counts, words
from archsim.analysis.report.machines import machines
from archsim.analysis.report.pairs import pairs
from archsim.results.result import OPS_PER_MAC
from archsim.results.settings import settings_text, short_text
from archsim.results.store import Stored, other_models, run_columns
from archsim.version import MODEL, VERSION

WEIGHTS = "weights: "
"""How the note begins that says whose weights they are, synthetic ones too."""
HASHES = ("inputs_hash", "arch_hash", "workload_hash")


def contents(stored: Sequence[Stored], reference: str) -> dict[str, Any]:
    """The page over some results. `reference` is the machine that counts as 1 at first.

    Raises:
        InputError: a result was changed by hand so that it cannot be shown.
    """
    for each in stored:
        check(each)
    found = compared(stored, list(dict.fromkeys(each.stem for each in stored)), reference)
    results = [each.result for each in stored]
    titles = names(stored)
    return {
        "archsim": VERSION,
        "model": MODEL,
        "reference": [row.partner.stem for row in found.rows.values() if row.partner][:1],
        "groups": [*found.groups],
        "machines": [
            {"stem": stem, "title": titles[stem], "colour": [colour, on_dark(colour)]}
            for stem, colour in _coloured(titles).items()
        ],
        "runs": [_run(row.stored, titles) for group in found.groups for row in found.of(group)],
        "pairs": {group: [*pairs(found.of(group))] for group in found.groups},
        "colours": colours(results),
        "causes": CAUSES,
        "ops_per_mac": OPS_PER_MAC,
        "diagrams": machines(stored, titles),
        "provenance": [_provenance(each) for each in stored],
        "notes": _notes(stored),
        "warnings": other_models((each.place, each.result.model) for each in stored),
    }


def names(stored: Sequence[Stored]) -> dict[str, str]:
    """What each machine is called, by its file: its name, and what was set; no two are the same."""
    titles: dict[str, str] = {}
    for each in stored:
        own = short_text(each.settings)
        titles.setdefault(each.stem, f"{each.result.arch}, {own}" if own else each.result.arch)
    every = [*titles.values()]
    return {
        stem: f"{title} ({stem})" if every.count(title) > 1 else title
        for stem, title in titles.items()
    }


def _coloured(titles: Mapping[str, str]) -> dict[str, str]:
    """The colour of each machine, in the order in which they stand in every figure."""
    found = machine_colours(titles.values())
    stems = {title: stem for stem, title in titles.items()}
    return {stems[title]: colour for title, colour in found.items()}


def _run(stored: Stored, titles: Mapping[str, str]) -> dict[str, Any]:
    """One result: its totals, its roof, and its layers as columns."""
    result = stored.result
    roof = break_down(stored.stem, result).roof
    return {
        "group": stored.group,
        "stem": stored.stem,
        "title": titles[stored.stem],
        "array": compute_of(result),
        "totals": _scalars(result.totals()),
        "energy_by": result.energy_by,
        "dram_bytes_by": result.dram_bytes_by,
        **{name: result.totals()[name] for name in ("busy", "lost", "idle", "instances")},
        "roof": {"ops_per_cycle": roof.operations, "dram_bytes_per_cycle": roof.dram_bytes},
        "words": words(result),
        "counts": counts(result),
    }


def _scalars(totals: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in totals.items() if isinstance(value, int | float)}


def _provenance(stored: Stored) -> dict[str, Any]:
    """What made a result."""
    result = stored.result
    weights = [note for note in result.notes if note.startswith(WEIGHTS)]
    return {
        **run_columns(stored),
        "file": f"{stored.place}.json",
        "archsim": result.archsim,
        "model": result.model,
        "arrays": ARRAYS[result.mode],
        "weights": "; ".join(note.removeprefix(WEIGHTS) for note in weights),
        "clock_mhz": result.clock_mhz,
        "changed": settings_text(dict.fromkeys(result.changed or (), "")).replace("=", ""),
        **{name: getattr(result, name) for name in HASHES},
    }


def _notes(stored: Sequence[Stored]) -> list[tuple[str, list[str]]]:
    """Each note and the results that have it, such as those whose weights are synthetic."""
    found: dict[str, list[str]] = {}
    for each in stored:
        for note in each.result.notes:
            found.setdefault(note, []).append(each.place)
    return [*found.items()]
