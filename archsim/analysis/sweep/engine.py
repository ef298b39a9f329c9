"""Running a sweep: what is not known yet, each answer kept before the next is waited for."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from archsim.analysis.sweep.answers import Answer, Answers, answer_of, opened
from archsim.analysis.sweep.case import Case, absolute
from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.interrupts import finishing
from archsim.results.settings import settings_text
from archsim.runs import pool
from archsim.runs.pool import Job, cores, processes_for
from archsim.runs.workers import Crew, crew

Tick = Callable[[int, int, str], None]
Ran = Generator[tuple[int, Answer], None, None]


@dataclass(frozen=True)
class Where:
    """Where points run: in so many processes of this machine, or as many as are worth it, or on the
    workers of a scheduler of dask.distributed. `cache` is the folder of kept tables and runs."""

    jobs: int | None = None
    dask: str | None = None
    cache: Path | None = None

    def run(self, jobs: Sequence[Job], ours: Crew) -> Ran:
        """The place of each job and its answer, as they are finished; by processes of `ours` where
        several of this machine are worth it."""
        if self.dask is None:
            processes = min(self.jobs or processes_for(jobs), ours.most)
            found = pool.answered(jobs, processes, self.cache, ours=ours)
            return ((at, answer_of(answer)) for at, answer in found)
        from archsim.analysis.sweep.dask_workers import answered

        return answered(jobs, self.dask, self.cache)


@dataclass
class Filling:
    """An open folder of answers that is being filled, by the hash of their inputs in `known`."""

    answers: Answers
    known: dict[str, Answer]
    where: Where
    ours: Crew
    ran: int = 0

    def fill(self, cases: Sequence[Case], tick: Tick) -> dict[str, Answer]:
        """The answers of all cases by the hash of their inputs: those that the folder has, and the
        others, which are run and kept one by one.

        `tick` is called with (runs done, runs to do, what was done).

        Raises:
            InputError: a process was killed, or a worker has another version of archsim or files.
        """
        known = self.known
        todo = {
            case.inputs: case for case in cases if not case.problems and case.inputs not in known
        }
        order = [*todo.values()]
        done = 0
        with closing(self.where.run(_jobs(order), self.ours)) as ran:
            for at, answer in ran:
                case = order[at]
                _check(case, answer)
                with finishing():  # or what was just finished would be lost
                    said = settings_text({**case.settings, **case.values})
                    self.answers.keep(case.inputs, (case.workload, case.arch, said), answer)
                    done += 1
                    self.ran += 1
                known[case.inputs] = answer
                tick(done, len(order), case.job.title)
        return {case.inputs: known[case.inputs] for case in cases if not case.problems}


@contextmanager
def filling(folder: Path, where: Where) -> Iterator[Filling]:
    """The answers of a folder and where others are made; whatever ends it, it says how many points
    were finished, for they are kept.

    Raises:
        InputError: the folder cannot be used.
    """
    with opened(folder) as answers, crew(where.jobs or cores()) as ours:
        found = Filling(answers, answers.known(), where, ours)
        try:
            yield found
        except (Exception, KeyboardInterrupt):
            console.note(f"finished before that: {found.ran} points; they are kept in {folder}, "
                         "and the same command goes on")  # fmt: skip
            raise


def fill(cases: Sequence[Case], folder: Path, where: Where, tick: Tick) -> dict[str, Answer]:
    """As of `Filling.fill`, in a folder that is open meanwhile."""
    with filling(folder, where) as found:
        return found.fill(cases, tick)


def _jobs(cases: Sequence[Case]) -> list[Job]:
    return [absolute(case.job) for case in cases]


def _check(case: Case, answer: Answer) -> None:
    """InputError where an answer is not of the inputs that this process has."""
    if answer.get("inputs_hash", case.inputs) != case.inputs:
        message = (
            f"{case.job.title}: a worker has run it with another version of archsim, or with other "
            "files of that name; install one version, and share one folder"
        )
        raise InputError.at("--dask", message)
