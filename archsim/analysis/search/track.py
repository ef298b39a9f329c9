"""The search of one machine on one network: its study, and the cases of its points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.analysis.inputs import Choice
from archsim.analysis.search.importance import Shares, importance
from archsim.analysis.search.space import Places, Space
from archsim.analysis.search.study import Study, Verdict
from archsim.analysis.sweep.answers import Answer
from archsim.analysis.sweep.case import Case, Task, case_of
from archsim.analysis.sweep.plan import Plan
from archsim.analysis.sweep.points import broken, point_of
from archsim.analysis.sweep.table import Row, row_of, signed
from archsim.results.settings import settings_text


@dataclass
class Track:
    """The search of one machine on one network; `cases` are its points as they were chosen."""

    plan: Plan
    choice: Choice
    task: Task
    space: Space
    study: Study
    cases: dict[Places, Case] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The machine as it was named, on the network."""
        name = f"{self.task[1].name} on {self.choice.arch.name}"
        own = settings_text(self.choice.settings) if self.choice.settings else ""
        return f"{name}, {own}" if own else name

    def chosen(self) -> list[Places]:
        """The next points that can run, whose cases are there then."""
        found = []
        for places in self.study.proposals():
            point = point_of(self.plan, self.choice, self.space.changes(places))
            breaks = broken(self.plan, point.arch) if point.arch else []
            for text in breaks:
                self.left_out[text] = self.left_out.get(text, 0) + 1
            if not breaks:
                self.cases[places] = case_of(self.plan, self.choice, point, self.task)
            if point.arch is None or breaks:
                self.study.refuse(places, max(1, len(breaks)))
            else:
                found.append(places)
        return found

    def hear(self, places: Places, answers: Mapping[str, Answer]) -> Row:
        """Tell the sampler what came of a point."""
        row = row_of(self.plan, self.cases[places], answers)
        if "totals" in row.answer and None not in row.wanted:
            values = [float(value or 0.0) for value in row.wanted]
            self.study.tell(places, Verdict(values, 0 if row.feasible else 1))
        else:
            self.study.fail(places)
        return row

    def importance(self, answers: Mapping[str, Answer]) -> list[Shares]:
        """As of the function of that name, of the points that keep all constraints."""
        rows = {at: row_of(self.plan, case, answers) for at, case in self.cases.items()}
        good = {at: signed(row, self.plan.objectives) for at, row in rows.items() if row.counts}
        return importance(self.space, [*good], [*good.values()])
