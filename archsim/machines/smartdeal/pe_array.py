"""How long SmartDeal's slices, streams and lines take for a layer's jobs, and where their
multipliers lose time.

A *seat* is where one filter of a group sits: a slice, or one of a slice's two clusters in linear
layers. Every seat has `lines` lines of `seat_macs` multipliers. The rules are
docs/machines/smartdeal.md, section "Cycles".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.groups import part_sizes, spread
from archsim.machines.smartdeal.jobs import Jobs, Small
from archsim.machines.smartdeal.streams import (
    by_stream,
    first_streams,
    rebuild_line_cycles,
    stream_cycles,
    total_cycles,
)


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

    @property
    def seats_per_stream(self) -> int:
        return self.seats // self.streams


@dataclass(frozen=True, kw_only=True)
class ArrayWork:
    """What one convolution group does to the array. G output-channel groups, T tiles, K filters, U
    units.

    `cycles` (G, T) by the `tile` reading and `group_cycles` (G,) by the `group` reading of
    synchronisation; `busy_lines` is B and `digits` is D of docs/machines/smartdeal.md. `rebuild`
    (G, T) is the slowest line's rebuild time, `input_bytes` (G, T) what the streams read; the rest
    are sums over all filters and tiles.
    """

    cycles: Ints
    group_cycles: Ints
    rebuild: Ints
    input_bytes: Ints
    busy_lines: int
    job_lines: int
    multiplier_cycles: int
    digits: int
    stream_seat_cycles: int
    seats_used: Ints
    lines_used: int
    macs_done: int
    macs_skipped: int
    fifo_bytes: int
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
    per_stream = stream_cycles(shared, lasting, jobs.line, array.lines)
    rebuild = (
        rebuild_line_cycles(shared, lasting, jobs.line, array.lines).max(axis=0).astype(np.int64)
    )
    read = (shared >= 0).astype(np.float32) @ (jobs.inputs * (lasting > 0)).astype(np.float32)
    filters, first = len(rows.need), first_streams(per_stream, array.streams)
    seats_of_stream = part_sizes(filters, array.seats_per_stream)
    in_all = per_stream.sum(axis=1)
    return ArrayWork(
        cycles=np.maximum.reduceat(per_stream, first, axis=0),
        group_cycles=np.maximum.reduceat(in_all, first),
        rebuild=np.maximum.reduceat(rebuild, first, axis=0),
        input_bytes=np.add.reduceat(np.rint(read).astype(np.int64), first, axis=0),
        busy_lines=total_cycles(rows.need, lasting),
        stream_seat_cycles=int(seats_of_stream @ in_all),
        seats_used=part_sizes(filters, array.seats),
        lines_used=int(jobs.line.max()) + 1,
        **_unit_sums(jobs, rows, lasting),
    )


def _unit_sums(jobs: Jobs, rows: Rows, lasting: Small) -> dict[str, int]:
    """Sums over all filters of what each unit's row and each tile's input ask for."""
    kept = (rows.need >= 0).sum(axis=0, dtype=np.int64)
    made = (lasting > 0).astype(np.int64)
    products = jobs.weights * (made @ jobs.pixels)
    every = jobs.weights * int(jobs.pixels.sum())
    # A linear job holds one multiplier per input; a convolution's job one per pixel of the tile.
    held = (
        lasting.sum(axis=1, dtype=np.int64) * jobs.weights if jobs.linear else lasting @ jobs.pixels
    )
    return {
        "job_lines": int(kept @ lasting.sum(axis=1, dtype=np.int64)),
        "multiplier_cycles": int(kept @ held),
        "digits": int(rows.live.sum(axis=0, dtype=np.int64) @ jobs.digits),
        "macs_done": int(kept @ products),
        "macs_skipped": int(kept @ (every - products) + (len(rows.need) - kept) @ every),
        "fifo_bytes": int(kept @ (jobs.inputs * made).sum(axis=1)),
        "rebuilt_rows": int(rows.nonzeros.sum(axis=0, dtype=np.int64) @ made.sum(axis=1)),
    }


def depthwise_work(jobs: Jobs, rows: Rows, array: Array, lasting: Small, block: int) -> ArrayWork:
    """Every slice has its own channel and inputs: R lines per output row, `block` output rows per
    tile.

    `rows` is (C, R); `jobs` has units (c, r) and tiles (output row, columns); `jobs.columns` tiles
    per row.
    """
    channels, kernel = rows.need.shape
    shape = (channels, kernel, -1, jobs.columns)
    by_row = lasting.reshape(shape).astype(np.int64)
    need = rows.need[:, :, None, None]
    work = np.where((need >= 0) & (by_row > 0), np.maximum(by_row, need), 0)
    rebuilds = np.where(by_row > 0, np.maximum(need, 0), 0)
    # A tile in which all jobs are skipped still takes the cycle that finds this out.
    per_slice = np.maximum(_slowest_line(work, array.lines, block), 1)
    rebuild = _slowest_line(rebuilds, array.lines, block)
    own_units = _unit_sums_depthwise(jobs, rows, lasting)
    first = first_streams(per_slice, array.seats)
    return ArrayWork(
        cycles=np.maximum.reduceat(per_slice, first, axis=0),
        group_cycles=np.maximum.reduceat(per_slice.sum(axis=1), first),
        rebuild=np.maximum.reduceat(rebuild, first, axis=0),
        input_bytes=np.zeros((1, 1), np.int64),
        busy_lines=int(work.sum()),
        stream_seat_cycles=int(per_slice.sum()),
        seats_used=part_sizes(channels, array.seats),
        lines_used=min(array.lines, block * kernel),
        **own_units,
    )


def _slowest_line(work: Ints, lines: int, block: int) -> Ints:
    """(C, R, P, X) cycles -> (C, blocks * X): line j*R + r has kernel row r of row j of the
    block.
    """
    channels, kernel, height, columns = work.shape
    # More kernel rows than lines: the lines take the rows in turn, one after the other.
    if kernel > lines:
        padded = np.pad(work, ((0, 0), (0, -kernel % lines), (0, 0), (0, 0)))
        work = padded.reshape(channels, -1, lines, height, columns).sum(axis=1)
    slowest = work.max(axis=1)
    blocks = np.maximum.reduceat(slowest, np.arange(0, height, block), axis=1)
    return blocks.reshape(channels, -1)


def _unit_sums_depthwise(jobs: Jobs, rows: Rows, lasting: Small) -> dict[str, int]:
    """As `_unit_sums`, with one filter per channel."""
    one_filter = Rows(
        rows.need.reshape(1, -1), rows.nonzeros.reshape(1, -1), rows.live.reshape(1, -1)
    )
    return _unit_sums(jobs, one_filter, lasting)


def synchronised(work: list[ArrayWork], array: Array) -> Ints:
    """(G, T) cycles of all convolution groups under the array's reading of `sync`."""
    tiles = np.concatenate([one.cycles for one in work])
    if array.sync == "tile":
        return tiles
    if array.sync == "group":
        totals = np.concatenate([one.group_cycles for one in work])
        return np.stack([spread(int(total), row) for total, row in zip(totals, tiles, strict=True)])
    if array.sync == "lines":
        total = -(-sum(one.busy_lines for one in work) // (array.seats * array.lines))
    else:
        total = -(-sum(one.digits for one in work) // array.multipliers)
    return spread(total, tiles)


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
    busy_lines = sum(one.busy_lines for one in work)
    job_lines = sum(one.job_lines for one in work)
    held = sum(one.multiplier_cycles for one in work)
    lost = {
        "rebuild": (busy_lines - job_lines) * per_line,
        "lane_sync": held - digits,
        "unmapped": job_lines * per_line - held,
    }
    if array.sync == "lines":
        return {**lost, "line_sync": total - busy_lines * per_line}
    used = slices = lines = first = 0
    for one in work:
        spent = cycles[first : first + len(one.cycles)].sum(axis=1)
        first += len(one.cycles)
        seat_cycles = int(one.seats_used @ spent)
        used += seat_cycles * one.lines_used * per_line
        slices += (seat_cycles - one.stream_seat_cycles) * one.lines_used * per_line
        lines += (one.stream_seat_cycles * one.lines_used - one.busy_lines) * per_line
    lost["unmapped"] += total - used
    return {**lost, "slice_sync": slices, "line_sync": lines}
