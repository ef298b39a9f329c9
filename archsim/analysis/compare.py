"""Several workloads on several machines against one of them, with geometric means."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, fsum, log
from operator import attrgetter
from typing import Any

from archsim.analysis.normalise import (
    Normalised,
    by_reference,
    is_machine,
    normalise,
    own_settings,
    titled,
)
from archsim.analysis.roles import LEAKAGE, ROLES, energy_by_role
from archsim.formats.errors import Problem
from archsim.formats.spreadsheet import records_text
from archsim.results.energy_parts import memory_parts
from archsim.results.settings import BATCH, LAYERS, Settings, file_stem, machine_of, settings_text
from archsim.results.store import Stored, run_columns

METRICS = {"speedup": "speed-up", "energy": "energy", "dram": "DRAM traffic"}
"""Of a machine against the reference; the first is better large, the others small."""
MEAN = "geometric mean"


@dataclass(frozen=True)
class Refusal:
    """A machine that cannot run a workload, and why. `group`, `stem`, `machine` and `settings` are
    those of `Stored`."""

    group: str
    stem: str
    problems: tuple[Problem, ...]
    settings: Settings = field(default_factory=dict)

    @property
    def machine(self) -> str:
        return machine_of(self.stem, self.settings)

    @property
    def reason(self) -> str:
        """What the problems say, without their places."""
        return "; ".join(problem.message for problem in self.problems)


@dataclass(frozen=True)
class Comparison:
    """All cells of a matrix of workloads and machines.

    `groups` are the workloads (`<workload>` or `<workload>@<scenario>`) and `stems` the machines
    with their settings, in the order asked for; `rows` and `refusals` have the cell of each pair in
    one or the other.
    """

    groups: tuple[str, ...]
    stems: tuple[str, ...]
    rows: Mapping[tuple[str, str], Normalised]
    refusals: Mapping[tuple[str, str], Refusal]
    reference: str

    def label(self, stem: str) -> str:
        """What a machine is called; its file's stem where it ran nothing."""
        labels = [row.label for (_, own), row in self.rows.items() if own == stem]
        return labels[0] if labels else stem

    def title(self, stem: str) -> str:
        """What a machine is called where its settings are not said beside it, as in a figure."""
        titles = [row.title for (_, own), row in self.rows.items() if own == stem]
        return titles[0] if titles else stem

    def of(self, group: str) -> list[Normalised]:
        """The results of a workload, in the order of the machines."""
        return [self.rows[group, stem] for stem in self.stems if (group, stem) in self.rows]

    @property
    def unlike(self) -> dict[str, str]:
        """The results that have a reference run, but none that is like them: what differs."""
        return {row.stored.place: row.unlike for row in self.rows.values() if row.unlike}

    def refused(self, group: str) -> list[Refusal]:
        """The machines that cannot run a workload."""
        return [refusal for (name, _), refusal in self.refusals.items() if name == group]

    def value(self, metric: str, group: str, stem: str) -> float | None:
        """One metric of a cell, None where machine or reference has no run."""
        row = self.rows.get((group, stem))
        return None if row is None else getattr(row, metric)

    def mean(self, metric: str, stem: str) -> tuple[float | None, int]:
        """The geometric mean over the workloads that have a value, and how many these are."""
        values = [self.value(metric, group, stem) for group in self.groups]
        known = [value for value in values if value]
        return geometric_mean(known), len(known)


def compared(
    answers: Iterable[Stored | Refusal],
    stems: Sequence[str],
    reference: str,
    column: Callable[[Any], str] = attrgetter("stem"),
) -> Comparison:
    """The matrix of what was answered. `reference` is the stem or name of a machine, in any case;
    it stands first. `column` says which of the `stems` an answer belongs to."""
    answered = list(answers)
    stored = [one for one in answered if isinstance(one, Stored)]
    rows = {(row.stored.group, column(row.stored)): row for row in normalise(stored, reference)}
    first = {column(one) for one in stored if is_machine(one, reference)}
    refusals = [one for one in answered if isinstance(one, Refusal)]
    return Comparison(
        groups=tuple(dict.fromkeys(one.group for one in answered)),
        stems=tuple(sorted(stems, key=lambda stem: stem not in first)),
        rows=rows,
        refusals={(one.group, column(one)): one for one in refusals},
        reference=next((row.reference.arch for row in rows.values() if row.reference), reference),
    )


def column_of(answer: Stored | Refusal) -> str:
    """A machine with its own settings, the same over workloads whose batches differ."""
    own = {key: each for key, each in answer.settings.items() if key not in {BATCH, LAYERS}}
    return file_stem(answer.machine, own)


def by_case(found: Comparison, reference: str) -> Comparison:
    """The same for figures: groups are called by the settings of their reference runs, machines by
    the settings that their references do not share, and what has no reference is left out."""
    rows = list(found.rows.values())
    answers: list[Stored | Refusal] = [*by_reference(rows)]
    runs = {row.stored.group: (row.partner, title) for row, title in titled(rows)}
    for refusal in found.refusals.values():
        if refusal.group in runs:
            partner, title = runs[refusal.group]
            own = settings_text(own_settings(refusal.settings, partner))
            stem = f"{refusal.machine}@{own}" if own else refusal.machine
            answers.append(replace(refusal, group=title, stem=stem))
    return compared(answers, list(dict.fromkeys(each.stem for each in answers)), reference)


def geometric_mean(values: Sequence[float]) -> float | None:
    """Of positive numbers; None of none."""
    return exp(fsum(log(value) for value in values) / len(values)) if values else None


def records(comparison: Comparison) -> list[dict[str, Any]]:
    """One record a cell, workload by workload, then one a machine for the means."""
    cells = [
        _record(comparison, group, stem)
        for group in comparison.groups
        for stem in comparison.stems
        if (group, stem) in comparison.rows or (group, stem) in comparison.refusals
    ]
    means = []
    for stem in comparison.stems:
        found = {metric: comparison.mean(metric, stem) for metric in METRICS}
        means.append(
            {
                "workload": MEAN,
                **_machine(comparison, stem),
                "name": comparison.label(stem),
                "workloads": found["speedup"][1],
                **{metric: value for metric, (value, _) in found.items()},
            }
        )
    return [*cells, *means]


def _record(comparison: Comparison, group: str, stem: str) -> dict[str, Any]:
    name = {"name": comparison.label(stem)}
    row = comparison.rows.get((group, stem))
    if row is None:
        workload, _, scenario = group.partition("@")
        head = {"workload": workload, "scenario": scenario, **_machine(comparison, stem), **name}
        return {**head, "not_available": comparison.refusals[group, stem].reason}
    result = row.result
    return {
        **run_columns(row.stored),
        **name,
        "mode": result.mode,
        "cycles": result.cycles,
        "milliseconds": result.milliseconds,
        "millijoules": result.millijoules,
        "dram_bytes": result.dram_bytes,
        **{metric: getattr(row, metric) for metric in METRICS},
        "energy_by_role": energy_by_role(result),
        **({"memory_pj": parts} if (parts := memory_parts(result)) else {}),
        **({} if result.area_mm2 is None else {"area_mm2": result.area_mm2}),
        **({} if not result.without_area else {"without_area": result.without_area}),
        "inputs_hash": result.inputs_hash,
        **({"not_normalised": row.unlike} if row.unlike else {}),
    }


def _machine(comparison: Comparison, stem: str) -> dict[str, str]:
    """The machine of a column, and its own settings."""
    cells: dict[tuple[str, str], Stored | Refusal] = {
        **{place: row.stored for place, row in comparison.rows.items()},
        **comparison.refusals,
    }
    answer = next(one for (_, own), one in cells.items() if own == stem)
    alone = file_stem(answer.machine, {})
    return {"arch": answer.machine, "set": column_of(answer).removeprefix(alone)[1:]}


CSV_MARK = b"workload,scenario,arch,name,"
"""How the table of `as_csv` begins."""


_PRICED = (f"energy_pj.{LEAKAGE}", "area_mm2", "without_area")
"""Columns that stand there only where a price table has leakage or areas."""


def as_csv(comparison: Comparison) -> bytes:
    """`table` as CSV."""
    return records_text(*table(comparison)).encode()


def table(comparison: Comparison) -> tuple[list[str], list[dict[str, Any]]]:
    """`records` as columns and rows; energies of roles become columns `energy_pj.<role>`, and parts
    of a memory with rows, where there are any, `memory_pj.<component>.<part>`."""
    found = [_flat(record) for record in records(comparison)]
    parts = dict.fromkeys(key for each in found for key in each if key.startswith("memory_pj."))
    columns = [
        "workload", "scenario", "arch", "name", "batch", "layers", "set", "mode", "cycles",
        "milliseconds", "millijoules", "dram_bytes", *METRICS, "workloads",
        *(f"energy_pj.{role}" for role in ROLES),
        *parts,
        *(name for name in _PRICED if any(name in record for record in found)),
        "inputs_hash", "not_normalised", "not_available",
    ]  # fmt: skip
    return columns, found


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as a row of a table."""
    nested = ("energy_by_role", "memory_pj")
    plain = {name: value for name, value in record.items() if name not in nested}
    if "without_area" in plain:
        plain["without_area"] = " ".join(plain["without_area"])
    roles, memories = (record.get(name, {}) for name in nested)
    return {
        **plain,
        **{f"energy_pj.{role}": pj for role, pj in roles.items()},
        **{
            f"memory_pj.{name}.{part}": pj
            for name, parts in memories.items()
            for part, pj in parts.items()
        },
    }
