"""What a claim is, and how its parts make a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["reproduced", "differs", "contradicts itself", "not checkable here"]
REPRODUCED: Verdict = "reproduced"
DIFFERS: Verdict = "differs"
CONTRADICTS: Verdict = "contradicts itself"
OPEN: Verdict = "not checkable here"
VERDICTS: tuple[Verdict, ...] = (REPRODUCED, DIFFERS, CONTRADICTS, OPEN)
Finding = Literal["meets", "differs", "contradicts", "open"]


@dataclass(frozen=True)
class Part:
    """One number of a claim. `ours` is computed, or None; `finding` says what it means:
    ``contradicts`` where printed numbers exclude each other, whatever is computed."""

    what: str
    paper: str
    ours: float | None
    finding: Finding
    how: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "paper": self.paper,
            "ours": self.ours,
            "finding": self.finding,
            "how": self.how,
        }


@dataclass(frozen=True)
class Claim:
    """A claim of the paper with its parts. `ours` is the number that stands for it."""

    id: int
    where: str
    claim: str
    paper: str
    needs: str
    parts: tuple[Part, ...]
    reason: str

    @property
    def verdict(self) -> Verdict:
        """Contradiction before difference before agreement; open where no part decides."""
        findings = {part.finding for part in self.parts}
        if "contradicts" in findings:
            return CONTRADICTS
        if "differs" in findings:
            return DIFFERS
        return REPRODUCED if "meets" in findings else OPEN

    @property
    def ours(self) -> dict[str, float]:
        """Every number computed for it."""
        return {part.what: part.ours for part in self.parts if part.ours is not None}

    def to_dict(self) -> dict[str, Any]:
        """As `archsim paper claims --json` prints it."""
        return {
            "id": self.id,
            "where": self.where,
            "claim": self.claim,
            "paper": self.paper,
            "needs": self.needs,
            "ours": self.ours,
            "verdict": self.verdict,
            "reason": self.reason,
            "parts": [part.to_dict() for part in self.parts],
        }


@dataclass(frozen=True)
class Answer:
    """What a check found: parts, and one sentence on why."""

    parts: Sequence[Part]
    reason: str


def made(entry: Mapping[str, Any], answer: Answer) -> Claim:
    """The claim of a data entry with its answer."""
    return Claim(
        id=int(entry["id"]),
        where=entry["where"],
        claim=entry["claim"],
        paper=entry["paper"],
        needs=entry["needs"],
        parts=tuple(answer.parts),
        reason=answer.reason,
    )


def unanswered(reason: str) -> Answer:
    """Nothing can be computed."""
    return Answer((), reason)


def judged(agrees: bool, otherwise: Finding = "differs") -> Finding:
    """``meets`` or `otherwise`."""
    return "meets" if agrees else otherwise


def close(paper: float, ours: float, share: float) -> bool:
    """Whether `ours` is within a `share` of the paper's value."""
    return abs(ours - paper) <= share * abs(paper)
