"""From a stage's tile table to its queue of loads, steps and stores, and the DRAM bytes that
follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from archsim.components.post_processor import PostProcessor
from archsim.errors import InputError
from archsim.machine import share_of, storage_of
from archsim.schedule import StagePlan, inbound, outbound
from archsim.stages import Stage, operand_bytes
from archsim.steps import Steps, Visits, cut, visit_tiles
from archsim.tiles import Ints, Tiles
from archsim.traffic import Held, Order, choose_order, passes_over_inputs

if TYPE_CHECKING:
    from archsim.arch import Arch
    from archsim.layer import Layer

STEPS_PER_LAYER = 96
"""Steps a layer is cut into at least, where it has as many tiles: halving them moves cycles by
under 2 %.
"""


@dataclass(frozen=True)
class Flowing:
    """Bytes of one stage by layer and flow, as the DRAM rule counts them, and what stays in the
    buffers.

    `reads` and `writes` map a layer's name to flows to DRAM bytes. `kept` is output that stays on
    chip, `spilled` partial sums that go through the input buffer and back.
    """

    reads: Mapping[str, Mapping[str, int]]
    writes: Mapping[str, Mapping[str, int]]
    kept: int
    spilled: int


@dataclass(frozen=True)
class Planned:
    """A stage before it is cut: its visits with everything that moves in them."""

    stage: Stage
    visits: Visits
    elements: Ints
    """(N,) elements that the post-processor handles in each visit."""
    operands: Mapping[str, int]
    """Bytes each element-wise layer reads besides what streams in."""
    flowing: Flowing


@dataclass(frozen=True)
class _Timed:
    """A tile table and the order in which its tiles are visited."""

    tiles: Tiles
    order: Order
    visits: Visits


def batched(tiles: Tiles, batch: int) -> Tiles:
    """The same phase for several samples: their tiles follow each other under one load of
    weights.
    """
    if batch == 1:
        return tiles

    def scaled(counts: Mapping[str, int]) -> dict[str, int]:
        return {name: count * batch for name, count in counts.items()}

    return replace(
        tiles,
        cycles=np.tile(tiles.cycles, batch),
        limited=np.tile(tiles.limited, batch),
        outputs=np.tile(tiles.outputs, batch),
        moving=scaled(tiles.moving),
        macs_done=tiles.macs_done * batch,
        macs_skipped=tiles.macs_skipped * batch,
        busy=scaled(tiles.busy),
        lost={name: scaled(causes) for name, causes in tiles.lost.items()},
        actions={name: scaled(counts) for name, counts in tiles.actions.items()},
        side={
            name: np.tile(np.broadcast_to(one, tiles.cycles.shape), batch)
            for name, one in tiles.side.items()
        },
    )


def elementwise_tiles(layer: Layer, batch: int, arch: Arch) -> Tiles:
    """A stage without weights: nothing for the array, results in even parts."""
    total = layer.output_elements * batch
    parts = min(STEPS_PER_LAYER, total)
    outputs = np.diff(np.arange(parts + 1) * total // parts).reshape(1, -1)
    nothing = np.zeros((1, parts), np.int64)
    flows = dict.fromkeys(inbound(arch), 0)
    return Tiles(
        phase="inference",
        cycles=nothing,
        limited=nothing,
        outputs=outputs,
        moving={flow: 0 for flow in flows if arch.flows[flow].role == "moving"},
        stationary={f: np.zeros(1, np.int64) for f in flows if arch.flows[f].role == "stationary"},
        macs_done=0,
        macs_skipped=0,
        instances={},
        busy={},
        lost={},
        actions={},
    )


def plan_stage(
    stage: Stage, tiles: Tiles, arch: Arch, position: dict[str, int], batch: int
) -> Planned:
    """Order of visits, passes, operands and partial sums of one phase. InputError if a tile has no
    room.
    """
    _check_room(stage, tiles, arch)
    order = _order(tiles, arch)
    passes = np.ones(len(tiles.cycles), np.int64)
    for flow, by_group in tiles.stationary.items():
        capacity = share_of(arch, storage_of(arch, flow))
        passes = np.maximum(passes, [passes_over_inputs(int(n), capacity) for n in by_group])
    visits = visit_tiles(tiles, order, passes)
    operands = {
        post.name: operand_bytes(post, position, fused=k > 0 or stage.anchor is not None) * batch
        for k, post in enumerate(stage.posts)
    }
    made = int(visits.outputs.sum())
    work = sum(post.output_elements * post.window for post in stage.posts) * batch
    before = made if stage.anchor else 0
    elements = _scaled(visits.outputs, before + work, made)
    stored = replace(
        visits, outputs=_scaled(visits.outputs, stage.tail.output_elements * batch, made)
    )
    return _with_traffic(stage, _Timed(tiles, order, stored), (elements, operands), arch)


def _order(tiles: Tiles, arch: Arch) -> Order:
    def held(flow: str, nbytes: int) -> Held:
        return Held(nbytes, share_of(arch, storage_of(arch, flow)))

    return choose_order(
        {flow: held(flow, nbytes) for flow, nbytes in tiles.moving.items()},
        {flow: held(flow, int(by_group.sum())) for flow, by_group in tiles.stationary.items()},
        tiles.halo_bytes,
    )


def _check_room(stage: Stage, tiles: Tiles, arch: Arch) -> None:
    """A tile's results must fit the output buffer, and the rows its window covers the input
    buffer.
    """
    out = storage_of(arch, outbound(arch)[0])
    largest, room = int(tiles.outputs.max()), share_of(arch, out)
    if largest > room:
        raise InputError.at(
            arch.place(f"components.{out}"),
            f"{out} holds {room} bytes, and one tile of layer {stage.tail.name!r} makes {largest}; "
            "enlarge it",
        )
    if stage.anchor is None:
        return
    layer = stage.anchor
    rows = layer.kernel[0] * layer.in_size[1] * layer.in_channels
    first = next(iter(tiles.moving))
    name = storage_of(arch, first)
    if min(rows, tiles.moving[first]) > share_of(arch, name):
        raise InputError.at(
            arch.place(f"components.{name}"),
            f"{name} holds {share_of(arch, name)} bytes, and the {layer.kernel[0]} input rows "
            f"that a tile of layer {layer.name!r} reads are {rows}; enlarge it",
        )


def _scaled(parts: Ints, total: int, whole: int) -> Ints:
    """The parts in proportion, adding up to `total` instead of `whole`."""
    return np.diff(np.cumsum(parts) * total // max(1, whole), prepend=0)


def _with_traffic(
    stage: Stage, timed: _Timed, posts: tuple[Ints, dict[str, int]], arch: Arch
) -> Planned:
    """Adds operands and partial sums to what moves, and counts the bytes by the rule."""
    elements, operands = posts
    tiles, order, visits = timed.tiles, timed.order, timed.visits
    moving = next(iter(tiles.moving))
    result = outbound(arch)[0]
    reads: dict[str, dict[str, int]] = {layer.name: {} for layer in stage.layers}
    writes: dict[str, dict[str, int]] = {layer.name: {} for layer in stage.layers}
    need, free = dict(visits.need), dict(visits.free)
    if stage.anchor is not None:
        own = reads[stage.anchor.name]
        for flow, nbytes in tiles.moving.items():
            halo = (
                tiles.halo_bytes * (order.blocks - 1) if order.hold_inputs and flow == moving else 0
            )
            own[flow] = 0 if stage.keeps_input else nbytes * order.input_reads + halo
            if stage.keeps_input:
                need[flow] = free[flow] = np.zeros_like(need[flow])
        for flow, by_group in tiles.stationary.items():
            own[flow] = int(by_group.sum()) * order.weight_reads
    psums = int(visits.psum_reads.sum())
    room = share_of(arch, storage_of(arch, moving)) - tiles.moving[moving]
    to_dram = psums > 0 and int(_psum_footprint(tiles)) > room
    if to_dram and stage.anchor is not None:
        reads[stage.anchor.name]["psum"] = psums
        writes[stage.anchor.name]["psum"] = psums
        need[moving] = need[moving] + np.cumsum(visits.psum_reads)
        free[moving] = free[moving] + np.cumsum(visits.psum_reads)
    for name, nbytes in operands.items():
        if nbytes:
            reads[name][moving] = nbytes
            share = np.cumsum(_scaled(elements, nbytes, int(elements.sum())))
            need[moving] = need[moving] + share
            free[moving] = free[moving] + share
    made = int(visits.outputs.sum())
    if not stage.keeps_output:
        writes[stage.tail.name][result] = made
    outputs = visits.outputs + visits.psum_writes if to_dram else visits.outputs
    flowing = Flowing(reads, writes, made if stage.keeps_output else 0, 0 if to_dram else psums)
    return Planned(
        stage, replace(visits, need=need, free=free, outputs=outputs), elements, operands, flowing
    )


def _psum_footprint(tiles: Tiles) -> int:
    """Bytes of the partial sums of the largest group."""
    return 3 * int(tiles.outputs.sum(axis=1).max())


def queue(
    planned: Planned, arch: Arch, position: dict[str, int], coarseness: float = 1.0
) -> StagePlan:
    """Cuts the stage into steps and loads. A coarseness above 1 makes steps larger than half a
    buffer.
    """
    halves = {
        f: max(1, int(share_of(arch, storage_of(arch, f)) * coarseness / 2)) for f in inbound(arch)
    }
    out_half = max(1, int(share_of(arch, storage_of(arch, outbound(arch)[0])) * coarseness / 2))
    steps = cut(planned.visits, halves, out_half, max(8, int(STEPS_PER_LAYER / coarseness)))
    stage = planned.stage
    anchor = position[(stage.anchor or stage.tail).name]
    loads, need, done = {}, {}, {}
    for flow in inbound(arch):
        capacity = share_of(arch, storage_of(arch, flow))
        sizes, counts = _loads(steps.need[flow], max(1, capacity // 2))
        loads[flow] = [(size, anchor) for size in sizes]
        need[flow] = counts
        done[flow] = _done(sizes, counts, steps.free[flow])
    return StagePlan(
        anchor=anchor,
        tail=position[stage.tail.name],
        after=stage.after,
        steps=steps,
        loads=loads,
        need=need,
        done=done,
        own=_own_cycles(planned, steps, arch),
        stores=steps.outputs,
        to_dram=not stage.keeps_output,
    )


def _loads(need: Ints, half: int) -> tuple[list[int], list[int]]:
    """Loads of at most half a buffer that bring what each step needs, and how many each step has
    seen.
    """
    sizes: list[int] = []
    counts: list[int] = []
    for amount in np.diff(need, prepend=0).tolist():
        if amount:
            parts = -(-amount // half)
            sizes += [(k + 1) * amount // parts - k * amount // parts for k in range(parts)]
        counts.append(len(sizes))
    return sizes, counts


def _done(sizes: Sequence[int], counts: Sequence[int], free: Ints) -> list[int]:
    """Loads given up after each step: those wholly covered by the bytes that nobody needs any
    more.
    """
    ends = np.cumsum(np.array(sizes, np.int64)) if sizes else np.zeros(0, np.int64)
    gone = np.minimum(np.searchsorted(ends, free, side="right"), counts)
    if len(gone):
        gone[-1] = counts[-1]
    return [int(count) for count in np.maximum.accumulate(gone)]


def _own_cycles(planned: Planned, steps: Steps, arch: Arch) -> dict[str, Ints]:
    """What each component of the array needs in each step."""
    own = {arch.compute: steps.cycles, **steps.side}
    ends = np.cumsum(planned.elements)[steps.last]
    for name, part in arch.components.items():
        if isinstance(part, PostProcessor):
            own[name] = -(-np.diff(ends, prepend=0) // part.elements_per_cycle)
    return own
