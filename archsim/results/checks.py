"""What must be true of every run, checked in every run. Each failure is a `CheckFailed` that names
the layer.

They cost next to nothing and catch a rule that loses work, a queue that loses bytes and time that
is counted twice (docs/architecture.md, "Always-on checks").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archsim.formats.errors import CheckFailed

if TYPE_CHECKING:
    from archsim.results.accounts import EntryRun, Times
    from archsim.results.result import LayerResult


def check_bytes(run: EntryRun) -> None:
    """Bytes brought and stored are those of the traffic rule, and all that is brought is given up
    again.
    """
    traffic = run.planned.traffic
    name = run.planned.entry.layers[-1].name
    moving = next(iter(run.planned.entry.tiles.moving))
    for flow, loads in run.queued.loads.items():
        brought = sum(size for size, _ in loads)
        # Partial sums from DRAM take the way of the inputs.
        kinds = (flow, "psum") if flow == moving else (flow,)
        by_rule = sum(of.get(kind, 0) for of in traffic.reads.values() for kind in kinds)
        if brought != by_rule:
            raise CheckFailed(
                f"layer {name!r}: {brought} bytes of {flow} brought into buffers, "
                f"the traffic rule has {by_rule}"
            )
        if loads and run.queued.done[flow][-1] != len(loads):
            raise CheckFailed(f"layer {name!r}: bytes of {flow} stay in their buffer for ever")
    stored = int(run.queued.stores.sum())
    written = sum(sum(flows.values()) for flows in traffic.writes.values()) + traffic.kept
    if stored != written:
        raise CheckFailed(
            f"layer {name!r}: {stored} bytes of results stored, the traffic rule has {written}"
        )


def check_time(times: Times, cycles: int, latencies: int) -> dict[str, int]:
    """Busy, lost and idle make up the run of every component; returns idle instance-cycles."""
    idle = {}
    for name, instances in times.instances.items():
        busy = sum(layer.get(name, 0) for layer in times.busy)
        lost = sum(sum(layer.get(name, {}).values()) for layer in times.lost)
        idle[name] = cycles * instances - busy - lost
        if idle[name] < 0:
            raise CheckFailed(
                f"{name}: busy {busy} and lost {lost} instance-cycles exceed {cycles} cycles "
                f"of {instances}"
            )
    longest, total = max(times.elapsed.values()), sum(times.elapsed.values())
    if not longest <= cycles <= total + latencies:
        raise CheckFailed(
            f"{cycles} cycles lie outside what the components need: {longest} at least, "
            f"{total + latencies} at most"
        )
    return idle


def check_result(layers: Sequence[LayerResult], cycles: int, energy: Mapping[str, float]) -> None:
    """Energy parts add up, nothing is negative, layers' cycles make the run."""
    for layer in layers:
        if abs(sum(layer.energy_by.values()) - layer.energy_pj) > 1e-9 * max(1.0, layer.energy_pj):
            raise CheckFailed(
                f"layer {layer.name!r}: energy parts do not add up to {layer.energy_pj} pJ"
            )
        if layer.dram_bytes != sum(layer.dram_bytes_by.values()):
            raise CheckFailed(
                f"layer {layer.name!r}: DRAM bytes by flow do not add up to {layer.dram_bytes}"
            )
        numbers = [
            layer.cycles,
            layer.compute_cycles,
            layer.dram_bytes,
            layer.sram_bytes,
            layer.energy_pj,
        ]
        numbers += [count for counts in layer.actions.values() for count in counts.values()]
        if min(numbers) < 0:
            raise CheckFailed(f"layer {layer.name!r}: a negative count")
    if sum(layer.cycles for layer in layers) != cycles:
        raise CheckFailed(f"the layers' cycles do not add up to {cycles}")
    whole = sum(layer.energy_pj for layer in layers)
    if abs(sum(energy.values()) - whole) > 1e-9 * max(1.0, whole):
        raise CheckFailed(f"the components' energies do not add up to {whole} pJ")
