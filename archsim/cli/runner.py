"""Running variants of machines on one workload, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archsim.analysis.variants import Variant
    from archsim.runs.pool import Answer, Job


@dataclass(frozen=True)
class WorkloadRunner:
    """A workload, and how machines are run on it: in so many processes, or as many as are worth
    it."""

    workload: Path
    processes: int | None
    layers: str
    use_cache: bool
    quiet: bool
    batch: int | None = None

    def __call__(self, variants: Sequence[Variant]) -> list[Answer]:
        """The answers in order; equal machines run once, illegal ones answer why."""
        from archsim.formats.errors import InputError
        from archsim.formats.progress import bar
        from archsim.runs.cache import default_cache
        from archsim.runs.pool import Job, processes_for, run_jobs

        keys: list[object] = []
        refused: dict[object, Answer] = {}
        jobs: dict[object, Job] = {}
        for at, variant in enumerate(variants):
            try:
                arch = variant.arch()
            except InputError as error:
                refused[at] = error.problems
                keys.append(at)
                continue
            keys.append((arch.hash, arch.machine_path, arch.energy_paths))
            job = Job(self.workload, variant.path, variant.changes, self.layers, batch=self.batch)
            jobs.setdefault(keys[-1], job)
        cache = default_cache().folder if self.use_cache else None
        with bar(self.workload.stem, quiet=self.quiet) as tick:
            todo = [*jobs.values()]
            ran = run_jobs(todo, self.processes or processes_for(todo), cache, tick)
        answers = refused | dict(zip(jobs, ran, strict=True))
        return [answers[key] for key in keys]
