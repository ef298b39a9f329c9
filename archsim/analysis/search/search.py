"""A search from a plan to its table; what `archsim search` and `archsim.search` have in common."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from archsim.analysis.inputs import Choice
from archsim.analysis.search.importance import Shares
from archsim.analysis.search.journal import Journal, opened
from archsim.analysis.search.samplers import Budget
from archsim.analysis.search.space import Space
from archsim.analysis.search.spec import Method, Sampler, check_search
from archsim.analysis.search.study import Study
from archsim.analysis.search.track import Track
from archsim.analysis.sweep.answers import Answer
from archsim.analysis.sweep.cases import load
from archsim.analysis.sweep.engine import Filling, Tick, Where, filling
from archsim.analysis.sweep.plan import Plan
from archsim.analysis.sweep.points import check_values, point_of
from archsim.analysis.sweep.sweep import TABLE, Names, plan_of_words
from archsim.analysis.sweep.table import CSV_MARK, Swept, as_csv, swept
from archsim.formats.errors import InputError
from archsim.formats.own_files import claim, write_own

if TYPE_CHECKING:
    import pandas as pd

TRIES = 20
"""Points with a value, at most, that a machine may refuse before the value is called wrong."""


@dataclass(frozen=True)
class Searched:
    """What a search has found: the table of its points, in the order in which they were chosen, and
    per network and machine what each key matters, for each objective."""

    swept: Swept
    shares: Mapping[tuple[str, str], Sequence[Shares]]
    notes: Sequence[str] = ()


def run(plan: Plan, method: Method, folder: Path, where: Where, tick: Tick) -> Searched:
    """Search a plan's grid, and write the table of the points into the folder, beside their answers
    and the journal of the study.

    `tick` is called with (points done, points to do, what was done).

    Raises:
        InputError: what is wrong with the plan, as of `archsim.analysis.sweep.cases.load`; a
            sampler that cannot search it; or what keeps points from running or being written.
    """
    tracks = planned(plan, method)
    claim(folder / TABLE, CSV_MARK)
    answers: dict[str, Answer] = {}
    with filling(folder, where) as file, opened(folder) as journal:
        journal.begin(tracks)
        while running := [track for track in tracks if not track.study.finished]:
            answers |= _round(running, file, journal, _Ticks(tick, tracks))
    found = _searched(plan, tracks, answers)
    write_own(folder / TABLE, as_csv(found.swept), CSV_MARK)
    return found


def planned(plan: Plan, method: Method) -> list[Track]:
    """A search for each machine on each network, network by network.

    Raises:
        InputError: as of `run`.
    """
    check_search(plan)
    loaded = load(plan)
    tracks = []
    for choice in loaded.machines:
        own = plan.on(choice.changed.resolved)
        _check_axes(own, choice)
        space = Space(own.axes)
        budget = Budget(plan.seed, method.evaluations, method.together, len(plan.objectives))
        for task in loaded.tasks_of(choice):
            study = Study(space, plan.objectives, budget, method.sampler)
            tracks.append(Track(own, choice, task, space, study))
    order = {network.name: at for at, (_, network) in enumerate(loaded.tasks)}
    return sorted(tracks, key=lambda track: order[track.task[1].name])


def _check_axes(plan: Plan, choice: Choice) -> None:
    """InputError with the values that a machine refuses wherever they are tried."""
    drawn = Random(plan.seed)
    tried = []
    for axis in plan.axes:
        for value in axis.values:
            for _ in range(TRIES):
                changes = tuple(
                    value if one is axis else drawn.choice(one.values) for one in plan.axes
                )
                tried.append(point_of(plan, choice, changes))
                if tried[-1].arch:
                    break
    check_values(tried)


@dataclass(frozen=True)
class _Ticks:
    """Progress over all searches."""

    tick: Tick
    tracks: Sequence[Track]

    def __call__(self, running: int, what: str) -> None:
        """`running` of the points that are chosen are not finished yet."""
        chosen = sum(track.study.evaluated for track in self.tracks)
        most = sum(min(track.study.budget.evaluations, track.space.size) for track in self.tracks)
        self.tick(chosen - running, most, what)


def _round(
    tracks: Sequence[Track], file: Filling, journal: Journal, ticks: _Ticks
) -> dict[str, Answer]:
    """Let each search choose points, run them, and tell it what came of them."""
    chosen = [(track, places) for track in tracks for places in track.chosen()]
    cases = [track.cases[places] for track, places in chosen]
    answers = file.fill(cases, lambda done, todo, what: ticks(todo - done, what))
    ticks(0, "")
    for track, places in chosen:
        journal.add(track, places, track.hear(places, answers))
    return answers


def _searched(plan: Plan, tracks: Sequence[Track], answers: Mapping[str, Answer]) -> Searched:
    cases = [case for track in tracks for case in track.cases.values()]
    left_out: Counter[str] = Counter()
    for track in tracks:
        left_out.update(track.left_out)
    if not cases:
        raise InputError.at(plan.place, f"finds no point: {', '.join(left_out) or 'nothing fits'}")
    shares = {
        (case.workload, case.arch): track.importance(answers)
        for track in tracks
        for case in [*track.cases.values()][:1]
    }
    return Searched(swept(plan, cases, answers, left_out), shares, [*_ended_early(tracks)])


def _ended_early(tracks: Sequence[Track]) -> Iterator[str]:
    for track in tracks:
        study = track.study
        if study.evaluated < min(study.budget.evaluations, track.space.size - study.refused):
            yield (
                f"{track.title}: ended after {study.asked:,} "
                f"draws, of which {study.evaluated} can run; widen the constraints or the axes"
            )


def search(  # noqa: PLR0913 - all but two go by their names
    workloads: Names,
    archs: Names = (),
    *,
    vary: Mapping[str, Sequence[Any]],
    link: Mapping[str, str] | None = None,
    where: Sequence[str] = (),
    objectives: Sequence[str] = (),
    sampler: Sampler = "tpe",
    evaluations: int = 100,
    together: int = 4,
    seed: int = 0,
    sets: Sequence[str] = (),
    scenario: str | None = None,
    layers: str = "all",
    batch: int | None = None,
    out: str | Path | None = None,
    jobs: int | None = 1,
    dask: str | None = None,
) -> pd.DataFrame:
    """Search among the points of a grid for those that are best in all objectives.

    `sampler` is tpe, nsga2, cmaes, random, qmc or grid; `evaluations` are the points of each
    machine on each network, of which `together` are chosen before the answers to any of them are
    there. Everything else is as of `archsim.sweep`, and the same table comes back: a row per point,
    in the order in which they were chosen.

    Raises:
        InputError: something that is named does not exist, or cannot be.
    """
    from archsim.runs.cache import default_cache

    plan = plan_of_words(
        workloads, archs, vary=vary, link=link, where=where, objectives=objectives, seed=seed,
        sets=sets, scenario=scenario, layers=layers, batch=batch, place="archsim.search",
    )  # fmt: skip
    chosen = Where(jobs, dask, default_cache().folder)
    with tempfile.TemporaryDirectory(prefix="archsim-") as scratch:
        folder = Path(scratch) if out is None else Path(out)
        method = Method(sampler, evaluations, together)
        return run(plan, method, folder, chosen, lambda *_: None).swept.frame()
