"""The simulations of one command: each result is written when it is finished, so that an
interruption or a failure loses only what was not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.analysis.normalise import is_machine, normalise
from archsim.cli.figures import drawn
from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.files import check_writable
from archsim.formats.progress import bar
from archsim.results.store import Stored, group_name, read_folder, save, write_summary
from archsim.results.trace import Trace, write_traces

if TYPE_CHECKING:
    from archsim.analysis.normalise import Row
    from archsim.arch.arch import Arch
    from archsim.runs.cache import Cache
    from archsim.workload.workload import Workload

    Jobs = list[tuple[Workload, list[Arch]]]


class Session:
    """Runs jobs into the folder `out`; `finished` holds their results in order. A `cache` is used
    and filled where there is one."""

    def __init__(
        self, out: Path, scenario: str | None, *, show_progress: bool, traced: bool
    ) -> None:
        self.out = out
        self.scenario = Path(scenario).stem if scenario else None
        self.show_progress = show_progress
        self.traced = traced
        self.cache: Cache | None = None
        self.finished: list[Stored] = []
        self.traces: list[Trace] = []

    def check(self, jobs: Jobs) -> None:
        """InputError where the results could not be written, or two of them to one place: before
        any time is spent."""
        for workload, machines in jobs:
            if not machines:
                raise InputError.at(workload.name, f"no machine for the task {workload.task!r}")
            stems = [Path(arch.path).stem for arch in machines]
            double = sorted({stem for stem in stems if stems.count(stem) > 1})
            if double:
                raise InputError.at(
                    f"{double[0]}.json",
                    "two machines would be written to it: give their files different names",
                )
            check_writable(self.out / group_name(workload.name, self.scenario))

    def simulate(self, jobs: Jobs) -> None:
        """Run every job, and at the end of whatever was finished, write the summary."""
        try:
            while jobs:
                workload, machines = jobs.pop(0)  # its tensors are let go with it
                for arch in machines:
                    self._one(workload, arch)
        finally:
            if self.finished:
                self._summarise()
            if self.cache is not None and self.cache.problem:
                console.note(f"nothing kept for next time: {self.cache.problem}")

    def rows(self, reference: str) -> list[Row]:
        """The results of this session, the reference first in each workload."""
        return normalise(_reference_first(self.finished, reference), reference)

    def draw(self, reference: str, *, quiet: bool) -> list[Path]:
        """The figures over all results of the folder; without matplotlib a note and nothing."""
        found, problems = read_folder(self.out)
        for problem in problems:
            console.note(f"left out of summary and figures: {problem}")
        return draw(found, reference, self.out, quiet=quiet)

    def write_traces(self, path: Path) -> None:
        """All runs of the session as one timeline."""
        write_traces(path, self.traces)

    def complain_of_interruption(self) -> None:
        """Say what an interrupted session leaves behind."""
        kept = len(self.finished)
        runs = "run is" if kept == 1 else "runs are"
        console.complain([f"interrupted: {kept} finished machine {runs} kept in {self.out}"])

    def _one(self, workload: Workload, arch: Arch) -> None:
        from archsim.runs.cached import simulate_cached

        title = f"{workload.name} on {arch.name}"
        trace = Trace(title, arch.clock_mhz, arch.components) if self.traced else None
        with bar(title, quiet=not self.show_progress) as progress:
            result = simulate_cached(arch, workload, self.cache, trace=trace, progress=progress)
        group = group_name(workload.name, self.scenario)
        stored = Stored(group, Path(arch.path).stem, result)
        save(self.out, stored)
        self.finished.append(stored)
        if trace is not None:
            self.traces.append(trace)

    def _summarise(self) -> None:
        found, _ = read_folder(self.out)
        write_summary(self.out, found)


def draw(results: Sequence[Stored], reference: str, folder: Path, *, quiet: bool) -> list[Path]:
    """Draw the figures of `results` into `folder`, and say what keeps any of it from being
    drawn."""
    from archsim.analysis.figures.plots import figures

    rows = normalise(_reference_first(results, reference), reference)
    missing = dict.fromkeys(row.stored.group for row in rows if row.reference is None)
    if missing and not quiet:
        console.note(f"not in the figures, for want of a run on {reference}: {', '.join(missing)}")
    return drawn(lambda: figures(rows, folder))


def _reference_first(results: Sequence[Stored], reference: str) -> list[Stored]:
    """Workloads in their order, the reference machine before the others of its workload."""
    order = {group: at for at, group in enumerate(dict.fromkeys(one.group for one in results))}
    return sorted(results, key=lambda one: (order[one.group], not is_machine(one, reference)))
