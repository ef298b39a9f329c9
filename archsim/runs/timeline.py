"""What a timeline shows of a run: what was done and waited for when, how full buffers were, and how
much of the DRAM's bandwidth each flow had."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archsim.timing.engine_state import SPACE, Waits
from archsim.timing.program import Port

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from archsim.arch.arch import Arch
    from archsim.results.trace import Trace
    from archsim.timing.program import Hop, Outcome, Program

WINDOWS = 1000
"""Points of a counter: about as many as a screen has columns."""
Rows = Sequence[tuple[str, str]]
"""The name and the phase of each layer, by its place."""


@dataclass(frozen=True)
class Played:
    """A program and what came of it. `alone` are the places of layers for which the array idles."""

    program: Program
    outcome: Outcome
    waits: Waits
    arch: Arch
    alone: Collection[int]


def draw(trace: Trace, played: Played, rows: Rows) -> None:
    """Everything that a timeline shows of a run."""
    names = [name for name, _ in rows]
    for h, hop in enumerate(played.program.hops):
        for s, server in enumerate(hop.servers):
            port = played.program.servers[server].port.name
            for k, cycles in enumerate(hop.cycles[s]):
                if cycles:
                    start = played.outcome.starts[h][k]
                    trace.add(port, names[hop.layer[k]], hop.name, start, start + cycles)
    for row, place, cause, start, end in stalls(played):
        if end > start:
            trace.stall(row, names[place], cause, start, end)
    for place, start, end in _spans(played):
        trace.add_layer(*rows[place], start, end)
    _count_buffers(trace, played)
    _count_bandwidth(trace, played)


def stalls(played: Played) -> Iterator[tuple[str, int, str, int, int]]:
    """Row, place of the layer, cause, start and end of each stretch in which a component stood
    still: the array as its account has it (`archsim.results.accounts`), others for want of a place
    for what they would have carried."""
    program, outcome = played.program, played.outcome
    array = played.arch.compute
    for spec, stretches in zip(program.servers, played.waits.servers, strict=True):
        if spec.port.component != array:
            for place, start, end in stretches:
                yield spec.port.name, place, SPACE, start, end
    computing = program.index_of("compute")
    hop = program.hops[computing]
    for cause, (place, start, end) in played.waits.hops[computing]:
        yield array, place, cause, start, end
    own = hop.cycles[[program.servers[s].port for s in hop.servers].index(Port(array))]
    starts, leaves = outcome.starts[computing], outcome.leaves[computing]
    for k, place in enumerate(hop.layer):
        if place not in played.alone:
            yield array, place, SPACE, starts[k] + own[k], leaves[k]
    yield array, hop.layer[-1], "drain", leaves[-1], outcome.cycles


def _spans(played: Played) -> Iterator[tuple[int, int, int]]:
    """Each layer from the end of the one before in the array to its own: they never overlap."""
    computing = played.program.index_of("compute")
    layers, leaves = played.program.hops[computing].layer, played.outcome.leaves[computing]
    start = 0
    for k, place in enumerate(layers):
        if k + 1 == len(layers) or layers[k + 1] != place:
            yield place, start, leaves[k]
            start = leaves[k]


def _count_buffers(trace: Trace, played: Played) -> None:
    """The bytes of each store for which room is taken, those on their way included: the most in
    each window of time."""
    edges = _edges(played.outcome.cycles)
    for index, store in enumerate(played.program.stores):
        times, held = room_taken(played, index)
        at = np.searchsorted(times, edges, side="right") - 1
        before = None
        for first, last, cycle in zip(at, at[1:], edges[:-1].tolist(), strict=False):
            most = int(held[first : last + 1].max())
            if most != before:
                trace.count(f"{store.name} [B]", cycle, {"held": most})
                before = most


def room_taken(played: Played, index: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cycles at which the room taken in a store changes, in order, and the bytes from then
    on: it is taken when a task sets out that brings them, and given up when one leaves that was
    the last to need them."""
    changes: list[tuple[int, int]] = [(-1, 0)]
    for h, hop in enumerate(played.program.hops):
        for put in hop.puts:
            if put.store == index:
                brought = zip(played.outcome.starts[h], put.units, strict=True)
                changes += [(start, units) for start, units in brought if units]
    sizes = _items(played.program, index)
    ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    for h, hop in enumerate(played.program.hops):
        for take in hop.takes:
            if take.store == index:
                gone = np.diff(ends[np.asarray(take.done)], prepend=0).tolist()
                left = zip(played.outcome.leaves[h], gone, strict=True)
                changes += [(leave, -units) for leave, units in left if units]
    times, deltas = np.array(sorted(changes), np.int64).T
    last = np.append(times[1:] != times[:-1], True)  # what happens in one cycle is one change
    return times[last], np.cumsum(deltas)[last]


def _items(program: Program, store: int) -> list[int]:
    """The bytes of each item that is put into a store, in order."""
    puts = (put for hop in program.hops for put in hop.puts if put.store == store)
    return [units for put in puts for units in put.units if units]


def _count_bandwidth(trace: Trace, played: Played) -> None:
    """The bytes per cycle that each hop has of each off-chip memory, the mean of each window of
    time: its bytes, brought evenly over the cycles that it keeps the memory busy."""
    edges = _edges(played.outcome.cycles)
    for index, spec in enumerate(played.program.servers):
        name = spec.port.component
        if played.arch.kinds[name] != "off_chip":
            continue
        flows = {
            hop.name: np.diff(_moved_until(played, h, index, edges)) / np.diff(edges)
            for h, hop in enumerate(played.program.hops)
            if index in hop.servers and len(hop)
        }
        before: dict[str, float] = {}
        for at, cycle in enumerate(edges[:-1].tolist()):
            values = {flow: round(float(own[at]), 3) for flow, own in flows.items()}
            if values != before:
                trace.count(f"{name} [B per cycle]", cycle, values)
                before = values


def _moved_until(
    played: Played, h: int, server: int, edges: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The bytes that a hop has moved through a server, up to each edge."""
    hop = played.program.hops[h]
    cycles = np.asarray(hop.cycles[hop.servers.index(server)], np.int64)
    begins = np.asarray(played.outcome.starts[h], np.int64)
    moved = _bytes_of(played.program, hop)
    ends = np.cumsum(moved)
    points = np.stack([begins, begins + cycles], axis=1).ravel()
    so_far = np.stack([ends - moved, ends], axis=1).ravel()
    return np.interp(edges, points, so_far)


def _bytes_of(program: Program, hop: Hop) -> NDArray[np.int64]:
    """The bytes that each task of a hop from or into an off-chip memory moves: those that it puts
    into a store, or the items that it takes out of one."""
    if hop.puts:
        brought = np.array([put.units for put in hop.puts], np.int64)
        return np.asarray(brought.sum(axis=0))
    (take,) = hop.takes
    ends = np.concatenate([[0], np.cumsum(_items(program, take.store), dtype=np.int64)])
    return np.asarray(np.diff(ends[np.asarray(take.done)], prepend=0))


def _edges(cycles: int) -> NDArray[np.int64]:
    """The ends of the windows, in cycles."""
    return np.unique(
        np.linspace(0, max(1, cycles), min(WINDOWS, max(1, cycles)) + 1).astype(np.int64)
    )
