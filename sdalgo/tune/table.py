"""The points of a search as rows: what was chosen, what came of it, and what is on the front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsim.formats.spreadsheet import records_text
from sdalgo.tune.answers import Answer
from sdalgo.tune.front import dominates, front, signed
from sdalgo.tune.spec import LARGEST, METRICS, OWN, SIMULATED, TuneFile

_FIRST = ("point", "size_bytes", "bits_per_weight", "cosine", "agreement")
CSV_MARK = f"{','.join(_FIRST)},".encode()
_LAST = (
    "keeps_limits", "front", "evaluation_cosine", "evaluation_cosine_low",
    "evaluation_cosine_high", "evaluation_agreement", "evaluation_agreement_low",
    "evaluation_agreement_high", "failed",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """A point; number 0 is the recipe's own decomposition.

    Attributes:
        values: by key, as in `Space.shown`; empty of the recipe's own.
        metrics: by name, as far as they are known; empty where the point failed.
        judged: on images that nothing was chosen by; empty where it was not asked for.
    """

    number: int
    values: Mapping[str, Any]
    metrics: Mapping[str, float]
    bits_per_weight: float
    judged: Mapping[str, Any]
    failed: str = ""
    broken: int = 0
    on_front: bool = False

    @property
    def counts(self) -> bool:
        """Whether it may be on the front."""
        return not self.failed and not self.broken


def metrics_of(answer: Answer) -> dict[str, float]:
    """The metrics in an answer; size in bytes."""
    if "failed" in answer:
        return {}
    known = {key: answer[key] for key in (*LARGEST, *SIMULATED) if key in answer}
    found = {"size": answer["bits"] / 8, **known}
    return {key: found[key] for key in METRICS if key in found}


def broken_limits(asked: TuneFile, metrics: Mapping[str, float], own: Mapping[str, float]) -> int:
    """Return how many limits a point breaks."""

    def bound(name: str, limit: float | str) -> float:
        return own[name] if limit == OWN else float(limit)

    over = sum(metrics[name] > bound(name, limit) for name, limit in asked.at_most.items())
    under = sum(metrics[name] < bound(name, limit) for name, limit in asked.at_least.items())
    return over + under


def on_front(rows: Sequence[Row], objectives: Sequence[str]) -> set[int]:
    """Return the numbers of the points that no other beats."""
    counting = [row for row in rows if row.counts]
    values = [signed([row.metrics[name] for name in objectives], objectives) for row in counting]
    return {row.number for row, kept in zip(counting, front(values), strict=True) if kept}


def better_than_own(rows: Sequence[Row], objectives: Sequence[str]) -> list[int]:
    """Return the points that beat the recipe's own in the objectives, agreement being that on
    images that nothing was chosen by."""

    def values(row: Row) -> tuple[float, ...]:
        found = [row.judged[n] if n in LARGEST else row.metrics[n] for n in objectives]
        return signed(found, objectives)

    own, *others = rows
    asked = [row for row in others if row.judged and row.counts]
    return [row.number for row in asked if dominates(values(row), values(own))]


def record(row: Row) -> dict[str, Any]:
    """A row as JSON and CSV have it."""
    judged = row.judged
    found: dict[str, Any] = {"point": row.number}
    if row.metrics:
        found |= {"size_bytes": row.metrics["size"], "bits_per_weight": row.bits_per_weight}
        found |= {key: value for key, value in row.metrics.items() if key != "size"}
    found |= {key: value for key, value in row.values.items() if value is not None}
    found |= {"keeps_limits": not row.broken, "front": row.on_front}
    for name in LARGEST if judged else ():
        low, high = judged[f"{name}_interval"]
        found[f"evaluation_{name}"] = judged[name]
        found |= {f"evaluation_{name}_low": low, f"evaluation_{name}_high": high}
    return found | ({"failed": row.failed} if row.failed else {})


def as_csv(rows: Sequence[Row], keys: Sequence[str]) -> bytes:
    """The table of all points, in the order in which they were chosen."""
    columns = [*_FIRST, *SIMULATED, *keys, *_LAST]
    return records_text(columns, [record(row) for row in rows]).encode()
