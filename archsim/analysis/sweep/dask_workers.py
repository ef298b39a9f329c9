"""Running a sweep on the workers of a scheduler of dask.distributed, on this machine or many.

Workers read workloads, machines and the cache from the paths that they have here, so these lie on
a file system that all share. A job of a worker that is lost goes to another; one that has cost
several workers their lives ends the sweep. Only this process writes answers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from logging import CRITICAL, getLogger
from pathlib import Path
from threading import Lock
from typing import Any

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.runs.pool import Job, run_jobs

MISSING = "dask.distributed is missing; pip install 'archsim[sweep]' brings it"
CONNECT_SECONDS = 20
AHEAD, LEAST_AHEAD = 4, 16
"""Jobs that are handed out per thread of a worker, and at least; the rest wait here."""
_one_at_a_time = Lock()


def answered(
    jobs: Sequence[Job], address: str, cache: Path | None
) -> Generator[tuple[int, dict[str, Any]], None, None]:
    """The place of each job and its answer, as they are finished. Leaving the loop gives back what
    has not begun.

    Raises:
        InputError: no scheduler is at `address` or it is gone, dask is not installed, or a job has
            cost several workers their lives.
    """
    if not jobs:
        return
    distributed = _distributed()
    folder = cache.absolute() if cache else None
    place = f"--dask {address}"
    with _connected(distributed, place, address) as client, _told(distributed, place):
        if not client.nthreads():
            console.note(f"{place}: no worker is there yet; the sweep waits for one")
        waiting = iter(enumerate(jobs))
        places: dict[str, int] = {}
        finished = distributed.as_completed([], loop=client.loop)

        def hand_out() -> None:
            most = max(LEAST_AHEAD, AHEAD * sum(client.nthreads().values()))
            for _, (at, job) in zip(range(most - len(places)), waiting, strict=False):
                future = client.submit(_answer, job, folder, pure=False)
                places[future.key] = at
                finished.add(future)

        hand_out()
        for future in finished:
            at = places.pop(future.key)
            yield at, _result(distributed, future, place, jobs[at].title)
            hand_out()


def _distributed() -> Any:
    """The package, which has no types."""
    try:
        return import_module("distributed")
    except ImportError as error:
        raise InputError.at("--dask", MISSING) from error


def _connected(distributed: Any, place: str, address: str) -> Any:
    # What becomes of the connection is said here in one line; its logs are tracebacks.
    for name in ("distributed", "distributed.client"):
        getLogger(name).setLevel(CRITICAL)
    try:
        return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        message = f"no scheduler answers ({error}); `dask scheduler` starts one"
        raise InputError.at(place, message) from error


@contextmanager
def _told(distributed: Any, place: str) -> Iterator[None]:
    """Whatever is asked of a scheduler that is gone ends in one way."""
    try:
        yield
    except (OSError, distributed.CancelledError) as error:
        message = "the scheduler is gone; what was finished is kept, and the same command goes on"
        raise InputError.at(place, message) from error


def _result(distributed: Any, future: Any, place: str, title: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = future.result()
    except distributed.scheduler.KilledWorker as error:
        message = f"{title} has cost several workers their lives; have they enough memory?"
        raise InputError.at(place, message) from error
    return found


def _answer(job: Job, cache: Path | None) -> dict[str, Any]:
    """Run in a worker, whose threads would share the tensors of a workload."""
    from archsim.analysis.sweep.answers import answer_of

    with _one_at_a_time:
        (answer,) = run_jobs([job], 1, cache, lambda *_: None)
    return answer_of(answer)
