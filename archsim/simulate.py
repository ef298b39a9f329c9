"""One network on one machine: the top of the stack, and the picture of docs/architecture.md as
code.

    rule -> tile tables -> plan -> program -> engine -> accounts -> prices -> result
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from archsim import engine
from archsim.accounts import StageRun, Times, actions_of, ends_of, times_of
from archsim.checks import check_bytes, check_result, check_tiles, check_time
from archsim.components.global_buffer import GlobalBuffer
from archsim.components.post_processor import PostProcessor
from archsim.energy import load_energy, price_actions
from archsim.machine import check_flows, load_machine, share_of, storage_of
from archsim.plan import Planned, batched, elementwise_tiles, plan_stage, queue
from archsim.result import LayerResult, Result
from archsim.schedule import Schedule, inbound, outbound
from archsim.stages import Stage, keep_on_chip, stages_of
from archsim.tiles import Tiles
from archsim.weight_forms import check_task, weight_notes

if TYPE_CHECKING:
    from archsim.arch import Arch
    from archsim.layer import Layer
    from archsim.program import Outcome, Program
    from archsim.trace import Trace
    from archsim.workload import Workload

Progress = Callable[[int, int, str], None]
MAX_STEPS = 20_000
"""Steps of a network at most; larger ones get steps of more than half a buffer, and a note."""


def simulate(
    arch: Arch, workload: Workload, *, trace: Trace | None = None, progress: Progress | None = None
) -> Result:
    """Runs the workload on the machine.

    `progress` is called with (stages done, stages in all, layer). Raises InputError where the two
    do not fit each other, and CheckFailed where a run breaks an invariant.
    """
    layers = workload.layers
    check_task(arch, workload)
    position = {layer.name: index for index, layer in enumerate(layers)}
    tabled = _tables(arch, workload, progress)
    planned = [
        (plan_stage(stage, tiles, arch, position, workload.batch), tiles) for stage, tiles in tabled
    ]
    runs, notes = _queued(planned, arch, position)
    for run in runs:
        check_bytes(run)
    program = Schedule(arch).program([run.queued for run in runs], len(layers))
    outcome = engine.run(program)
    if trace is not None:
        _trace(trace, program, outcome, layers)
    times = times_of(program, outcome, runs, arch, layers)
    latencies = sum(sum(hop.latency) for hop in program.hops)
    idle = check_time(times, outcome.cycles, latencies)
    results = _layer_results(
        runs, times, ends_of(program, outcome, [run.queued for run in runs]), arch, workload
    )
    result = Result(
        arch=arch.name,
        arch_hash=arch.hash,
        arch_resolved=arch.resolved,
        clock_mhz=arch.clock_mhz,
        workload=workload.name,
        workload_hash=workload.hash,
        mode=workload.mode,
        cycles=outcome.cycles,
        instances=times.instances,
        idle=idle,
        layers=tuple(results),
        notes=(*workload.notes, *weight_notes(arch, workload), *notes),
    )
    check_result(results, outcome.cycles, result.energy_by)
    return result


def _tables(arch: Arch, workload: Workload, progress: Progress | None) -> list[tuple[Stage, Tiles]]:
    """The tile table of every stage and phase, checked."""
    machine = load_machine(arch.machine_path)
    check_flows(arch, machine)
    stages = stages_of(workload.layers)
    tables: list[tuple[Stage, Tiles]] = []
    for index, stage in enumerate(stages):
        if progress is not None:
            progress(index, len(stages), stage.layers[0].name)
        if stage.anchor is None:
            tables.append((stage, elementwise_tiles(stage.tail, workload.batch, arch)))
            continue
        for tiles in machine.tiles(stage.anchor, workload.tensors(stage.anchor), arch):
            check_tiles(stage.anchor, tiles, stage.anchor.macs)
            tables.append((stage, batched(tiles, workload.batch)))
    if progress is not None:
        progress(len(stages), len(stages), "")
    if arch.interlayer == "keep_if_fits":
        sizes = [
            (sum(t.moving.values()), s.tail.output_elements * workload.batch) for s, t in tables
        ]
        room = share_of(arch, storage_of(arch, next(iter(tables[0][1].moving))))
        kept = keep_on_chip([stage for stage, _ in tables], sizes, room)
        tables = [(stage, tiles) for stage, (_, tiles) in zip(kept, tables, strict=True)]
    return tables


def _queued(
    planned: Sequence[tuple[Planned, Tiles]], arch: Arch, position: dict[str, int]
) -> tuple[list[StageRun], list[str]]:
    """All stages cut into steps, larger ones where there would be too many."""
    coarseness = 1.0
    notes: list[str] = []
    while True:
        queued = [queue(plan, arch, position, coarseness) for plan, _ in planned]
        steps = sum(len(one.steps) for one in queued)
        if steps <= MAX_STEPS:
            break
        coarseness *= 1.1 * steps / MAX_STEPS
    if coarseness > 1:
        notes.append(
            f"steps: up to {coarseness:.1f} times half a buffer, to stay under {MAX_STEPS} steps"
        )
    return [
        StageRun(plan, one, tiles) for (plan, tiles), one in zip(planned, queued, strict=True)
    ], notes


def _layer_results(
    runs: Sequence[StageRun], times: Times, ends: Sequence[int], arch: Arch, workload: Workload
) -> list[LayerResult]:
    table = load_energy(arch.energy_path)
    results: dict[int, LayerResult] = {}
    position = {layer.name: index for index, layer in enumerate(workload.layers)}
    before = 0
    for run, end in zip(runs, ends, strict=True):
        actions = actions_of(run, arch, workload.batch)
        flowing, stage = run.planned.flowing, run.planned.stage
        for layer in stage.layers:
            place = position[layer.name]
            energy = price_actions(
                table, arch.components, actions[layer.name], str(arch.energy_path)
            )
            by_flow = {
                flow: flowing.reads[layer.name].get(flow, 0)
                + flowing.writes[layer.name].get(flow, 0)
                for flow in [*inbound(arch), *outbound(arch), "psum"]
            }
            anchored = layer is stage.anchor
            first = layer is stage.layers[0]
            results[place] = LayerResult(
                name=layer.name,
                op=layer.op,
                phase=run.tiles.phase,
                fused_into=None if first else stage.layers[0].name,
                macs=layer.macs * workload.batch,
                macs_done=run.tiles.macs_done if anchored else 0,
                cycles=end - before if first else 0,
                compute_cycles=_compute_cycles(run, layer, arch, workload.batch) if first else 0,
                energy_pj=sum(energy.values()),
                energy_by=energy,
                dram_bytes=sum(by_flow.values()),
                dram_bytes_by={
                    flow: nbytes for flow, nbytes in by_flow.items() if nbytes or flow != "psum"
                },
                sram_bytes=_sram_bytes(actions[layer.name], arch),
                actions=actions[layer.name],
                busy=times.busy[place],
                lost=times.lost[place],
            )
        before = end
    return [results[place] for place in sorted(results)]


def _compute_cycles(run: StageRun, layer: Layer, arch: Arch, batch: int) -> int:
    """The array's cycles with all bandwidths infinite; the post-processor's for a layer that has
    none.
    """
    if run.planned.stage.anchor is not None:
        return run.tiles.compute_cycles
    work = layer.output_elements * layer.window * batch
    widths = [
        part.elements_per_cycle
        for part in arch.components.values()
        if isinstance(part, PostProcessor)
    ]
    return -(-work // widths[0]) if widths else 0


def _sram_bytes(actions: dict[str, dict[str, int]], arch: Arch) -> int:
    return sum(
        counts.get("read", 0) + counts.get("write", 0)
        for name, counts in actions.items()
        if isinstance(arch.components[name], GlobalBuffer)
    )


def _trace(trace: Trace, program: Program, outcome: Outcome, layers: Sequence[Layer]) -> None:
    """Every visit of every component, in the order of time."""
    slices = [
        (
            outcome.starts[h][k],
            program.servers[server].name,
            layers[hop.layer[k]].name,
            hop.name,
            cycles,
        )
        for h, hop in enumerate(program.hops)
        for s, server in enumerate(hop.servers)
        for k, cycles in enumerate(hop.cycles[s])
        if cycles
    ]
    for start, server_name, layer, what, cycles in sorted(slices):
        trace.add(server_name, layer, what, start, start + cycles)
