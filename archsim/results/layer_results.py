"""The rows of a result: every phase of every layer, counted and not yet priced."""

from collections.abc import Mapping, Sequence

from archsim.arch.arch import Arch
from archsim.machines.shared.machine import post_steps, posts_of
from archsim.results.accounts import NOTHING, EntryRun, Times, actions_of
from archsim.results.result import LayerResult
from archsim.timing.paths import inbound, outbound
from archsim.workload.layer import Layer


def layer_results(
    runs: Sequence[EntryRun],
    times: Times,
    ends: Sequence[int],
    arch: Arch,
    rows: Mapping[tuple[str, str], int],
) -> tuple[LayerResult, ...]:
    """All rows in their order. A layer fused behind another has no cycles of its own."""
    results: dict[int, LayerResult] = {}
    before = 0
    for run, end in zip(runs, ends, strict=True):
        actions = actions_of(run, arch)
        for layer in run.entry.layers:
            row = rows[layer.name, run.entry.tiles.phase]
            first = layer is run.entry.layers[0]
            own = _with_time(actions[layer.name], arch, end - before if first else 0)
            by_flow = _dram_bytes(run, layer, arch)
            results[row] = LayerResult(
                name=layer.name,
                op=layer.op,
                phase=run.entry.tiles.phase,
                fused_into=None if first else run.entry.layers[0].name,
                macs=_macs(run, layer),
                macs_done=run.entry.tiles.macs_done if first and layer.is_array else 0,
                cycles=end - before if first else 0,
                compute_cycles=_compute_cycles(run, layer, arch) if first else 0,
                energy_pj=0.0,
                energy_by={},
                dram_bytes=sum(by_flow.values()),
                dram_bytes_by=by_flow,
                sram_bytes=_sram_bytes(own, arch),
                actions=own,
                busy=times.busy[row],
                lost=times.lost[row],
            )
        before = end
    return tuple(results[row] for row in sorted(results))


def _with_time(
    actions: Mapping[str, Mapping[str, int]], arch: Arch, cycles: int
) -> dict[str, dict[str, int]]:
    """The actions of a layer, and those that its cycles take whatever it does in them."""
    counts = {name: dict(of) for name, of in actions.items()}
    for name, part in arch.components.items():
        for action, each in part.actions_per_cycle.items():
            if each * cycles:
                counts.setdefault(name, {})[action] = each * cycles
    return counts


def _macs(run: EntryRun, layer: Layer) -> int:
    return 0 if run.entry.tiles.phase == "update" else layer.macs * run.entry.samples


def _dram_bytes(run: EntryRun, layer: Layer, arch: Arch) -> dict[str, int]:
    """Bytes by flow, every flow of the arch and, where there are any, spilled partial sums."""
    reads = run.planned.traffic.reads[layer.name]
    writes = run.planned.traffic.writes[layer.name]
    return {
        flow: reads.get(flow, NOTHING).nbytes + writes.get(flow, NOTHING).nbytes
        for flow in [*inbound(arch), *outbound(arch), "psum"]
        if flow != "psum" or flow in reads
    }


def _compute_cycles(run: EntryRun, layer: Layer, arch: Arch) -> int:
    """The array's cycles with all bandwidths infinite; the post-processor's for a layer without
    weights.
    """
    if layer.is_array:
        return run.entry.tiles.compute_cycles
    work = post_steps(layer, arch) * run.entry.samples
    widths = [part.elements_per_cycle for part in posts_of(arch).values()]
    return -(-work // widths[0]) if widths else 0


def _sram_bytes(actions: Mapping[str, Mapping[str, int]], arch: Arch) -> int:
    return sum(
        counts.get("read", 0) + counts.get("write", 0)
        for name, counts in actions.items()
        if arch.components[name].kind == "storage"
    )
