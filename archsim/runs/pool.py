"""Many runs at once: networks on machines, in processes of their own, answered in the order asked.

A job is plain data, so it can go to a process that starts afresh (spawn). Jobs of one workload go
to one process where there are enough workloads, so that its tensors are read or drawn once. What a
machine refuses (InputError) is an answer; everything else that goes wrong ends the batch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Union

from archsim.arch.change import Change
from archsim.formats.errors import InputError, Problem
from archsim.runs.collector import collector_paused
from archsim.runs.workers import Crew, streamed

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.results.result import Result
    from archsim.results.trace import Trace
    from archsim.workload.workload import Workload

WORTH_A_PROCESS = 100_000_000  # multiplications
Tick = Callable[[int, int, str], None]
Answer = Union["Result", tuple[Problem, ...]]
"""The result of a job, or why its machine refuses it."""


@dataclass(frozen=True)
class Job:
    """One workload on one machine, by their files; `layers` is that of `Workload.of_layers`,
    `batch` is another batch size than the file's, and `drawn` takes arrays from profiles even
    where tensors are built."""

    workload: Path
    arch: Path
    overrides: tuple[Change, ...] = ()
    layers: str = "all"
    drawn: bool = False
    batch: int | None = None

    def network(self) -> Workload:
        """The workload of the job, loaded once a process."""
        return _loaded(self.workload, self.layers, self.drawn, self.batch)

    @property
    def title(self) -> str:
        return f"{self.workload.stem} on {self.arch.stem}"


@lru_cache(maxsize=64)
def _loaded(path: Path, layers: str, drawn: bool, batch: int | None) -> Workload:
    from archsim.workload.workload import load_workload

    with collector_paused():
        loaded = load_workload(path)
    if drawn:
        loaded = loaded.drawn()
    if batch is not None:
        loaded = loaded.of_batch(batch)
    return loaded.of_layers(layers)


def arch_of(job: Job) -> Arch:
    """The machine of a job."""
    from archsim.arch.arch import load_arch

    return load_arch(job.arch, job.overrides)


def run_jobs(jobs: Sequence[Job], processes: int, cache: Path | None, tick: Tick) -> list[Answer]:
    """The answers to all jobs, in their order, whichever is finished first.

    `tick` is called with (jobs done, jobs in all, what was done); the rest as for `answered`.
    """
    answers: dict[int, Answer] = {}
    for at, answer in answered(jobs, processes, cache):
        answers[at] = answer
        tick(len(answers), len(jobs), jobs[at].title)
    return [answers[at] for at in range(len(jobs))]


def answered(
    jobs: Sequence[Job],
    processes: int,
    cache: Path | None,
    traces: list[Trace] | None = None,
    ours: Crew | None = None,
) -> Iterator[tuple[int, Answer]]:
    """The place of each job and its answer, as they are finished.

    `cache` is the folder of kept tables and runs. With one process everything runs in this one, as
    it does where `traces` collects a timeline of each run. Leaving the loop ends all processes;
    reading it to its end leaves those of `ours` for further jobs.
    """
    processes = processes if traces is None else 1
    chunks = _chunks(jobs, processes)
    if processes > 1 and len(chunks) > 1:
        chunks.sort(key=lambda chunk: -sum(_multiplications(jobs[at]) for at in chunk))
        tasks = [_Chunk(chunk, [jobs[at] for at in chunk], cache) for chunk in chunks]
        if ours is None:
            yield from streamed(_chunk_answers, tasks, processes)
        else:
            yield from ours.streamed(_chunk_answers, tasks)
        return
    for chunk in chunks:
        for at, answer in _answers([jobs[at] for at in chunk], cache, traces):
            yield chunk[at], answer


def processes_for(jobs: Sequence[Job]) -> int:
    """As many as there are cores where there is enough to do, else one: starting another takes
    longer than a small network."""
    enough = sum(map(_multiplications, jobs)) >= WORTH_A_PROCESS
    return cores() if enough else 1


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _chunks(jobs: Sequence[Job], processes: int) -> list[list[int]]:
    """Places of jobs that one process takes in a row: those of a workload, cut where there are
    fewer workloads than processes."""
    by_workload: dict[object, list[int]] = {}
    for at, job in enumerate(jobs):
        key = job.workload, job.layers, job.drawn, job.batch
        by_workload.setdefault(key, []).append(at)
    parts = -(-processes // max(1, len(by_workload)))
    return [
        places[start::parts]
        for places in by_workload.values()
        for start in range(min(parts, len(places)))
    ]


def _multiplications(job: Job) -> int:
    """How much there is to do, roughly: the longest should not start last."""
    workload = job.network()
    return sum(layer.macs for layer in workload.layers) * workload.batch


def _answers(
    jobs: Sequence[Job], cache_folder: Path | None, traces: list[Trace] | None = None
) -> Iterator[tuple[int, Answer]]:
    """Runs jobs of one workload in this process."""
    from archsim.results.trace import Trace
    from archsim.runs.cache import Cache
    from archsim.runs.cached import simulate_cached

    cache = Cache(cache_folder) if cache_folder is not None else None
    workload = jobs[0].network()
    for at, job in enumerate(jobs):
        arch = arch_of(job)
        title = f"{workload.name} on {arch.name}"
        trace = None if traces is None else Trace(title, arch.clock_mhz, arch.components)
        try:
            yield at, simulate_cached(arch, workload, cache, trace=trace)
            if traces is not None and trace is not None:
                traces.append(trace)
        except InputError as error:
            yield at, error.problems
    for layer in workload.layers:
        workload.release(layer)


@dataclass(frozen=True)
class _Chunk:
    """Jobs of one workload, and the place of each among all."""

    places: Sequence[int]
    jobs: Sequence[Job]
    cache: Path | None


def _chunk_answers(chunk: _Chunk) -> Iterator[tuple[int, Answer]]:
    for at, answer in _answers(chunk.jobs, chunk.cache):
        yield chunk.places[at], answer
