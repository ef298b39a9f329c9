"""How long SmartDeal's slices, streams and lines take for a layer's jobs, and where their
multipliers lose time.

A *seat* is where one filter of a group sits: a slice, or one of a slice's two clusters in linear
layers. Every seat has `lines` lines of `seat_macs` multipliers. The rules are
docs/machines/smartdeal.md, section "Cycles".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.groups import part_sizes, spread
from archsim.machines.smartdeal.jobs import Jobs, Small
from archsim.machines.smartdeal.streams import (
    all_times,
    by_stream,
    first_streams,
    rebuild_line_cycles,
    stream_times,
)
from archsim.machines.smartdeal.tile_time import Step, Times, Waits, line_work, times

MEETING = ("tile", "group")
"""Readings of `sync` in which lines meet at the end of a tile."""
CHUNK = 1 << 20
"""Jobs that are counted together."""


@dataclass(frozen=True, kw_only=True)
class Array:
    """The part of the machine that jobs run on, for one kind of layer."""

    seats: int
    lines: int
    seat_macs: int
    multipliers: int
    """All multipliers, those included that seats leave over."""
    streams: int
    sync: str
    waits: Waits

    @property
    def seats_per_stream(self) -> int:
        return self.seats // self.streams


@dataclass(frozen=True, kw_only=True)
class ArrayWork:
    """What one convolution group does to the array. G output-channel groups, T tiles, K filters, U
    units.

    `cycles` (G, T) by the `tile` reading and `group_cycles` (G,) by the `group` reading of
    synchronisation, and `fill` (G,) what the first rebuild adds to either; `job_lines` is B and
    `digits` is D of docs/machines/smartdeal.md. `rebuild` (G, T) is the slowest line's rebuild
    time, `inputs_read` (G, T) what the streams read, `stall_lines` the cycles for which lines wait
    for rebuilds; the rest are sums over all filters and tiles.
    """

    cycles: Ints
    group_cycles: Ints
    fill: Ints
    rebuild: Ints
    inputs_read: Ints
    job_lines: int
    stall_lines: int
    multiplier_cycles: int
    digits: int
    stream_seat_cycles: int
    seats_used: Ints
    lines_used: int
    macs_done: int
    macs_skipped: int
    fifo_inputs: int
    rebuilt_rows: int


@dataclass(frozen=True)
class Rows:
    """Coefficient rows of the filters of one convolution group, (K, U) each.

    `need` is rebuild cycles, -1 where the row is skipped; `nonzeros` what the row adds up; `live`
    is whether any of it is not zero.
    """

    need: Small
    nonzeros: Small
    live: NDArray[np.bool_]


def shared_work(jobs: Jobs, rows: Rows, array: Array, lasting: Small) -> ArrayWork:
    """Streams that read the same inputs: spatial, pointwise and linear layers. `lasting` (U, T) are
    the jobs kept.
    """
    # Slices of a stream read the same inputs in step: a row that one of them needs costs all.
    shared = by_stream(rows.need, array.seats_per_stream)
    first = first_streams(shared, array.streams)
    found = stream_times(shared, lasting, jobs.line, first, array.waits)
    rebuild = (
        rebuild_line_cycles(shared, lasting, jobs.line, array.lines).max(axis=0).astype(np.int64)
    )
    read = np.empty((len(shared), lasting.shape[1]), np.int64)
    for own in _blocks(lasting):
        inputs = jobs.inputs_of(own) * (lasting[:, own] > 0)
        read[:, own] = np.rint((shared >= 0).astype(np.float32) @ inputs.astype(np.float32))
    filters = len(rows.need)
    return ArrayWork(
        rebuild=np.maximum.reduceat(rebuild, first, axis=0),
        inputs_read=np.add.reduceat(read, first, axis=0),
        seats_used=part_sizes(filters, array.seats),
        lines_used=int(jobs.line.max()) + 1,
        **_stream_sums(found, first, part_sizes(filters, array.seats_per_stream), array),
        **_unit_sums(jobs, rows, lasting),
    )


def _stream_sums(found: Times, first: Ints, seats: Ints, array: Array) -> dict[str, Any]:
    """What the streams of each group take together; `seats` (S,) are those of each stream."""
    in_all = found.cycles.sum(axis=1)
    cycles = np.maximum.reduceat(found.cycles, first, axis=0)
    group_cycles = np.maximum.reduceat(in_all, first)
    if array.sync == "group":
        filled = in_all - found.cycles[:, 0] + found.opening
        fill = np.maximum.reduceat(filled, first) - group_cycles
    else:
        fill = np.maximum.reduceat(found.opening, first) - cycles[:, 0]
    return {
        "cycles": cycles,
        "group_cycles": group_cycles,
        "fill": fill,
        "stall_lines": int(seats @ found.stalls),
        "stream_seat_cycles": int(seats @ in_all),
    }


def _unit_sums(jobs: Jobs, rows: Rows, lasting: Small) -> dict[str, Any]:
    """Sums over all filters of what each unit's row and each tile's input ask for."""
    kept, live = _filters_with(rows.need >= 0), _filters_with(rows.live)
    made, inputs, positions, cycles, held = np.zeros((5, len(kept)), np.int64)
    exact = _exact(jobs, lasting)
    for own in _blocks(lasting):
        some = lasting[:, own].astype(exact)
        there = (some > 0).astype(exact)
        each = np.stack([np.ones_like(jobs.pixels[own]), jobs.pixels[own]], axis=1).astype(exact)
        cycles_held, made_at = (np.rint(part @ each).astype(np.int64) for part in (some, there))
        cycles, held = cycles + cycles_held[:, 0], held + cycles_held[:, 1]
        made, positions = made + made_at[:, 0], positions + made_at[:, 1]
        # Unit u has the inputs of row u modulo as many as there are.
        there_are = jobs.inputs[:, own].astype(exact)
        read = np.einsum("uit,it->ui", there.reshape(-1, *there_are.shape), there_are)
        inputs += np.rint(read).astype(np.int64).reshape(-1)
    products = jobs.weights * positions
    every = jobs.weights * int(jobs.pixels.sum())
    # A linear job holds one multiplier per input; a convolution's job one per pixel of the tile.
    held = cycles * jobs.weights if jobs.linear else held
    return {
        "job_lines": int(kept @ cycles),
        "multiplier_cycles": int(kept @ held),
        "digits": int(live @ jobs.digits),
        "macs_done": int(kept @ products),
        "macs_skipped": int(kept @ (every - products) + (len(rows.need) - kept) @ every),
        "fifo_inputs": int(kept @ inputs),
        "rebuilt_rows": int(rows.nonzeros.sum(axis=0, dtype=np.int64) @ made),
    }


def _exact(jobs: Jobs, lasting: Small) -> type[np.floating[Any]]:
    """The floats in which sums of a unit over all tiles are exact."""
    most = max(int(lasting.max()), 1) * int(jobs.pixels.sum())
    reads = int(jobs.inputs.max()) * lasting.shape[1]
    return np.float32 if max(most, reads) < 1 << 24 else np.float64


def _filters_with(mask: NDArray[np.bool_]) -> Ints:
    """How many filters of a mask (K, U) have each unit: (U,)."""
    found = np.zeros(mask.shape[1], np.int64)
    for first in range(0, len(mask), 255):  # as many as a byte counts
        found += mask[first : first + 255].view(np.uint8).sum(axis=0, dtype=np.uint8)
    return found


def _blocks(lasting: Small) -> Iterator[slice]:
    """Tiles that are worked on at a time, for what is derived of all jobs is large."""
    units, tiles = lasting.shape
    step = max(1, CHUNK // units)
    for at in range(0, tiles, step):
        yield slice(at, at + step)


def depthwise_work(jobs: Jobs, rows: Rows, array: Array, lasting: Small, block: int) -> ArrayWork:
    """Every slice has its own channel and inputs: R lines per output row, `block` output rows per
    tile.

    `rows` is (C, R); `jobs` has units (c, r) and tiles (output row, columns); `jobs.columns` tiles
    per row.
    """
    channels, kernel = rows.need.shape
    by_row = lasting.reshape(channels, kernel, -1, jobs.columns)
    first = first_streams(rows.need, array.seats)
    parts = []
    for at in first:  # no group waits for another
        own = slice(at, at + array.seats)
        parts.append(_depthwise_group(rows.need[own], by_row[own].astype(np.int32), array, block))
    found = all_times([times for times, _ in parts])
    return ArrayWork(
        rebuild=np.concatenate([rebuild for _, rebuild in parts]),
        inputs_read=np.zeros((1, 1), np.int64),
        seats_used=part_sizes(channels, array.seats),
        lines_used=min(array.lines, block * kernel),
        **_stream_sums(found, first, np.ones(channels, np.int64), array),
        **_unit_sums_depthwise(jobs, rows, lasting),
    )


def _depthwise_group(need: Small, by_row: Small, array: Array, block: int) -> tuple[Times, Ints]:
    """When each channel of a group is through with each tile, and (1, T) the slowest line's rebuild
    time; (C, R) needs, (C, R, P, X) cycles.
    """
    work = line_work(rows_in_turn(need, by_row, array.lines, block), array.waits)
    found = times(work, np.zeros(1, np.int64), array.waits)
    rebuilds = np.where(by_row > 0, np.maximum(need, 0)[:, :, None, None], 0)
    in_turn = sum(_on_lines(rebuilds, array.lines, block))
    return found, np.max(in_turn, axis=(0, 1))[None].astype(np.int64)


def rows_in_turn(need: Small, by_row: Small, lines: int, block: int) -> Iterator[Step]:
    """The jobs of all lines as `line_work` takes them: (C, R) needs, (C, R, P, X) cycles."""
    needs = np.broadcast_to(need[:, :, None, None].astype(np.int32), by_row.shape)
    return zip(_on_lines(needs, lines, block), _on_lines(by_row, lines, block), strict=True)


def _on_lines(work: Small, lines: int, block: int) -> list[Small]:
    """(C, R, P, X) -> for each turn (lines, C, blocks * X): line j*R + r has kernel row r of row j
    of the block, 0 where there is none.

    More kernel rows than lines: the lines take the rows in turn, one after the other.
    """
    channels, kernel, height, columns = work.shape
    turns = -(-kernel // lines)
    used = min(kernel, lines)
    margins = ((0, 0), (0, turns * used - kernel), (0, -height % block), (0, 0))
    padded = np.pad(work, margins).reshape(channels, turns, used, -1, block, columns)
    in_order = padded.transpose(1, 4, 2, 0, 3, 5)
    return list(in_order.reshape(turns, block * used, channels, -1))


def _unit_sums_depthwise(jobs: Jobs, rows: Rows, lasting: Small) -> dict[str, Any]:
    """As `_unit_sums`, with one filter per channel."""
    one_filter = Rows(
        rows.need.reshape(1, -1), rows.nonzeros.reshape(1, -1), rows.live.reshape(1, -1)
    )
    return _unit_sums(jobs, one_filter, lasting)


def synchronised(work: list[ArrayWork], array: Array) -> Ints:
    """(G, T) cycles of all convolution groups under the array's reading of `sync`, without what
    `between_tiles` adds.
    """
    tiles = np.concatenate([one.cycles for one in work])
    if array.sync == "tile":
        return tiles
    weights = np.maximum(tiles, 1)  # an empty tile may last no cycle
    if array.sync == "group":
        totals = np.concatenate([one.group_cycles for one in work])
        rows = zip(totals, weights, strict=True)
        return np.stack([spread(int(total), row) for total, row in rows])
    if array.sync == "lines":
        total = -(-sum(one.job_lines for one in work) // (array.seats * array.lines))
    else:
        total = -(-sum(one.digits for one in work) // array.multipliers)
    return spread(total, weights)


def fill_cycles(work: list[ArrayWork], array: Array) -> Ints:
    """(G,) what the first rebuild adds to each group; a reading in which nothing meets has none."""
    fill = np.concatenate([one.fill for one in work])
    return fill if array.sync in MEETING else np.zeros_like(fill)


def barrier_cycles(array: Array) -> int:
    """Cycles between two tiles."""
    return array.waits.barrier if array.sync in MEETING else 0


def multiplier_losses(work: list[ArrayWork], array: Array, cycles: Ints) -> dict[str, int]:
    """Instance-cycles that multipliers lose inside `cycles` (G, T), by cause; what is left is busy.

    Readings of `sync` looser than `tile` have no slice or line waits of their own; what rounding
    leaves over counts as `line_sync`.
    """
    per_line = array.seat_macs
    total = int(cycles.sum()) * array.multipliers
    digits = sum(one.digits for one in work)
    if array.sync == "lanes":
        return {"lane_sync": total - digits}
    job_lines = sum(one.job_lines for one in work)
    held = sum(one.multiplier_cycles for one in work)
    lost = {"lane_sync": held - digits, "unmapped": job_lines * per_line - held}
    if array.sync == "lines":
        return {**lost, "line_sync": total - job_lines * per_line}
    used = slices = lines = first = 0
    for one in work:
        spent = cycles[first : first + len(one.cycles)].sum(axis=1)
        first += len(one.cycles)
        seat_cycles = int(one.seats_used @ spent)
        used += seat_cycles * one.lines_used * per_line
        slices += (seat_cycles - one.stream_seat_cycles) * one.lines_used * per_line
        waiting = one.stream_seat_cycles * one.lines_used - one.job_lines - one.stall_lines
        lines += waiting * per_line
    lost["unmapped"] += total - used
    lost["rebuild"] = sum(one.stall_lines for one in work) * per_line
    return {**lost, "slice_sync": slices, "line_sync": lines}
