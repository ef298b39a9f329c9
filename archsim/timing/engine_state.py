"""Run-time state of the engine: servers, stores and queues. `archsim.timing.engine` moves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from archsim.arch.component import Arbitration
from archsim.timing.program import (
    FIXED,
    SOONEST,
    Gate,
    Hop,
    Put,
    ServerSpec,
    StoreSpec,
    Take,
)

GATE = "gate"
SPACE = "wait_output"
FREE = attrgetter("free")
Stretch = tuple[int, int, int]
"""The place of a layer, and the cycles between which something lasted."""


@dataclass(frozen=True)
class Waits:
    """When something waited, in order: `hops[h]` between two tasks, each with its cause;
    `servers[s]` because what it would have carried had no place to go."""

    hops: list[list[tuple[str, Stretch]]]
    servers: list[list[Stretch]]


class Server:
    """Run-time state of one component. `stretches` are (layer, start, end) in which it stood still
    for want of a place for what it would have carried, if anybody asks for them."""

    def __init__(self, spec: ServerSpec, layers: int) -> None:
        self.stretches: list[Stretch] | None = None
        self.arbitration = spec.arbitration
        self.free = True
        self.busy = [0] * layers
        self.blocked = [0] * layers
        self.blockers = 0
        self.since = 0
        self.blocked_layer = 0

    def settle(self, now: int) -> None:
        """Books the time since the last change: blocked if idle while something has no place to
        go.
        """
        if self.blockers and self.free:
            self.blocked[self.blocked_layer] += now - self.since
            if self.stretches is not None and now > self.since:
                self.stretches.append((self.blocked_layer, self.since, now))
        self.since = now

    def begin(self, now: int, cycles: int, layer: int) -> None:
        """A visit of a task of that layer; the server is free until now."""
        if self.blockers:
            self.settle(now)
        self.since = now
        self.free = False
        self.busy[layer] += cycles

    def end(self, now: int) -> None:
        """The visit is over; while it lasted nothing was blocked."""
        self.since = now
        self.free = True


class Store:
    """Run-time state of one store."""

    def __init__(self, spec: StoreSpec) -> None:
        self.name = spec.name
        self.ahead = spec.ahead
        self.capacity = spec.capacity
        self.held = 0
        self.sizes: list[int] = []
        self.arrived = 0
        self.released = 0
        self.producer: TaskQueue | None = None
        self.consumer: TaskQueue | None = None
        self.wanted = 0
        self.beyond = 0

    def has_space(self, units: int) -> bool:
        """Whether one more item may set out: it is needed now or not too far ahead, and there is
        room.
        """
        near = len(self.sizes) < self.wanted or self.beyond + units <= self.ahead
        return near and self.held + units <= self.capacity

    def reserve(self, units: int) -> None:
        """One more item is on its way."""
        if len(self.sizes) >= self.wanted:
            self.beyond += units
        self.sizes.append(units)
        self.held += units

    def want(self, count: int) -> None:
        """The consumer now works on a task that needs the first `count` items."""
        if count > self.wanted:
            self.beyond -= sum(self.sizes[self.wanted : count])
            self.wanted = count

    def release(self, count: int) -> None:
        """The first `count` items are given up."""
        if count > self.released:
            self.held -= sum(self.sizes[self.released : count])
            self.released = count


Visits = tuple[tuple[int, list[Server]], ...]
"""Cycles, and the servers that are busy so long."""


class TaskQueue:
    """Run-time state of one hop: its tasks stand in a queue, and start in their order."""

    def __init__(self, index: int, hop: Hop, servers: list[Server], stores: list[Store]) -> None:
        self.index = index
        self.hop = hop
        self.count = len(hop)
        self.servers = [servers[s] for s in hop.servers]
        self.takes: list[tuple[Store, Take]] = [(stores[t.store], t) for t in hop.takes]
        self.puts: list[tuple[Store, Put]] = [(stores[p.store], p) for p in hop.puts]
        self.next = 0
        self.left = 0
        self.arrived = 0
        self.pending = 0
        self.ready_at = -1
        self.cause = ""
        self.waiting_since = 0
        self.blocking = False
        self.waits: list[dict[str, int]] = []
        self.stretches: list[tuple[str, Stretch]] | None = None
        self.starts = [0] * self.count
        self.leaves = [0] * self.count
        self.arrives = [0] * self.count
        self.watchers: list[TaskQueue] = []
        self._visits: dict[tuple[int, ...], Visits] = {}

    def visits(self, k: int) -> Visits:
        """What task k does to its servers: those that are free again together, and after how many
        cycles. A server that it only passes is left out."""
        cycles = tuple([of_server[k] for of_server in self.hop.cycles])
        if cycles not in self._visits:
            groups: dict[int, list[Server]] = {}
            for server, duration in zip(self.servers, cycles, strict=True):
                if duration:
                    groups.setdefault(duration, []).append(server)
            self._visits[cycles] = tuple(groups.items())
        return self._visits[cycles]

    def gate(self, k: int) -> Gate:
        """What task k waits for besides its stores."""
        return self.hop.gates[k] if self.hop.gates is not None else ()

    def rank(self, arbitration: Arbitration) -> tuple[int, int, int]:
        """What compares its next task with others: the smallest goes first."""
        ready = 0 if arbitration == FIXED else self.ready_at
        due = self.hop.due[self.next] if arbitration == SOONEST and self.hop.due else 0
        return due, ready, self.index

    def is_free(self) -> bool:
        """Whether all its servers are free."""
        return all(map(FREE, self.servers))

    def unmet(self, queues: Sequence[TaskQueue]) -> str:
        """Why the next task cannot start, servers apart; empty if it can."""
        k = self.next
        for store, take in self.takes:
            if store.arrived < take.need[k]:
                return take.cause
        for queue, count in self.gate(k):
            if queues[queue].arrived < count:
                return GATE
        for store, put in self.puts:
            units = put.units[k]
            if units and not store.has_space(units):
                return SPACE
        return ""

    def why(self, queues: Sequence[TaskQueue]) -> str:
        """What the next task waits for, and who would bring it."""
        k = self.next
        for store, take in self.takes:
            if store.arrived < take.need[k]:
                source = store.producer.hop.name if store.producer else "nobody"
                return f"waits for item {take.need[k] - 1} of {store.name}, which {source} brings"
        for other, count in self.gate(k):
            if queues[other].arrived < count:
                return f"waits for {queues[other].hop.name} to finish task {count - 1}"
        for store, put in self.puts:
            if put.units[k] and not store.has_space(put.units[k]):
                sink = store.consumer.hop.name if store.consumer else "nobody"
                return (
                    f"waits for {put.units[k]} bytes of space in {store.name} ({store.held} of "
                    f"{store.capacity} held), which {sink} empties"
                )
        return "waits for its servers"


def precedes(a: TaskQueue, b: TaskQueue) -> bool:
    """Whether some server that both want, in this cycle, prefers a."""
    for server in a.servers:
        if server in b.servers and a.rank(server.arbitration) < b.rank(server.arbitration):
            return True
    return False
