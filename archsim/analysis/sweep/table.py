"""The table of a sweep: a row per point and workload, in the order of the design, whoever finished
first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.analysis.sweep.answers import Answer
from archsim.analysis.sweep.case import Case
from archsim.analysis.sweep.expression import Expression, ExpressionError, Values
from archsim.analysis.sweep.plan import Objective, Plan
from archsim.analysis.sweep.quantities import SRAM
from archsim.formats.spreadsheet import records_text
from archsim.results.settings import BATCH, LAYERS

if TYPE_CHECKING:
    import pandas as pd

CSV_MARK = b"workload,scenario,arch,name,batch,layers,"
HEAD = ("workload", "scenario", "arch", "name", BATCH, LAYERS)
TAIL = ("mode", "notes", "inputs_hash", "not_available")
FEASIBLE, FRONT = "feasible", "front"


@dataclass(frozen=True)
class Row:
    """A point on a workload, with its answer. `wanted` are the values of the objectives, None of
    one that cannot be computed; `feasible` is whether it keeps all constraints."""

    case: Case
    answer: Answer
    wanted: tuple[float | None, ...]
    feasible: bool
    front: bool = False

    @property
    def counts(self) -> bool:
        """Whether it can be compared with others."""
        return self.feasible and None not in self.wanted


@dataclass(frozen=True)
class Swept:
    """A sweep that has been run: every row, and what it was asked for."""

    plan: Plan
    rows: tuple[Row, ...]
    left_out: Mapping[str, int]

    @property
    def workloads(self) -> list[str]:
        return list(dict.fromkeys(row.case.workload for row in self.rows))

    def of(self, workload: str) -> list[Row]:
        """The rows of a workload that can be compared."""
        return [row for row in self.rows if row.counts and row.case.workload == workload]

    def front(self, workload: str) -> list[Row]:
        """Its rows than which no other is better in all objectives, the best in the first one
        first."""
        found = [row for row in self.of(workload) if row.front]
        return sorted(found, key=lambda row: signed(row, self.plan.objectives))

    def frame(self) -> pd.DataFrame:
        """The table as a DataFrame; what a row lacks is missing."""
        import pandas as pd

        found = records(self)
        return pd.DataFrame(found, columns=columns(self, found))


def swept(plan: Plan, cases: Sequence[Case], answers: Mapping[str, Answer],
          left_out: Mapping[str, int]) -> Swept:  # fmt: skip
    """The rows of a sweep from its answers by the hash of their inputs."""
    rows = [row_of(plan, case, answers) for case in cases]
    found = Swept(plan, tuple(rows), left_out)
    best = {
        id(row)
        for workload in found.workloads
        for row in front(found.of(workload), plan.objectives)
    }
    return replace(found, rows=tuple(replace(row, front=id(row) in best) for row in rows))


def front(rows: Sequence[Row], objectives: Sequence[Objective]) -> list[Row]:
    """The rows than which no other is at least as good in every objective and better in one
    (Pareto front)."""
    import numpy as np

    if not rows:
        return []
    values = np.array([signed(row, objectives) for row in rows], dtype=float)
    kept = []
    for row, own in zip(rows, values, strict=True):
        beats = (values <= own).all(axis=1) & (values < own).any(axis=1)
        if not beats.any():
            kept.append(row)
    return kept


def records(found: Swept) -> list[dict[str, Any]]:
    """The rows as mappings from columns to values."""
    return [_record(found.plan, row) for row in found.rows]


def columns(found: Swept, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Head, keys, objectives, verdicts, totals, and what has to be said of them."""
    plan = found.plan
    fixed = [*HEAD, *plan.keys, *(one.name for one in plan.objectives), FEASIBLE, FRONT]
    totals = dict.fromkeys(name for row in rows for name in row)
    between = [name for name in totals if name not in {*fixed, *TAIL}]
    return list(dict.fromkeys([*fixed, *between, *TAIL]))


def as_csv(found: Swept) -> bytes:
    """The table as CSV."""
    rows = records(found)
    return records_text(columns(found, rows), map(_plain, rows)).encode()


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Values as YAML has them, so that true is not True."""
    words = {True: "true", False: "false", None: ""}
    return {
        name: words[value] if value is None or isinstance(value, bool) else value
        for name, value in row.items()
    }


def row_of(plan: Plan, case: Case, answers: Mapping[str, Answer]) -> Row:
    """The row of a case, which is on no front yet."""
    answer = answers.get(case.inputs, {})
    if case.problems:
        answer = {"not_available": "; ".join(each.message for each in case.problems)}
    wanted = tuple(_value(one.formula.expression, case, answer) for one in plan.objectives)
    asked = [each.expression for each in plan.constraints]
    concern = [each for each in asked if _concerns(each, case, answer)]
    feasible = "totals" in answer and all(_value(each, case, answer) for each in concern)
    return Row(case, answer, wanted, feasible)


def _concerns(expression: Expression, case: Case, answer: Answer) -> bool:
    """Whether a machine has everything that a constraint names."""
    return all(name in case.known or name in answer.get("totals", {}) for name in expression.names)


def _value(expression: Expression, case: Case, answer: Answer) -> Any:
    """The value of an expression for a row, None where it has none."""

    def lookup(name: str) -> Values:
        totals = answer.get("totals", {})
        if name not in case.known and name not in totals:
            raise ExpressionError(f"no {name}")
        return case.known[name] if name in case.known else (totals[name],)

    try:
        return expression.value(lookup) if "totals" in answer else None
    except ExpressionError:
        return None


def _record(plan: Plan, row: Row) -> dict[str, Any]:
    case, answer = row.case, row.answer
    wanted = zip((one.name for one in plan.objectives), row.wanted, strict=True)
    return {
        "workload": case.workload,
        "scenario": Path(plan.scenario).stem if plan.scenario else "",
        "arch": case.arch,
        "name": answer.get("name", case.title),
        BATCH: case.batch,
        LAYERS: case.settings.get(LAYERS, "all"),
        **{key: _written(value) for key, value in case.values.items()},
        **answer.get("totals", {}),
        **dict(wanted),
        SRAM: case.sram_kbytes,
        FEASIBLE: row.feasible,
        FRONT: row.front,
        "mode": answer.get("mode"),
        "notes": "; ".join(answer.get("notes", ())),
        "inputs_hash": case.inputs,
        "not_available": answer.get("not_available"),
    }


def _written(value: Any) -> Any:
    """A value as it stands in a cell."""
    from archsim.results.settings import value_text

    return value_text(value) if isinstance(value, list | dict) else value


def signed(row: Row, objectives: Sequence[Objective]) -> list[float]:
    """The values of the objectives, each the better the smaller."""
    wanted = zip(objectives, row.wanted, strict=True)
    return [(-1 if one.largest else 1) * float(value or 0.0) for one, value in wanted]
