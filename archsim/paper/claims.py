"""The 42 claims of the paper: what data/claims.yaml says of each, with its numbers and verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from archsim.paper.formula import Names, filled
from archsim.paper.lines import Line, lines, scopes
from archsim.paper.printed import data

Verdict = Literal["reproduced", "differs", "contradicts itself", "not checkable here"]
REPRODUCED: Verdict = "reproduced"
DIFFERS: Verdict = "differs"
CONTRADICTS: Verdict = "contradicts itself"
OPEN: Verdict = "not checkable here"
VERDICTS: tuple[Verdict, ...] = (REPRODUCED, DIFFERS, CONTRADICTS, OPEN)


@dataclass(frozen=True)
class Claim:
    """A claim of the paper; the verdict is that of its `lines`, and `reason` says why."""

    id: int
    where: str
    claim: str
    paper: str
    needs: str
    lines: tuple[Line, ...]
    reason: str

    @property
    def verdict(self) -> Verdict:
        """Contradiction before difference before agreement; open where no line decides."""
        findings = {line.finding for line in self.lines}
        if "contradicts" in findings:
            return CONTRADICTS
        if "differs" in findings:
            return DIFFERS
        return REPRODUCED if "meets" in findings else OPEN

    @property
    def numbers(self) -> list[tuple[str, float]]:
        """Every number computed for it, and what it is."""
        return [(line.what, line.ours) for line in self.lines if line.ours is not None]

    def to_dict(self) -> dict[str, Any]:
        """As `archsim paper claims --json` prints it."""
        return {
            "id": self.id,
            "where": self.where,
            "claim": self.claim,
            "paper": self.paper,
            "needs": self.needs,
            "ours": dict(self.numbers),
            "verdict": self.verdict,
            "reason": self.reason,
            "parts": [
                {"what": line.what, "paper": line.paper, "ours": line.ours,
                 "finding": line.finding, "how": line.how}
                for line in self.lines
            ],
        }  # fmt: skip


def claims(names: Names, only: Sequence[int] = ()) -> list[Claim]:
    """Every claim of the paper (or `only` those), checked now."""
    entries = [entry for entry in data("claims") if not only or int(entry["id"]) in only]
    return [_checked(entry, names) for entry in entries]


def _checked(entry: Mapping[str, Any], names: Names) -> Claim:
    """A claim whose `if` fails has no lines, and its `without` for a reason."""
    found: list[Line] = []
    reason = entry.get("without", "")
    for inner in scopes(entry, names):
        found = lines(entry.get("lines", ()), inner)
        reason = filled(entry["reason"], {**inner, "lines": found})
    stated = {key: entry[key] for key in ("where", "claim", "paper", "needs")}
    return Claim(id=int(entry["id"]), lines=tuple(found), reason=reason, **stated)
