"""Running a sweep: what is not known yet, each answer kept before the next is waited for."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from archsim.analysis.sweep.answers import Answer, answer_of, opened
from archsim.analysis.sweep.cases import Case, absolute
from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.interrupts import finishing
from archsim.results.settings import settings_text
from archsim.runs import pool
from archsim.runs.pool import Job, processes_for

Tick = Callable[[int, int, str], None]
Ran = Generator[tuple[int, Answer], None, None]


@dataclass(frozen=True)
class Where:
    """Where points run: in so many processes of this machine, or as many as are worth it, or on the
    workers of a scheduler of dask.distributed. `cache` is the folder of kept tables and runs."""

    jobs: int | None = None
    dask: str | None = None
    cache: Path | None = None

    def run(self, jobs: Sequence[Job]) -> Ran:
        """The place of each job and its answer, as they are finished."""
        if self.dask is None:
            found = pool.answered(jobs, self.jobs or processes_for(jobs), self.cache)
            return ((at, answer_of(answer)) for at, answer in found)
        from archsim.analysis.sweep.dask_workers import answered

        return answered(jobs, self.dask, self.cache)


def fill(cases: Sequence[Case], folder: Path, where: Where, tick: Tick) -> dict[str, Answer]:
    """The answers of all cases by the hash of their inputs: those that the folder has, and the
    others, which are run and kept one by one.

    `tick` is called with (runs done, runs to do, what was done).

    Raises:
        InputError: the folder cannot be used, a process was killed, or a worker has another
            version of archsim or other files.
    """
    with opened(folder) as answers:
        known = answers.known()
        todo = {
            case.inputs: case for case in cases if not case.problems and case.inputs not in known
        }
        order = [*todo.values()]
        done: list[Case] = []
        with _counted(done, len(order), folder), closing(where.run(_jobs(order))) as ran:
            for at, answer in ran:
                case = order[at]
                _check(case, answer)
                with finishing():  # or what was just finished would be lost
                    said = settings_text({**case.settings, **case.values})
                    answers.keep(case.inputs, (case.workload, case.arch, said), answer)
                    done.append(case)
                known[case.inputs] = answer
                tick(len(done), len(order), case.job.title)
    return {case.inputs: known[case.inputs] for case in cases if not case.problems}


def _jobs(cases: Sequence[Case]) -> list[Job]:
    return [absolute(case.job) for case in cases]


@contextmanager
def _counted(done: Sequence[Case], count: int, folder: Path) -> Iterator[None]:
    """Say how far it came, whatever ends it."""
    try:
        yield
    except (Exception, KeyboardInterrupt):
        console.note(f"finished before that: {len(done)} of {count} points; they are kept in "
                     f"{folder}, and the same command goes on")  # fmt: skip
        raise


def _check(case: Case, answer: Answer) -> None:
    """InputError where an answer is not of the inputs that this process has."""
    if answer.get("inputs_hash", case.inputs) != case.inputs:
        message = (
            f"{case.job.title}: a worker has run it with another version of archsim, or with other "
            "files of that name; install one version, and share one folder"
        )
        raise InputError.at("--dask", message)
