"""`simulate` that remembers: tile tables and counted runs are kept apart, and prices put on last.

A sweep over price tables runs nothing again; one over DRAM bandwidth makes no tile table again.
What is kept is equal to what would be computed, to the byte of the result.
"""

import json
from hashlib import blake2b
from typing import Any

from archsim.arch.arch import Arch
from archsim.arch.machine_files import blamed
from archsim.formats.json_file import parsed
from archsim.formats.progress import Progress
from archsim.machines.shared.tables import Tables, tables_of
from archsim.machines.shared.weight_forms import check_task
from archsim.results.result import Result
from archsim.results.trace import Trace
from archsim.runs import simulation
from archsim.runs.cache import Cache, default_cache
from archsim.runs.collector import collector_paused
from archsim.runs.content import run_key, table_key
from archsim.runs.recent import Recent
from archsim.runs.simulation import final, timed
from archsim.runs.table_store import pack, unpack
from archsim.workload.workload import Workload

_read_tables: Recent[Tables] = Recent(2)
_read_runs: Recent[Result] = Recent(8)
"""Of the machines and networks that points of a sweep take turns in."""


def simulate(  # noqa: PLR0913 - all but two go by their names
    arch: Arch,
    workload: Workload,
    *,
    cache: bool = True,
    trace: Trace | None = None,
    progress: Progress | None = None,
    step_scale: float = 1.0,
) -> Result:
    """Runs the workload on the machine, or takes what the cache keeps of it.

    The cache is `.archsim-cache` in the working directory, or the folder that ARCHSIM_CACHE names;
    without `cache` it is neither read nor written. The rest is that of
    `archsim.runs.simulation.simulate`.

    Raises:
        InputError: the two do not fit each other.
        CheckFailed: the run breaks an invariant.
    """
    if step_scale != 1.0:
        return simulation.simulate(
            arch, workload, trace=trace, progress=progress, step_scale=step_scale
        )
    kept = default_cache() if cache else None
    return simulate_cached(arch, workload, kept, trace=trace, progress=progress)


def simulate_cached(
    arch: Arch,
    workload: Workload,
    cache: Cache | None,
    *,
    trace: Trace | None = None,
    progress: Progress | None = None,
) -> Result:
    """As `archsim.simulate`, with what `cache` holds; with None nothing is kept.

    A trace needs the events themselves, so it always runs them. Errors are those of `simulate`.
    """
    check_task(arch, workload)
    counted = None
    if cache is not None and trace is None:
        counted = _read_run(cache, arch, workload)
    with blamed(arch.machine_path), collector_paused():
        if counted is None:
            tables = _tables(arch, workload, cache, progress)
            counted = timed(arch, workload, tables, trace=trace)
            if cache is not None:
                _write_run(cache, arch, workload, counted)
        return final(counted, arch, workload)


def _tables(
    arch: Arch, workload: Workload, cache: Cache | None, progress: Progress | None
) -> Tables:
    if cache is None:
        return tables_of(arch, workload, progress)
    key = table_key(arch, workload)
    content = cache.read(f"{key}.npz")
    tables = None
    if content is not None:
        tables = _read_tables.parsed(key, content, lambda: unpack(key, content))
    if tables is None:
        tables = tables_of(arch, workload, progress)
        cache.write(f"{key}.npz", pack(key, tables))
    return tables


def _read_run(cache: Cache, arch: Arch, workload: Workload) -> Result | None:
    key = run_key(arch, workload)
    content = cache.read(f"{key}.json")
    return None if content is None else _read_runs.parsed(key, content, lambda: _run(key, content))


def _run(key: str, content: bytes) -> Result | None:
    try:
        kept = parsed(content)
        run = kept["run"]
        return Result.from_dict(run) if kept["check"] == _check(key, run) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_run(cache: Cache, arch: Arch, workload: Workload, counted: Result) -> None:
    key, run = run_key(arch, workload), counted.to_dict()
    kept = {"check": _check(key, run), "run": run}
    cache.write(f"{key}.json", json.dumps(kept, separators=(",", ":")).encode())


def _check(key: str, run: dict[str, Any]) -> str:
    text = json.dumps([key, run], separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
