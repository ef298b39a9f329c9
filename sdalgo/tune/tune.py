"""A search from its plan to its table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError
from archsim.formats.own_files import claim, write_own
from archsim.formats.progress import Progress
from sdalgo.tune.answers import Answer, Answers, answers_in
from sdalgo.tune.evaluation import Evaluation, said
from sdalgo.tune.setting import Setting
from sdalgo.tune.simulation import check_machine
from sdalgo.tune.space import Places, Settings, Space, space_of
from sdalgo.tune.spec import Plan
from sdalgo.tune.study import Method, Study, Verdict, optuna
from sdalgo.tune.subject import Subject, recipe_of, subject_of
from sdalgo.tune.table import (
    CSV_MARK,
    Row,
    as_csv,
    better_than_own,
    broken_limits,
    metrics_of,
    on_front,
    record,
)

TABLE = "points.csv"


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What a search has found: its points in the order in which they were chosen, the recipe's own
    before them."""

    recipe: str
    objectives: Sequence[str]
    keys: Sequence[str]
    groups: Mapping[str, Sequence[str]]
    rows: Sequence[Row]

    @property
    def better(self) -> list[int]:
        """The points that beat the recipe's own on images that nothing was chosen by."""
        return better_than_own(self.rows, self.objectives)

    def as_json(self) -> dict[str, Any]:
        """Everything for programs."""
        judged = [row.judged for row in self.rows if row.judged][:1]
        images = {key: judged[0][key] for key in ("images", "photographs")} if judged else {}
        return {
            "recipe": self.recipe, "objectives": list(self.objectives),
            "groups": {name: list(layers) for name, layers in self.groups.items()},
            "evaluation": images, "better_than_own": self.better,
            "points": [record(row) for row in self.rows],
        }  # fmt: skip


@dataclass
class Search:
    """A search that is prepared: what is wrong with its plan would have been said."""

    plan: Plan
    subject: Subject
    space: Space
    study: Study
    evaluation: Evaluation
    answers: Answers
    chosen: list[Places] = field(default_factory=list)

    def run(self, tick: Progress) -> Tuned:
        """Evaluate the recipe's own decomposition, then points until there have been enough, and
        ask of the front how it does on images that have chosen nothing.

        Args:
            tick: called with (points done, points to do, what is done).

        Raises:
            InputError: the recipe's own decomposition cannot run, or the folder be written.
        """
        todo = self.study.method.evaluations + 1
        tick(0, todo, "the recipe's own")
        own = self._known(self.space.own)
        if "failed" in own:
            raise InputError.at(self.plan.place("arch"), f"{self.plan.asked.arch}: {own['failed']}")
        told = self._verdict(own, metrics_of(own))
        assert told is not None
        self.study.told[self.space.own] = told
        while (places := self.study.next()) is not None:
            number = len(self.chosen) + 1
            tick(number, todo, f"point {number}")
            answer = self._known(self.space.settings(places))
            self.study.tell(places, self._verdict(answer, metrics_of(own)))
            self.chosen.append(places)
        return self._judged(self._tuned(), tick)

    def write(self, number: int) -> Path:
        """Write a point of a search that has run as a workload, into a folder of its own; returns
        the file.

        Raises:
            InputError: there is no such point, or the folder cannot be written.
        """
        if not 0 <= number <= len(self.chosen):
            raise InputError.at(f"--write {number}", f"no point: they are 0 to {len(self.chosen)}")
        named = self.named(self._settings(number))
        folder = self.evaluation.folder / f"point_{number}"
        return self.evaluation.files.write(folder, self.subject.made(named), said(named))

    def _settings(self, number: int) -> Settings:
        """Those of a point; 0 is the recipe's own."""
        return self.space.settings(self.chosen[number - 1]) if number else self.space.own

    def named(self, settings: Settings) -> dict[str, Setting]:
        """The settings of a point by group."""
        return dict(zip(self.space.groups, settings, strict=True))

    def _known(self, settings: Settings) -> Answer:
        """What comes of a point: from the folder, or by evaluating it."""
        named = self.named(settings)
        found = self.answers.find(named)
        if found is None:
            found = self.evaluation.answer(named)
            self.answers.put(named, found)
        return found

    def _verdict(self, answer: Answer, own: Mapping[str, float]) -> Verdict | None:
        if "failed" in answer:
            return None
        found = metrics_of(answer)
        values = [found[name] for name in self.plan.objectives]
        return Verdict(values, broken_limits(self.plan.asked, found, own))

    def _tuned(self) -> Tuned:
        own = metrics_of(self._known(self.space.own))
        weights = sum(weight.size for weight in self.subject.dense.values())
        rows = []
        for number in range(len(self.chosen) + 1):
            answer = self._known(self._settings(number))
            values = self.space.shown(self.chosen[number - 1]) if number else {}
            found = metrics_of(answer)
            rows.append(
                Row(
                    number=number, values=values, metrics=found,
                    bits_per_weight=answer.get("bits", 0) / weights,
                    judged=answer.get("judged", {}), failed=answer.get("failed", ""),
                    broken=broken_limits(self.plan.asked, found, own) if found else 1,
                )
            )  # fmt: skip
        best = on_front(rows, self.plan.objectives)
        layers: dict[str, list[str]] = {name: [] for name in self.space.groups}
        for layer, group in self.subject.groups.items():
            layers[group].append(layer)
        return Tuned(
            recipe=self.subject.recipe.name, objectives=self.plan.objectives,
            keys=[axis.key for axis in self.space.axes], groups=layers,
            rows=[replace(row, on_front=row.number in best) for row in rows],
        )  # fmt: skip

    def _judged(self, found: Tuned, tick: Progress) -> Tuned:
        """The same, with agreement on other images of the front, of the recipe's own and of the
        points that were asked for first."""
        asked = set(range(len(self.plan.asked.first) + 1))
        rows = [row for row in found.rows if (row.on_front or row.number in asked) and row.metrics]
        for done, row in enumerate(rows):
            tick(done, len(rows), "judging the front on other images")
            settings = self._settings(row.number)
            answer = self._known(settings)
            if "judged" not in answer:
                named = self.named(settings)
                self.answers.put(named, {**answer, "judged": self.evaluation.judged(named)})
        # What an earlier, shorter search has judged is not told of: its front is not this one.
        shown = {row.number for row in rows}
        return replace(
            found,
            rows=[
                row if row.number in shown else replace(row, judged={})
                for row in self._tuned().rows
            ],
        )


def prepared(plan: Plan, folder: Path) -> Search:
    """Return the search of a plan.

    Raises:
        InputError: everything that is wrong with the plan, before anything is evaluated.
    """
    optuna()
    asked = plan.asked
    if asked.arch is not None:
        check_machine(asked.arch, plan.place("arch"))
    claim(folder / TABLE, CSV_MARK)
    recipe = recipe_of(plan)
    subject = subject_of(plan, recipe)
    space = space_of(plan, recipe, subject.names)
    method = Method(asked.sampler, asked.seed, asked.evaluations)
    study = Study(space, plan.objectives, method)
    for point in asked.first:
        study.want(space.places(point))
    evaluation = Evaluation(subject, asked.arch, folder)
    answers = answers_in(folder, evaluation.digest())
    return Search(plan, subject, space, study, evaluation, answers)


def run(plan: Plan, folder: Path, tick: Progress) -> Tuned:
    """Search as a plan says, and write the table of all points into the folder.

    Raises:
        InputError: as of `prepared` and of `Search.run`.
    """
    return finished(prepared(plan, folder), tick)


def finished(search: Search, tick: Progress) -> Tuned:
    """Run a search, and write its table; InputError as of `Search.run`."""
    found = search.run(tick)
    write_own(search.evaluation.folder / TABLE, as_csv(found.rows, found.keys), CSV_MARK)
    return found
