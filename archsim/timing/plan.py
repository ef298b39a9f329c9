"""From a stage's tile table to its queue of loads, steps and stores, and the DRAM bytes that
follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from archsim.formats.errors import InputError
from archsim.machines.shared.machine import share_of, storage_of
from archsim.machines.shared.tiles import Ints, Tiles
from archsim.machines.shared.traffic import Held, Order, choose_order, passes_over_inputs
from archsim.timing.schedule import outbound
from archsim.timing.steps import Visits, visit_tiles

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.timing.entries import Entry


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
    """An entry before it is cut: its visits with everything that moves in them.

    `elements` (N,) are what the post-processor handles in each visit.
    """

    entry: Entry
    visits: Visits
    elements: Ints
    flowing: Flowing


@dataclass(frozen=True)
class _Timed:
    """The order that the DRAM rule chose, and the visits in it."""

    order: Order
    visits: Visits


def plan_entry(entry: Entry, arch: Arch) -> Planned:
    """Order of visits, passes, operands and partial sums. InputError if a tile has no room."""
    tiles, stage = entry.tiles, entry.stage
    _check_room(entry, arch)
    order = _order(tiles, arch)
    passes = np.ones(len(tiles.cycles), np.int64)
    for flow, by_group in tiles.stationary.items():
        capacity = share_of(arch, storage_of(arch, flow))
        passes = np.maximum(passes, [passes_over_inputs(int(n), capacity) for n in by_group])
    visits = visit_tiles(tiles, order, passes)
    made = int(visits.outputs.sum())
    posts = stage.posts if entry.forward else ()
    work = sum(post.output_elements * post.window for post in posts) * entry.samples
    elements = _scaled(visits.outputs, (made if stage.anchor else 0) + work, made)
    stored = replace(visits, outputs=_scaled(visits.outputs, entry.stored, made))
    return _with_traffic(entry, _Timed(order, stored), elements, arch)


def _order(tiles: Tiles, arch: Arch) -> Order:
    def held(flow: str, nbytes: int) -> Held:
        return Held(nbytes, share_of(arch, storage_of(arch, flow)))

    return choose_order(
        {flow: held(flow, nbytes) for flow, nbytes in tiles.moving.items()},
        {flow: held(flow, int(by_group.sum())) for flow, by_group in tiles.stationary.items()},
        tiles.halo_bytes,
        tiles.min_blocks,
    )


def _check_room(entry: Entry, arch: Arch) -> None:
    """A tile's results must fit the output buffer, and the rows its window covers the input
    buffer.
    """
    stage, tiles = entry.stage, entry.tiles
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


def _with_traffic(entry: Entry, timed: _Timed, elements: Ints, arch: Arch) -> Planned:
    """Adds operands and partial sums to what moves, and counts the bytes by the rule."""
    stage, tiles, operands = entry.stage, entry.tiles, entry.operands
    order, visits = timed.order, timed.visits
    moving = next(iter(tiles.moving))
    result = outbound(arch)[0]
    reads: dict[str, dict[str, int]] = {layer.name: {} for layer in entry.layers}
    writes: dict[str, dict[str, int]] = {layer.name: {} for layer in entry.layers}
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
        writes[entry.layers[-1].name][result] = made
    outputs = visits.outputs + visits.psum_writes if to_dram else visits.outputs
    flowing = Flowing(reads, writes, made if stage.keeps_output else 0, 0 if to_dram else psums)
    return Planned(entry, replace(visits, need=need, free=free, outputs=outputs), elements, flowing)


def _psum_footprint(tiles: Tiles) -> int:
    """Bytes of the partial sums of the largest group."""
    return 3 * int(tiles.outputs.sum(axis=1).max())
