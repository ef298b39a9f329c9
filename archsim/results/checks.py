"""What must be true of every run, checked in every run. Each failure is a `CheckFailed` that names
the layer.

They cost next to nothing and catch a rule that loses work, a queue that loses bytes and time that
is counted twice (docs/architecture.md, "Always-on checks").
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import fsum

import numpy as np

from archsim.arch.arch import Arch
from archsim.formats.errors import CheckFailed
from archsim.machines.shared.machine import share_of, storage_of
from archsim.machines.shared.partial_sums import psum_bytes
from archsim.results.accounts import EntryRun, Times
from archsim.results.result import LayerResult
from archsim.timing.plan import Planned


def check_bytes(run: EntryRun, arch: Arch) -> None:
    """Bytes counted, brought into buffers and stored are those of the traffic rule, and all that is
    brought is given up again.
    """
    traffic, name, tiles = run.planned.traffic, run.entry.layers[-1].name, run.entry.tiles
    counted: Counter[str] = Counter()
    for flows in traffic.reads.values():
        for flow, span in flows.items():
            counted[flow] += span.nbytes
            if span.nbytes and not span.runs:
                raise CheckFailed(f"layer {name!r}: bytes of {flow} come in no run of DRAM")
    # Partial sums from DRAM take the way of the inputs.
    psums, moving = counted.pop("psum", 0), next(iter(tiles.moving))
    pairs = [(psums + traffic.spilled, _psums_by_rule(run.planned, arch), "partial sums counted")]
    for flow, by_rule in _bytes_by_rule(run.planned).items():
        loads = run.queued.loads[flow]
        more = psums if flow == moving else 0
        pairs.append((counted[flow], by_rule, f"{flow} counted"))
        pairs.append((sum(loads), by_rule + more, f"{flow} brought into buffers"))
        if loads and run.queued.done[flow][-1] != len(loads):
            raise CheckFailed(f"layer {name!r}: bytes of {flow} stay in their buffer for ever")
    results, made = psums + run.entry.stored, int(run.queued.stores.sum())
    written = sum(span.nbytes for flows in traffic.writes.values() for span in flows.values())
    pairs.append((written + traffic.kept, results, "results counted"))
    pairs.append((made, results, "results stored"))
    for nbytes, by_rule, what in pairs:
        if nbytes != by_rule:
            raise CheckFailed(
                f"layer {name!r}: {nbytes} bytes of {what}, the traffic rule has {by_rule}"
            )


def _bytes_by_rule(planned: Planned) -> dict[str, int]:
    """DRAM bytes read by flow, partial sums apart: the rule of docs/machines/README.md in closed
    form. It shares no code with the visits, so that one that is lost or made twice shows.
    """
    tiles, order, stage = planned.entry.tiles, planned.order, planned.entry.stage
    inputs = 1 if order.hold_inputs else order.blocks
    weights = order.blocks if order.hold_inputs else 1
    columns, whole = _columns_read(planned)
    reads = {flow: -(-nbytes * columns // whole) * inputs for flow, nbytes in tiles.moving.items()}
    moving = next(iter(reads))
    if order.hold_inputs:
        parts = sum(section.copies for section in tiles.sections) or 1
        reads[moving] += -(-tiles.halo_bytes * columns // whole) * (order.blocks - 1) * parts
    if stage.keeps_input:
        reads = dict.fromkeys(reads, 0)
    reads[moving] += sum(planned.entry.operands.values())
    return reads | {flow: int(of.sum()) * weights for flow, of in tiles.stationary.items()}


def _columns_read(planned: Planned) -> tuple[int, int]:
    """Columns of a row that the strips of the plane read, one strip after the other, and those that
    there are; rows that are not cut are read as they are."""
    layer, width = planned.entry.stage.anchor, planned.strips.width
    if layer is None or not width:
        return 1, 1
    whole, across, read = layer.in_size[1], layer.out_size[1], 0
    for first in range(0, across, width):
        start = first * layer.stride[1] - layer.padding[1]
        last = min(first + width, across) - 1
        end = last * layer.stride[1] - layer.padding[1] + layer.geometry.reach[1] + 1
        after = (first + width) * layer.stride[1] - layer.padding[1]
        end = max(end, after) if first + width < across else whole
        read += max(0, min(end, whole)) - min(max(start, 0), whole)
    return read, whole


def _psums_by_rule(planned: Planned, arch: Arch) -> int:
    """Bytes of partial sums that groups spill whose weights, or whose input rows within a strip,
    exceed their buffer; products of training have no such rows.
    """
    tiles, layer = planned.entry.tiles, planned.entry.stage.anchor
    again = np.zeros(len(tiles.outputs), np.int64)
    if layer is not None and arch.task != "training" and tiles.min_blocks == 1:
        moving = next(iter(tiles.moving))
        windows = planned.strips.width or layer.out_size[1]
        columns = (windows - 1) * layer.stride[1] + layer.geometry.reach[1] + 1
        columns = min(columns, layer.in_size[1]) if planned.strips.width else layer.in_size[1]
        bits = layer.kernel[0] * columns * layer.group_channels * arch.activation_bits
        sample = -(-tiles.moving[moving] // planned.entry.samples)
        rows = min((bits + 7) // 8, sample)
        again += max(0, rows - 1) // share_of(arch, storage_of(arch, moving))
    for flow, nbytes in tiles.stationary.items():
        copies = [part.copies for part in tiles.sections for _ in range(part.groups)] or 1
        each = nbytes // copies
        again = np.maximum(again, (each - 1) // share_of(arch, storage_of(arch, flow)))
    return psum_bytes(arch) * int((again * tiles.outputs.sum(axis=1)).sum())


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
        parts = [
            *layer.energy_by.values(),
            *(pj or 0.0 for pj in (layer.leakage_by or {}).values()),
        ]
        if abs(fsum(parts) - layer.energy_pj) > 1e-9 * max(1.0, layer.energy_pj):
            raise CheckFailed(
                f"layer {layer.name!r}: energy parts do not add up to {layer.energy_pj} pJ"
            )
        if layer.dram_bytes != sum(layer.dram_bytes_by.values()):
            raise CheckFailed(
                f"layer {layer.name!r}: DRAM bytes by flow do not add up to {layer.dram_bytes}"
            )
        numbers = [
            layer.cycles, layer.compute_cycles, layer.dram_bytes, layer.sram_bytes, layer.energy_pj,
            *parts,
        ]  # fmt: skip
        numbers += [count for counts in layer.actions.values() for count in counts.values()]
        if min(numbers) < 0:
            raise CheckFailed(f"layer {layer.name!r}: a negative count")
    if sum(layer.cycles for layer in layers) != cycles:
        raise CheckFailed(f"the layers' cycles do not add up to {cycles}")
    whole = fsum(layer.energy_pj - (layer.leakage_pj or 0.0) for layer in layers)
    if abs(fsum(energy.values()) - whole) > 1e-9 * max(1.0, whole):
        raise CheckFailed(f"the components' energies do not add up to {whole} pJ")
