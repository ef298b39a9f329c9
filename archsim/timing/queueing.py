"""Steps, loads and stores of an entry, as the schedule takes them."""

from collections.abc import Mapping, Sequence

import numpy as np

from archsim.arch.arch import Arch
from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.machine import posts_of, share_of, storage_of
from archsim.timing.plan import Planned
from archsim.timing.schedule import StagePlan, inbound, outbound
from archsim.timing.steps import STEPS_PER_LAYER, Steps, cut

LOADS_PER_BUFFER = 8
"""A DMA takes turns between its flows: a load is at most this part of a buffer, so that a long one
does not hold up the results on their way out."""
MAX_STEPS = 20_000
"""Steps of a network at most; beyond that a step stands for several, and moves more than half a
buffer."""


def queue_all(
    planned: Sequence[Planned], arch: Arch, rows: Mapping[tuple[str, str], int], step_scale: float
) -> tuple[list[StagePlan], tuple[str, ...]]:
    """All entries cut into steps, larger ones where there would be too many, and a note that says
    so.
    """
    scale = max([step_scale, *(plan.entry.tiles.coarse for plan in planned)])
    while True:
        queued = [queue(plan, arch, rows, scale) for plan in planned]
        steps = sum(len(one.steps) for one in queued)
        if steps <= MAX_STEPS:
            break
        scale *= 1.1 * steps / MAX_STEPS
    if scale <= max(1.0, step_scale):
        return queued, ()
    note = f"{arch.name}: steps of up to {scale:.1f} times half a buffer, to stay under {MAX_STEPS}"
    return queued, (note,)


def queue(
    planned: Planned, arch: Arch, rows: Mapping[tuple[str, str], int], step_scale: float
) -> StagePlan:
    """Cuts an entry into steps and loads; a scale of 1 moves at most half a buffer in a step."""
    halves = {
        f: max(1, int(share_of(arch, storage_of(arch, f)) * step_scale / 2)) for f in inbound(arch)
    }
    out_half = max(1, int(share_of(arch, storage_of(arch, outbound(arch)[0])) * step_scale / 2))
    steps = cut(planned.visits, halves, out_half, max(8, int(STEPS_PER_LAYER / step_scale)))
    entry = planned.entry
    phase = entry.tiles.phase
    loads, need, done = {}, {}, {}
    for flow in inbound(arch):
        capacity = share_of(arch, storage_of(arch, flow))
        # Steps that stand for several take loads that do.
        largest = int(max(1, capacity // LOADS_PER_BUFFER) * max(1.0, step_scale))
        loads[flow], need[flow] = _loads(steps.need[flow], largest)
        done[flow] = _done(loads[flow], need[flow], steps.free[flow])
    return StagePlan(
        anchor=rows[entry.layers[0].name, phase],
        tail=rows[entry.layers[-1].name, phase],
        after=entry.stage.after,
        steps=steps,
        loads=loads,
        need=need,
        done=done,
        own=_own_cycles(planned, steps, arch),
        stores=steps.outputs,
        to_dram=not entry.stage.keeps_output,
        scale=max(1.0, step_scale),
    )


def _loads(need: Ints, largest: int) -> tuple[list[int], list[int]]:
    """Loads that bring what each step needs, and how many each step has seen."""
    # No load goes beyond the end of a step, or a step would wait for what a later one needs.
    sizes: list[int] = []
    counts: list[int] = []
    for amount in np.diff(need, prepend=0).tolist():
        if amount:
            parts = -(-amount // largest)
            sizes += [(k + 1) * amount // parts - k * amount // parts for k in range(parts)]
        counts.append(len(sizes))
    return sizes, counts


def _done(sizes: Sequence[int], counts: Sequence[int], free: Ints) -> list[int]:
    """Loads given up after each step: those wholly covered by the bytes that nobody needs any
    more.
    """
    ends = np.cumsum(np.array(sizes, np.int64))
    gone = np.minimum(np.searchsorted(ends, free, side="right"), counts)
    return [int(count) for count in np.maximum.accumulate(gone)]


def _own_cycles(planned: Planned, steps: Steps, arch: Arch) -> dict[str, Ints]:
    """What each component of the array needs in each step."""
    own = {arch.compute: steps.cycles, **steps.side}
    ends = np.cumsum(planned.elements)[steps.last]
    for name, part in posts_of(arch).items():
        own[name] = -(-np.diff(ends, prepend=0) // part.elements_per_cycle)
    return own
