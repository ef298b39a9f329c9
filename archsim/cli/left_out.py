"""The sentences below every table of a run: what its energies and areas have in them, and what they
have not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archsim.analysis.compare import Comparison
    from archsim.results.result import Result


def left_out(found: Comparison) -> list[str]:
    """What the energies and areas of some results have in them, and what they do not."""
    results = [row.result for row in found.rows.values()]
    leaking = [one for one in results if one.leakage_pj is not None]
    said = [_energy_is(leaking, _with_rows(results))]
    if any(one.area_by for one in results):
        names = dict.fromkeys(name for one in results for name in one.without_area)
        said.append(f"Area is without {', '.join([*names, 'wires'])}.")
    return said


def _with_rows(results: Sequence[Result]) -> list[str]:
    """Memories whose own energy has what they draw idle."""
    from archsim.results.energy_parts import memory_parts

    parts = [(name, of) for one in results for name, of in memory_parts(one).items()]
    return [*dict.fromkeys(name for name, of in parts if "background" in of)]


def _energy_is(leaking: Sequence[Result], with_rows: Sequence[str]) -> str:
    """Of results that have anything but dynamic energy, which may be none, and of memories that
    draw power idle by themselves."""
    from archsim.results.silicon import CLOCK_TREE

    known = [
        (name, one.kinds.get(name))
        for one in leaking
        for name, pj in (one.leakage_by or {}).items()
        if pj is not None and name != CLOCK_TREE
    ]
    off_chip = dict.fromkeys(name for name, kind in known if kind == "off_chip")
    if len(off_chip) < len(dict.fromkeys(known)):
        idle = [f"what {one} draws idle" for one in with_rows if one not in off_chip]
        has = ["dynamic energy of the parts listed", "their leakage", *idle]
        unknown = dict.fromkeys(name for one in leaking for name in one.without_leakage)
        lacks = [f"that of {name}" for name in unknown]
    else:
        has = [
            "dynamic energy of the parts listed",
            *(f"what {one} draws idle" for one in dict.fromkeys([*off_chip, *with_rows])),
        ]
        lacks = ["leakage"]
    clock = bool(leaking) and all(CLOCK_TREE in (one.leakage_by or {}) for one in leaking)
    (has if clock else lacks).append("the clock tree")
    ends = f"; {_list(lacks)} {'are' if len(lacks) > 1 else 'is'} left out" if lacks else ""
    return f"Energy is {_list(has)}{ends}."


def _list(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
