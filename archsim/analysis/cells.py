"""The cells of a matrix of workloads and machines, from what a user named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.analysis import inputs
from archsim.analysis.compare import Refusal, column_of, compared, table
from archsim.analysis.named import Named
from archsim.formats.errors import InputError
from archsim.formats.search import name_of
from archsim.results.result import Result
from archsim.results.settings import Settings, file_stem
from archsim.results.store import Stored, group_name
from archsim.runs.content import inputs_hash

if TYPE_CHECKING:
    import pandas as pd

    from archsim.arch.arch import Arch
    from archsim.runs.pool import Answer, Job


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix before it is filled: the machine as its job has it, and what is set
    beside machine and workload; `inputs` is the hash its result must carry."""

    group: str
    stem: str
    settings: Settings
    arch: Arch
    job: Job
    inputs: str

    @property
    def place(self) -> tuple[str, str]:
        return self.group, self.stem

    def answer(self, answer: Answer) -> Stored | Refusal:
        """The cell when it is filled."""
        if isinstance(answer, Result):
            return Stored(*self.place, replace(answer, settings=self.settings))
        return Refusal(*self.place, answer, self.settings)


def cells_of(named: Named) -> list[Cell]:
    """Every pair, with everything that the user named loaded and checked.

    Raises:
        InputError: what is wrong with it.
    """
    suffix = Path(named.scenario).stem if named.scenario else None
    networks = inputs.networks(named.workloads, named.layers, named.batch)
    tasks = {loaded.task for _, loaded in networks}
    machines = inputs.choices(named.archs, tasks, named.scenario, named.sets)
    cells = []
    for network, loaded in networks:
        own = [one for one in machines if named.archs or one.arch.task == loaded.task]
        if not own:
            raise InputError.at(loaded.name, f"no machine for the task {loaded.task!r}")
        for choice in own:
            changed = choice.changed
            job = replace(network, arch=changed.path, overrides=choice.overrides)
            group = group_name(loaded.name, suffix)
            settings = {**loaded.settings, **choice.settings}
            stem = file_stem(name_of("archs", changed.path), settings)
            cells.append(Cell(group, stem, settings, changed, job, inputs_hash(changed, loaded)))
    places = [cell.place for cell in cells]
    for group, stem in places:
        if places.count((group, stem)) > 1:
            message = "two results would be written to it: give their files different names"
            raise InputError.at(f"{group}/{stem}.json", message)
    return cells


def compare(  # noqa: PLR0913 - all but two go by their names
    workloads: str | Sequence[str],
    archs: str | Sequence[str] = (),
    *,
    normalise_to: str = "diannao",
    sets: Sequence[str] = (),
    scenario: str | None = None,
    layers: str = "all",
    batch: int | None = None,
    jobs: int | None = 1,
) -> pd.DataFrame:
    """Run machines on workloads and compare them with one of them: a row per pair, with the columns
    of `compare.csv`, and one per machine for the geometric means.

    Without `archs` every inference machine runs. What the cache keeps is not run again. `jobs` is
    the number of processes, None for as many as are worth it: a script that starts others needs
    ``if __name__ == "__main__":``. A machine that cannot run a workload has `not_available`.

    Raises:
        InputError: something that is named does not exist, or cannot be.
    """
    import pandas as pd

    from archsim.runs.cache import default_cache
    from archsim.runs.pool import processes_for, run_jobs

    several = [[each] if isinstance(each, str) else [*each] for each in (workloads, archs)]
    cells = cells_of(Named(workloads=several[0], archs=several[1], sets=sets, scenario=scenario,
                           layers=layers, batch=batch))  # fmt: skip
    inputs.check_reference(normalise_to, [cell.arch for cell in cells])
    todo = [cell.job for cell in cells]
    ran = run_jobs(todo, jobs or processes_for(todo), default_cache().folder, lambda *_: None)
    answers = [cell.answer(answer) for cell, answer in zip(cells, ran, strict=True)]
    columns = list(dict.fromkeys(map(column_of, answers)))
    names, rows = table(compared(answers, columns, normalise_to, column_of))
    return pd.DataFrame(rows, columns=names)
