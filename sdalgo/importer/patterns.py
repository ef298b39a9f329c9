"""Several operators that are one: norms, GELU and the like, written out by an exporter.

A pattern is looked for from its last operator back to the map that it is of. What lies between must
be read by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sdalgo.importer.patterns_gates import gated, gelu
from sdalgo.importer.patterns_norms import norm
from sdalgo.importer.rules import Rule
from sdalgo.importer.trace import Step, Trace
from sdalgo.importer.walk import Match


@dataclass(frozen=True, kw_only=True)
class Found:
    """Patterns of a trace.

    Attributes:
        rules: the rule of the last operator of each.
        inside: operators that disappear in one.
    """

    rules: dict[Step, Rule] = field(default_factory=dict)
    inside: set[Step] = field(default_factory=set)


def found_in(trace: Trace) -> Found:
    """Return the patterns of a trace; an operator belongs to one at most."""
    found = Found()
    for step in reversed(trace.steps):
        if step in found.inside or not step.maps:
            continue
        for pattern in _PATTERNS.get(step.what, ()):
            match = pattern(step)
            if match and not match.steps & found.inside and _closed(match, step):
                found.rules[step] = match.rule()
                found.inside.update(match.steps - {step})
                break
    return found


def _closed(match: Match, last: Step) -> bool:
    """Nothing else reads what lies between, and the result has the shape of the map."""
    if last.out.shape != match.source.shape:
        return False
    return all(
        not made.final and all(reader in match.steps for reader in made.readers)
        for step in match.steps - {last}
        for made in step.made
        if made is not None
    )


_PATTERNS: dict[str, tuple[Callable[[Step], Match | None], ...]] = {
    "Add": (norm,),
    "Mul": (norm, gelu, gated),
    "Div": (norm, gated),
}
