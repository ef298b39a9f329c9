"""Running a sweep on the workers of a scheduler of dask.distributed, on this machine or many.

Workers read workloads, machines and the cache from the paths that they have here, so these lie on
a file system that all share. A job of a worker that is lost goes to another; one that has cost
several workers their lives ends the sweep. Only this process writes answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from archsim.formats.errors import InputError
from archsim.runs.pool import Job, run_jobs

MISSING = "dask.distributed is missing; pip install 'archsim[sweep]' brings it"
CONNECT_SECONDS = 20
AHEAD = 4
"""Jobs that are handed out per thread of a worker; the rest wait here."""


def answered(
    jobs: Sequence[Job], address: str, cache: Path | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The place of each job and its answer, as they are finished. Leaving the loop gives back what
    has not begun.

    Raises:
        InputError: no scheduler is at `address`, dask is not installed, or a job has cost several
            workers their lives.
    """
    try:
        from distributed import Client, as_completed
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise InputError.at("--dask", MISSING) from error
    if not jobs:
        return
    folder = cache.absolute() if cache else None
    with _client(Client, address) as client:
        places = {}
        waiting = iter(range(len(jobs)))

        def submit(count: int) -> list[Any]:
            more = []
            for at, _ in zip(waiting, range(count), strict=False):
                future = client.submit(_answer, jobs[at], folder, pure=False)
                places[future.key] = at
                more.append(future)
            return more

        threads = sum(client.nthreads().values())
        finished = as_completed(submit(max(1, threads) * AHEAD))
        for future in finished:
            at = places.pop(future.key)
            try:
                yield at, future.result()
            except KilledWorker as error:
                message = f"{jobs[at].title} has cost several workers their lives; is there memory?"
                raise InputError.at("--dask", message) from error
            for further in submit(1):
                finished.add(further)


def _client(kind: Any, address: str) -> Any:
    try:
        return kind(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        message = f"no scheduler answers: {error}; `dask scheduler` starts one"
        raise InputError.at(f"--dask {address}", message) from error


def _answer(job: Job, cache: Path | None) -> dict[str, Any]:
    """Run in a worker."""
    from archsim.analysis.sweep.engine import answer_of

    (answer,) = run_jobs([job], 1, cache, lambda *_: None)
    return answer_of(answer)
