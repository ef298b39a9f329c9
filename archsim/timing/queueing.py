"""Steps, loads and stores of an entry, as the schedule takes them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from archsim.arch.arch import Arch
from archsim.machines.shared.geometry import Ints, differences
from archsim.machines.shared.machine import posts_of, share_of, storage_of
from archsim.machines.shared.tiles import whole_parts
from archsim.timing.paths import burst_of, inbound, outbound
from archsim.timing.plan import Planned
from archsim.timing.stage_plan import StagePlan
from archsim.timing.steps import STEPS_PER_LAYER, Steps, cut

LOADS_PER_BUFFER = 8
"""A load is at most this part of a buffer, however long the bursts of a DMA."""
MAX_STEPS = 20_000
"""Steps of a network at most; beyond that a step stands for several, and moves more than half a
buffer."""
STEPS_OF_BATCH = 128
"""Steps at most of a stage that works on several samples, whose steps are alike: what a run costs
does not grow with the batch. Cycles move by some tenths of a percent (docs/reference/cost.md)."""
TRANSFERS_OF_BATCH = 4 * STEPS_OF_BATCH
"""Loads of a flow, or bursts of results, of such a stage at most; beyond that they are longer."""
FEWEST_PER_STAGE = 64
"""Steps of a stage that no scale takes away: each bound of `cut` leaves at most eight."""
MOST_SCALES = 64
"""Scales that are tried at most: a network whose stages cannot be cut so coarsely runs as it is."""
MAX_TRANSFERS = 200_000
"""Loads and stores of a network at most, steps apart; beyond that longer bursts are taken."""


@dataclass(frozen=True)
class Scale:
    """How many times larger steps and bursts are than they are by themselves."""

    steps: float = 1.0
    bursts: int = 1


def queue_all(
    planned: Sequence[Planned], arch: Arch, rows: Mapping[tuple[str, str], int], step_scale: float
) -> tuple[list[StagePlan], tuple[str, ...]]:
    """All entries cut into steps and transfers, `step_scale` times as large as by themselves, or
    more where there would be too many, and notes that say so.
    """
    bursts = max(_burst_scale(planned, arch), int(step_scale))
    coarse = max((plan.entry.tiles.coarse for plan in planned), default=1.0)
    scale = max(step_scale, coarse) if coarse > 1.0 else step_scale
    most = max(MAX_STEPS, FEWEST_PER_STAGE * len(planned))
    for _ in range(MOST_SCALES):
        queued = _queued(planned, arch, rows, Scale(scale, bursts))
        steps = sum(len(one.steps) for one in queued)
        if steps <= most:
            break
        scale *= 1.1 * steps / most
    notes = []
    widest = max((one.scale for one in queued), default=1.0)
    if widest > max(1.0, scale):
        notes.append(
            f"steps of up to {widest:.1f} times half a buffer, {STEPS_OF_BATCH} a stage of a batch"
        )
    if scale > max(1.0, step_scale):
        notes.append(f"steps of up to {scale:.1f} times half a buffer, to stay under {most}")
    if bursts > max(1, int(step_scale)):
        notes.append(f"bursts {bursts} times as long, to stay under {MAX_TRANSFERS} transfers")
    return queued, tuple(f"{arch.name}: {note}" for note in notes)


def _queued(
    planned: Sequence[Planned], arch: Arch, rows: Mapping[tuple[str, str], int], scale: Scale
) -> list[StagePlan]:
    """Every entry's steps and transfers; entries of one plan have the same."""
    known: dict[tuple[int, bool], StagePlan] = {}
    queued = []
    for plan in planned:
        key = id(plan.visits), plan.entry.stage.keeps_output
        if key not in known:
            known[key] = queue(plan, arch, rows, _of_batch(plan, arch, scale))
        anchor, tail = _places(plan, rows)
        after = plan.entry.stage.after
        queued.append(replace(known[key], anchor=anchor, tail=tail, after=after))
    return queued


def _of_batch(planned: Planned, arch: Arch, scale: Scale) -> Scale:
    """The scale, or a larger one where several samples would take more than `STEPS_OF_BATCH`."""
    if planned.entry.samples == 1 or arch.task != "inference":
        return scale
    steps = scale.steps
    for _ in range(MOST_SCALES):
        count = len(_steps(planned, arch, steps))
        if count <= STEPS_OF_BATCH:
            break
        steps *= 1.1 * count / STEPS_OF_BATCH
    longer = -(-max(_transfers(planned, arch)) // TRANSFERS_OF_BATCH)
    return Scale(steps, max(scale.bursts, longer))


def _places(planned: Planned, rows: Mapping[tuple[str, str], int]) -> tuple[int, int]:
    """Where the first and the last layer of an entry stand in the results."""
    layers, phase = planned.entry.layers, planned.entry.tiles.phase
    return rows[layers[0].name, phase], rows[layers[-1].name, phase]


def _burst_scale(planned: Sequence[Planned], arch: Arch) -> int:
    """By how much bursts have to be longer than the arch says."""
    transfers = sum(sum(_transfers(plan, arch)) for plan in planned)
    return max(1, -(-transfers // MAX_TRANSFERS))


def _transfers(planned: Planned, arch: Arch) -> Iterator[int]:
    """Bursts of results, and loads of each flow, where none has to be longer."""
    yield int(planned.visits.outputs.sum()) // burst_of(arch, outbound(arch)[0])
    for flow in inbound(arch):
        yield int(planned.visits.need[flow][-1]) // _largest_load(arch, flow)


def _largest_load(arch: Arch, flow: str) -> int:
    """Bytes of a load where nothing has to be longer."""
    capacity = share_of(arch, storage_of(arch, flow))
    return min(burst_of(arch, flow), max(1, capacity // LOADS_PER_BUFFER))


def queue(
    planned: Planned, arch: Arch, rows: Mapping[tuple[str, str], int], scale: Scale
) -> StagePlan:
    """Cuts an entry into steps and loads; a scale of 1 moves at most half a buffer in a step."""
    steps = _steps(planned, arch, scale.steps)
    result = outbound(arch)[0]
    anchor, tail = _places(planned, rows)
    loads, need, done = {}, {}, {}
    for flow in inbound(arch):
        largest = _largest_load(arch, flow) * scale.bursts
        loads[flow], need[flow] = _loads(steps.need[flow], largest)
        done[flow] = _done(loads[flow], need[flow], steps.free[flow])
    return StagePlan(
        anchor=anchor,
        tail=tail,
        after=planned.entry.stage.after,
        steps=steps,
        loads=loads,
        need=need,
        done=done,
        own=_own_cycles(planned, steps, arch),
        spans=planned.spans,
        stores=steps.outputs,
        bursts=-(-steps.outputs // (burst_of(arch, result) * scale.bursts)),
        to_dram=not planned.entry.stage.keeps_output,
        scale=max(1.0, scale.steps),
    )


def _steps(planned: Planned, arch: Arch, scale: float) -> Steps:
    """The steps of an entry; a scale of 1 moves at most half a buffer in one."""

    def half(flow: str) -> int:
        return max(1, int(share_of(arch, storage_of(arch, flow)) * scale / 2))

    halves = {flow: half(flow) for flow in inbound(arch)}
    wanted = max(8, int(STEPS_PER_LAYER / scale))
    return cut(planned.visits, halves, half(outbound(arch)[0]), wanted)


def _loads(need: Ints, largest: int) -> tuple[list[int], list[int]]:
    """Loads that bring what each step needs, and how many each step has seen."""
    # No load goes beyond the end of a step, or a step would wait for what a later one needs.
    amounts = differences(need)
    loads = -(-amounts // largest)
    return whole_parts(amounts, loads).tolist(), loads.cumsum().tolist()


def _done(sizes: Sequence[int], counts: Sequence[int], free: Ints) -> list[int]:
    """Loads given up after each step: those wholly covered by the bytes that nobody needs any
    more.
    """
    ends = np.array(sizes, np.int64).cumsum()
    gone = np.minimum(ends.searchsorted(free, side="right"), counts)
    done: list[int] = np.maximum.accumulate(gone).tolist()
    return done


def _own_cycles(planned: Planned, steps: Steps, arch: Arch) -> dict[str, Ints]:
    """What each component of the array needs in each step."""
    own = {arch.compute: steps.cycles, **steps.side}
    elements = differences(planned.elements.cumsum()[steps.last])
    for name, part in posts_of(arch).items():
        own[name] = -(-elements // part.elements_per_cycle)
    return own
