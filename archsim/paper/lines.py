"""A number of the paper beside ours, made from an entry of a data file and judged.

An entry says `what`, the `paper`'s text, and `ours`, a formula; `how` says where ours is from, or
what moves it. Ours meets the paper's text where it lies within the printed digits, a printed range,
or a printed bound. `test` puts another text in its place, ``within 10 %``, ``within 1.5 points``,
``equal`` or ``open`` (says nothing); `open` is a formula for the last, `holds` one that decides.
`then` and `else` are other findings than ``meets`` and ``differs``. `for`, `let` and `if` stand
before any entry; `lines` holds several, and `take` is a formula for lines that are made already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from archsim.paper.formula import Names, filled, loop, value
from archsim.paper.printed import MISSING, Number, exactly, printed, read

Finding = Literal["meets", "differs", "contradicts", "open"]
Spec = Mapping[str, Any]

_RANGE = re.compile(r"([\d.]+) to ([\d.]+)")
_BOUND = re.compile(r"([<>]=?) ([\d.]+)")
_WITHIN = re.compile(r"within ([\d.]+) (%|points)")


@dataclass(frozen=True)
class Line:
    """`paper` is as printed, `ours` computed, or None. `finding` says what it means:
    ``contradicts`` where printed numbers exclude each other, whatever is computed. `ratio` is ours
    over the paper's."""

    what: str
    paper: str
    ours: float | None
    finding: Finding = "open"
    how: str = ""
    ratio: float | None = None

    @property
    def meets(self) -> bool | None:
        """None where nothing can be said."""
        return None if self.finding == "open" else self.finding == "meets"


def lines(specs: Sequence[Spec], names: Names) -> list[Line]:
    """The lines of entries, in their order."""
    made: list[Line] = []
    for spec in specs:
        for inner in scopes(spec, names):
            if "lines" in spec:
                made += lines(spec["lines"], inner)
            elif "take" in spec:
                made += value(spec["take"], inner)
            else:
                made.append(_line(spec, inner))
    return made


def scopes(spec: Spec, names: Names) -> Iterator[Names]:
    """The names in each round of an entry: its `for`, then `let`, then `if`."""
    for each in loop(spec["for"], names) if "for" in spec else [names]:
        inner = dict(each)
        for name, formula in spec.get("let", {}).items():
            inner[name] = value(formula, inner)
        if "if" not in spec or value(spec["if"], inner):
            yield inner


def _line(spec: Spec, names: Names) -> Line:
    paper = filled(spec["paper"], names)
    ours = value(spec["ours"], names)
    found = None if ours is None else exactly(ours)
    how = spec.get("without", "") if found is None else spec.get("how", "")
    stated = read(paper)
    over = stated.value if found and isinstance(stated, Number) else 0.0
    return Line(
        what=filled(spec["what"], names),
        paper=paper,
        ours=None if found is None else found.value,
        finding=_finding(spec, paper, found, names),
        how=filled(how, names),
        ratio=found.value / over if found and over else None,
    )


def _finding(spec: Spec, paper: str, ours: Number | None, names: Names) -> Finding:
    test = filled(spec.get("test", paper), names)
    if ours is None or test in {MISSING, "open"} or ("open" in spec and value(spec["open"], names)):
        return "open"
    if "holds" in spec:
        agrees = value(spec["holds"], {**names, "ours": ours.value})
    else:
        agrees = meets(ours, paper, test)
    word = spec.get("then", "meets") if agrees else spec.get("else", "differs")
    return cast(Finding, word)


def meets(ours: Number, paper: str, test: str) -> bool:
    """Whether ours, with all it may stand for, meets what the paper says under a test.

    Raises:
        ValueError: the test, or the paper's text under it, cannot be read.
    """
    if test == "equal":
        return ours.value == float(paper)
    if within := _WITHIN.fullmatch(test):
        low, high = _ends(paper)
        by = float(within[1])
        down, up = (by, by) if within[2] == "points" else (by / 100 * low, by / 100 * high)
        return low - down <= ours.value <= high + up
    if bound := _BOUND.fullmatch(test):
        limit, strict = float(bound[2]), "=" not in bound[1]
        best = ours.low if bound[1][0] == "<" else ours.high
        beyond = best < limit if bound[1][0] == "<" else best > limit
        return beyond or (best == limit and not strict)
    if _RANGE.fullmatch(test):
        return ours.meets(Number(ours.value, *_ends(test)))
    return ours.meets(printed(test))


def _ends(text: str) -> tuple[float, float]:
    """Both ends of a printed range, or a number twice."""
    found = _RANGE.fullmatch(text)
    return (float(found[1]), float(found[2])) if found else (float(text), float(text))
