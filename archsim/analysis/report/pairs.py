"""The difference of two machines on one workload, from what their results counted.

The parts are those of `archsim.analysis.identity`, which needs no run. `archsim explain` runs both
machines again with their mechanisms switched off, and so says more.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

from archsim.analysis.identity import cycle_parts, energy_parts
from archsim.analysis.likeness import unlike
from archsim.analysis.normalise import Normalised
from archsim.results.store import Stored

EVERY_PAIR = 8
"""So many results of a workload are held against each other, each with each; of more, each against
the reference alone: the number of pairs grows with the square."""


def pairs(rows: Sequence[Normalised]) -> Iterator[dict[str, Any]]:
    """The differences of the results of one workload, B less A.

    `unlike` says what the two differ in beside the machine. Where anything is said there, the parts
    are left out: they would mix that with the machines.
    """
    for a, b in _chosen(rows):
        said = unlike(b.result, a.result, one_machine=a.machine == b.machine)
        pair: dict[str, Any] = {"a": a.stem, "b": b.stem, "unlike": said}
        if not said:
            pair["cycles"] = _changed(cycle_parts(a.result, b.result))
            pair["energy_pj"] = _changed(energy_parts(a.result, b.result))
        yield pair


def _chosen(rows: Sequence[Normalised]) -> list[tuple[Stored, Stored]]:
    every = [row.stored for row in rows]
    if len(every) <= EVERY_PAIR:
        return [*permutations(every, 2)]
    return [(row.partner, row.stored) for row in rows if row.partner and row.partner != row.stored]


def _changed(parts: dict[str, float]) -> list[list[Any]]:
    return [[name, change] for name, change in parts.items() if change]
