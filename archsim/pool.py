"""Many runs at once: networks on machines, in processes of their own, answered in the order asked.

A job is plain data, so it can go to a process that starts afresh (spawn). Jobs of one workload go
to one process where there are enough workloads, so that its tensors are read or drawn once. What a
machine refuses (InputError) is an answer; everything else that goes wrong ends the batch.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.errors import InputError, Problem
from archsim.overrides import Override

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

    from archsim.arch import Arch
    from archsim.result import Result
    from archsim.workload import Workload

LOOK_SECONDS = 0.1
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Linear algebra brings its own threads; processes already share out the cores."""
Tick = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """One workload on one machine, by their files; `conv_only` leaves all but convolutions out."""

    workload: Path
    arch: Path
    overrides: tuple[Override, ...] = ()
    conv_only: bool = False

    @property
    def title(self) -> str:
        return f"{self.workload.stem} on {self.arch.stem}"


@lru_cache(maxsize=64)
def workload_of(path: Path, conv_only: bool) -> Workload:
    """The workload of a job, loaded once a process."""
    from archsim.workload import load_workload

    loaded = load_workload(path)
    return loaded.only_convs() if conv_only else loaded


def arch_of(job: Job) -> Arch:
    """The machine of a job."""
    from archsim.arch import load_arch

    return load_arch(job.arch, job.overrides)


def run_jobs(
    jobs: Sequence[Job], processes: int, cache: Path | None, tick: Tick
) -> list[Result | tuple[Problem, ...]]:
    """The answers to all jobs, in their order, whichever is finished first.

    `tick` is called with (jobs done, jobs in all, what was done); `cache` is the folder of kept
    tables and runs. With one process everything runs in this one.
    """
    chunks = _chunks(jobs, processes)
    answers: dict[int, Result | tuple[Problem, ...]] = {}
    if processes == 1 or len(chunks) <= 1:
        done = 0
        for chunk in chunks:
            for at, answer in _answers([jobs[at] for at in chunk], cache):
                answers[chunk[at]] = answer
                done += 1
                tick(done, len(jobs), jobs[chunk[at]].title)
    else:
        for chunk, found in _in_pool(jobs, chunks, cache, tick):
            answers |= dict(zip(chunk, found, strict=True))
    return [answers[at] for at in range(len(jobs))]


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _chunks(jobs: Sequence[Job], processes: int) -> list[list[int]]:
    """Places of jobs that one process takes in a row: those of a workload, cut where there are
    fewer workloads than processes."""
    by_workload: dict[tuple[Path, bool], list[int]] = {}
    for at, job in enumerate(jobs):
        by_workload.setdefault((job.workload, job.conv_only), []).append(at)
    parts = -(-processes // max(1, len(by_workload)))
    return [
        places[start::parts]
        for places in by_workload.values()
        for start in range(min(parts, len(places)))
    ]


def _answers(
    jobs: Sequence[Job], cache_folder: Path | None
) -> Iterator[tuple[int, Result | tuple[Problem, ...]]]:
    """Runs jobs of one workload in this process."""
    from archsim.cache import Cache
    from archsim.cached import simulate_cached

    cache = Cache(cache_folder) if cache_folder is not None else None
    for at, job in enumerate(jobs):
        arch, workload = arch_of(job), workload_of(job.workload, job.conv_only)
        try:
            yield at, simulate_cached(arch, workload, cache)
        except InputError as error:
            yield at, error.problems
    if jobs:
        workload = workload_of(jobs[0].workload, jobs[0].conv_only)
        for layer in workload.layers:
            workload.release(layer)


def _in_pool(
    jobs: Sequence[Job], chunks: Sequence[list[int]], cache: Path | None, tick: Tick
) -> Iterator[tuple[list[int], list[Result | tuple[Problem, ...]]]]:
    """Finished chunks with their answers."""
    context = multiprocessing.get_context("spawn")
    ticks = context.SimpleQueue()
    done = 0
    workers = min(len(chunks), max(1, len(jobs)))
    with _one_thread_each():
        pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_start, initargs=(ticks,)
        )
        try:
            running: dict[Future[list[Result | tuple[Problem, ...]]], list[int]] = {
                pool.submit(_in_worker, [jobs[at] for at in chunk], cache): chunk
                for chunk in chunks
            }
            while running:
                finished, _ = wait(running, LOOK_SECONDS, "FIRST_COMPLETED")
                while not ticks.empty():
                    done += 1
                    tick(done, len(jobs), ticks.get())
                for future in finished:
                    yield running.pop(future), future.result()
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_ticks: SimpleQueue[str] | None = None


def _start(ticks: SimpleQueue[str]) -> None:
    """Of a worker: interruptions are the parent's to handle."""
    global _ticks  # noqa: PLW0603 - a queue reaches a worker only when it starts
    _ticks = ticks
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _in_worker(jobs: Sequence[Job], cache: Path | None) -> list[Result | tuple[Problem, ...]]:
    answers = []
    for at, answer in _answers(jobs, cache):
        answers.append(answer)
        if _ticks is not None:
            _ticks.put(jobs[at].title)
    return answers


@contextmanager
def _one_thread_each() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
