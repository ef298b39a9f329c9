"""Run-time state of the engine: servers, stores and queues. `archsim.timing.engine` moves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

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
FREE_AT = attrgetter("free_at")
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
        self.free_at = 0
        self.blocked = [0] * layers
        self.blockers = 0
        self.since = 0
        self.blocked_layer = 0

    def settle(self, now: int) -> None:
        """Books the time since the last change: blocked if idle while something has no place to
        go.
        """
        since = max(self.since, self.free_at)
        if self.blockers and now > since:
            self.blocked[self.blocked_layer] += now - since
            if self.stretches is not None:
                self.stretches.append((self.blocked_layer, since, now))
        self.since = now


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
        self.left_at = 0
        self.arrived = 0
        self.ready_at = -1
        self.touched = self.count > 0
        self.cause = ""
        self.waiting_since = 0
        self.blocking = False
        self.waits: list[dict[str, int]] = []
        self.stretches: list[tuple[str, Stretch]] | None = None
        self.starts = [0] * self.count
        self.leaves = [0] * self.count
        self.arrives = [0] * self.count
        self.watchers: list[TaskQueue] = []
        self.shared: list[tuple[Arbitration, ...]] = []
        self.soonest_everywhere = False
        self.longest = longest_of(hop)
        self.common: list[Server] = []
        """The servers that other hops have as well, and `visits`, the cycles of each task there."""
        self.visits: list[tuple[int, ...]] = []
        self.own: list[tuple[Server, Sequence[int]]] = []
        """The servers that are free whenever no task of this hop is there, and the cycles of each
        task."""
        self.blocked_since = 0
        self.heard: list[bool] = []
        self.free_at = 0
        """The cycle before which its servers are not all free; they may be taken again by then."""
        self._counts: set[int] | None = set() if len(set(hop.latency)) <= 1 else None

    def watched_by(self, queue: TaskQueue, count: int) -> None:
        """Let a queue know when so many of the tasks have arrived."""
        if queue not in self.watchers:
            self.watchers.append(queue)
        if self._counts is not None:
            self._counts.add(count)

    def share_with(self, queues: Sequence[TaskQueue]) -> None:
        """Tell the servers that it shares with other queues from its own, and note in which ways
        those that it shares with each decide."""
        others = {id(one) for other in queues if other is not self for one in other.servers}
        pairs = list(zip(self.servers, self.hop.cycles, strict=True))
        self.own = [pair for pair in pairs if id(pair[0]) not in others]
        common = [pair for pair in pairs if id(pair[0]) in others]
        self.common = [server for server, _ in common]
        self.visits = list(zip(*(cycles for _, cycles in common), strict=True))
        self.visits = self.visits or [()] * self.count
        self.shared = [
            tuple({one.arbitration for one in self.servers if one in other.servers})
            for other in queues
        ]
        self.soonest_everywhere = all(way == SOONEST for ways in self.shared for way in ways)

    def book_blocked(self, now: int, layer: int) -> None:
        """Books the time in which its own servers stood still because what it would have carried
        had no place to go."""
        last = self.next - 1
        for server, cycles in self.own:
            since = self.blocked_since
            if last >= 0:
                since = max(since, self.starts[last] + cycles[last])
            if now > since:
                server.blocked[layer] += now - since
                if server.stretches is not None:
                    server.stretches.append((layer, since, now))

    def note_listeners(self) -> None:
        """Note which of its tasks somebody looks for when they arrive: those that bring something,
        and of others, where tasks arrive in their order, those that a watcher counts to."""
        heard = np.zeros(self.count, bool)
        for _, put in self.puts:
            heard |= np.asarray(put.units, np.int64) > 0
        if self.watchers and self._counts is None:
            heard[:] = True
        counts = np.array(sorted(self._counts or ()), np.int64)
        heard[counts[(counts > 0) & (counts <= self.count)] - 1] = True
        self.heard = heard.tolist()

    def gate(self, k: int) -> Gate:
        """What task k waits for besides its stores."""
        return self.hop.gates[k] if self.hop.gates is not None else ()

    def rank(self, arbitration: Arbitration) -> tuple[int, int, int]:
        """What compares its next task with others: the smallest goes first."""
        ready = 0 if arbitration == FIXED else self.ready_at
        due = self.hop.due[self.next] if arbitration == SOONEST and self.hop.due else 0
        return due, ready, self.index

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
    return any(a.rank(way) < b.rank(way) for way in b.shared[a.index])


def longest_of(hop: Hop) -> list[int]:
    """Cycles of each task until its last server is free."""
    if not hop.cycles:
        return [0] * len(hop)
    longest: list[int] = np.max([np.asarray(one, np.int64) for one in hop.cycles], axis=0).tolist()
    return longest
