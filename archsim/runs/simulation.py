"""One network on one machine: the top of the stack, and the picture of docs/architecture.md as
code.

    rule -> tile tables -> plan -> program -> engine -> accounts -> prices -> result
"""

from dataclasses import replace

from archsim.arch.arch import Arch
from archsim.arch.machine_files import blamed
from archsim.formats.progress import Progress
from archsim.machines.shared.tables import Tables, tables_of
from archsim.machines.shared.weight_forms import check_task
from archsim.results.accounts import EntryRun, ends_of, times_of
from archsim.results.checks import check_bytes, check_time
from archsim.results.layer_results import layer_results
from archsim.results.pricing import priced
from archsim.results.result import Result
from archsim.results.settings import setting_name
from archsim.results.trace import Trace
from archsim.runs.content import inputs_hash
from archsim.runs.timeline import Played, draw
from archsim.timing import engine
from archsim.timing.entries import entries_of, rows_of
from archsim.timing.plan import plan_all
from archsim.timing.queueing import queue_all
from archsim.timing.schedule import Schedule
from archsim.workload.workload import Workload


def simulate(
    arch: Arch,
    workload: Workload,
    *,
    trace: Trace | None = None,
    progress: Progress | None = None,
    step_scale: float = 1.0,
) -> Result:
    """Runs the workload on the machine.

    `progress` is called with (stages done, stages in all, layer). `step_scale` makes steps larger
    or smaller than they are by themselves; results hardly depend on it. Raises InputError where the
    two do not fit each other, and CheckFailed where a run breaks an invariant.
    """
    check_task(arch, workload)
    with blamed(arch.machine_path):
        tables = tables_of(arch, workload, progress)
        counted = timed(arch, workload, tables, trace=trace, step_scale=step_scale)
        return final(counted, arch, workload)


def final(counted: Result, arch: Arch, workload: Workload) -> Result:
    """A counted run with the prices of `arch`, what was set for it, and the hash of everything it
    depends on."""
    keys = {setting_name(path): arch.value(path) for path in arch.changed}
    return replace(
        priced(counted, arch),
        settings={**workload.settings, **keys},
        changed=arch.changed,
        inputs_hash=inputs_hash(arch, workload),
    )


def timed(
    arch: Arch,
    workload: Workload,
    tables: Tables,
    *,
    trace: Trace | None = None,
    step_scale: float = 1.0,
) -> Result:
    """The event run over the tile tables: everything that is counted, and no energy yet."""
    entries = entries_of(arch, workload, tables)
    rows = rows_of(entries, workload.layers)
    planned = plan_all(entries, arch)
    queued, notes = queue_all(planned, arch, rows, step_scale)
    runs = [EntryRun(*pair) for pair in zip(planned, queued, strict=True)]
    for run in runs:
        check_bytes(run, arch)
    program = Schedule(arch).program(queued, len(rows))
    if trace is None:
        outcome = engine.run(program)
    else:
        outcome, waits = engine.watched(program)
        alone = {run.queued.anchor for run in runs if run.entry.stage.anchor is None}
        played = Played(program, outcome, waits, arch, alone)
        draw(trace, played, sorted(rows, key=rows.__getitem__))
    times = times_of(program, outcome, runs, arch, len(rows))
    idle = check_time(times, outcome.cycles, sum(sum(hop.latency) for hop in program.hops))
    return Result(
        arch=arch.name,
        arch_hash=arch.hash,
        arch_resolved=arch.written,
        kinds=arch.kinds,
        clock_mhz=arch.clock_mhz,
        workload=workload.name,
        workload_hash=workload.hash,
        mode=workload.mode,
        batch=workload.batch,
        cycles=outcome.cycles,
        instances=times.instances,
        idle=idle,
        layers=layer_results(runs, times, ends_of(program, outcome, queued), arch, rows),
        notes=(*workload.notes, *tables.notes, *notes),
    )
