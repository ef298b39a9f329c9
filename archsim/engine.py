"""Time: runs a `Program` as SimPy processes, one for every server. The only module that imports simpy.

Each component of the machine is a process that waits for its next visit, is busy for that visit's cycles
and then lets whatever became possible start. Starting is decided once all that happens in a cycle has
happened, so the order of events inside a cycle never shows. A visit costs one event: the event a process
waits for is scheduled at the start of the visit for its end.

All servers of a hop start together; each is free again after its own cycles, so a fast DRAM may serve the
next DMA while the slow one still writes. Among tasks that could start in the same cycle, the servers'
arbitration decides (`program.ServerSpec`).
"""

from __future__ import annotations

from collections.abc import Generator

import simpy

from archsim.errors import Deadlock
from archsim.program import FIXED, Hop, Outcome, Program, Put, ServerSpec, StoreSpec, Take

GATE = "gate"
SPACE = "wait_output"


def run(program: Program) -> Outcome:
    """Plays the program to its end.

    Raises `Deadlock`, saying who waits for whom, if some task can never start.
    """
    return _Run(program).play()


class _Visit(simpy.Event):
    """An event that its process already waits for, scheduled when the visit begins."""

    def begin(self, cycles: int) -> None:
        self._ok = True
        self._value = None
        self.env.schedule(self, delay=cycles)


class _Server:
    """Run-time state of one component."""

    def __init__(self, spec: ServerSpec, layers: int) -> None:
        self.name = spec.name
        self.fixed = spec.arbitration == FIXED
        self.free = True
        self.hop: _Lane | None = None
        self.visit: _Visit
        self.busy = [0] * layers
        self.blocked = [0] * layers
        self.blockers = 0
        self.since = 0
        self.blocked_layer = 0
        self.users: list[_Lane] = []

    def settle(self, now: int) -> None:
        """Books the time since the last change: blocked if idle while something has no place to go."""
        if self.blockers and self.free:
            self.blocked[self.blocked_layer] += now - self.since
        self.since = now


class _Store:
    """Run-time state of one store."""

    def __init__(self, spec: StoreSpec) -> None:
        self.name = spec.name
        self.ahead = spec.ahead
        self.capacity = spec.capacity
        self.held = 0
        self.sizes: list[int] = []
        self.arrived = 0
        self.released = 0
        self.producer: _Lane | None = None
        self.consumer: _Lane | None = None
        self.wanted = 0
        self.beyond = 0

    def has_space(self, units: int) -> bool:
        """Whether one more item may set out: it is needed now or not too far ahead, and there is room."""
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
        for item in range(self.wanted, min(count, len(self.sizes))):
            self.beyond -= self.sizes[item]
        self.wanted = count


class _Lane:
    """Run-time state of one hop."""

    def __init__(self, index: int, hop: Hop, servers: list[_Server], stores: list[_Store]) -> None:
        self.index = index
        self.hop = hop
        self.count = len(hop)
        self.servers = [servers[s] for s in hop.servers]
        self.takes: list[tuple[_Store, Take]] = [(stores[t.store], t) for t in hop.takes]
        self.puts: list[tuple[_Store, Put]] = [(stores[p.store], p) for p in hop.puts]
        self.next = 0
        self.left = 0
        self.arrived = 0
        self.pending = 0
        self.ready_at = -1
        self.cause = ""
        self.waiting_since = 0
        self.blocking = False
        self.waits: list[dict[str, int]] = []
        self.starts = [0] * self.count
        self.leaves = [0] * self.count
        self.arrives = [0] * self.count
        self.watchers: list[_Lane] = []

    def unmet(self, lanes: list[_Lane]) -> str:
        """Why the next task cannot start, servers apart; empty if it can."""
        k = self.next
        for store, take in self.takes:
            if store.arrived < take.need[k]:
                return take.cause
        if self.hop.gates is not None:
            for lane, count in self.hop.gates[k]:
                if lanes[lane].arrived < count:
                    return GATE
        for store, put in self.puts:
            units = put.units[k]
            if units and not store.has_space(units):
                return SPACE
        return ""


class _Run:
    def __init__(self, program: Program) -> None:
        self.env = simpy.Environment()
        self.servers = [_Server(s, program.layers) for s in program.servers]
        self.stores = [_Store(s) for s in program.stores]
        self.lanes = [
            _Lane(i, hop, self.servers, self.stores) for i, hop in enumerate(program.hops)
        ]
        self.events = 0
        self.dirty: set[int] = set()
        for lane in self.lanes:
            lane.waits = [{} for _ in range(program.layers)]
            self._connect(lane)
        self.dirty = {lane.index for lane in self.lanes if lane.count}

    def _connect(self, lane: _Lane) -> None:
        for server in lane.servers:
            server.users.append(lane)
        for store, take in lane.takes:
            store.consumer = lane
            store.wanted = take.need[0] if lane.count else 0
        for store, _ in lane.puts:
            store.producer = lane
        for gate in set(lane.hop.gates or ()):
            for other, _ in gate:
                if lane not in self.lanes[other].watchers:
                    self.lanes[other].watchers.append(lane)

    def play(self) -> Outcome:
        for server in self.servers:
            server.visit = _Visit(self.env)
            self.env.process(self._serve(server))
            self.events += 1
        self.env.run()
        if any(lane.arrived < lane.count for lane in self.lanes):
            raise Deadlock(self._who_waits())
        ends = [lane.arrives[-1] for lane in self.lanes if lane.count]
        return Outcome(
            cycles=max(ends, default=0),
            starts=[lane.starts for lane in self.lanes],
            leaves=[lane.leaves for lane in self.lanes],
            arrives=[lane.arrives for lane in self.lanes],
            busy=[server.busy for server in self.servers],
            waits=[lane.waits for lane in self.lanes],
            blocked=[server.blocked for server in self.servers],
            events=self.events,
        )

    def _serve(self, server: _Server) -> Generator[simpy.Event, None, None]:
        """The process of one component."""
        self._settle_cycle()
        while True:
            yield server.visit
            server.visit = _Visit(self.env)
            lane = server.hop
            assert lane is not None
            server.settle(self.env.now)
            server.free = True
            self.dirty.update(user.index for user in server.users)
            self._server_left(lane)
            self._settle_cycle()

    def _settle_cycle(self) -> None:
        """Starts what can start, once nothing more is due in this cycle."""
        if self.env.peek() > self.env.now:
            self._dispatch()

    def _dispatch(self) -> None:
        ready: list[_Lane] = []
        while True:
            ready += [lane for lane in self._ready() if lane not in ready]
            lane = self._first(ready)
            if lane is None:
                return
            ready.remove(lane)
            self._start(lane)

    def _ready(self) -> list[_Lane]:
        """The lanes touched since the last look whose next task lacks at most its servers."""
        ready = []
        now = self.env.now
        for index in sorted(self.dirty):
            lane = self.lanes[index]
            if lane.next == lane.count:
                continue
            cause = lane.unmet(self.lanes)
            self._note_wait(lane, cause)
            if cause:
                lane.ready_at = -1
                continue
            if lane.ready_at < 0:
                lane.ready_at = now
            ready.append(lane)
        self.dirty.clear()
        return ready

    def _note_wait(self, lane: _Lane, cause: str) -> None:
        """Books the wait that ends or changes now, and tells the servers whether they are blocked."""
        now = self.env.now
        between_tasks = lane.left == lane.next
        if between_tasks and lane.cause and now > lane.waiting_since:
            book = lane.waits[lane.hop.layer[lane.next]]
            book[lane.cause] = book.get(lane.cause, 0) + now - lane.waiting_since
        lane.cause = cause
        lane.waiting_since = now
        blocking = cause == SPACE
        if blocking != lane.blocking:
            lane.blocking = blocking
            for server in lane.servers:
                server.settle(now)
                server.blockers += 1 if blocking else -1
                server.blocked_layer = lane.hop.layer[lane.next]

    @staticmethod
    def _first(ready: list[_Lane]) -> _Lane | None:
        """The ready lane with free servers that no other one precedes, None if all servers are taken."""
        able = [lane for lane in ready if all(server.free for server in lane.servers)]
        if len(able) < 2:
            return able[0] if able else None
        able.sort(key=lambda lane: (lane.ready_at, lane.index))
        for lane in able:
            if not any(_precedes(other, lane) for other in able if other is not lane):
                return lane
        return able[0]

    def _start(self, lane: _Lane) -> None:
        k = lane.next
        now = self.env.now
        lane.starts[k] = now
        lane.ready_at = -1
        lane.waiting_since = now
        lane.next = k + 1
        for store, put in lane.puts:
            units = put.units[k]
            if units:
                store.reserve(units)
        layer = lane.hop.layer[k]
        busy = 0
        for server, cycles in zip(lane.servers, lane.hop.cycles, strict=True):
            duration = cycles[k]
            if duration:
                busy += 1
                server.settle(now)
                server.free = False
                server.hop = lane
                server.busy[layer] += duration
                server.visit.begin(duration)
                self.events += 1
        lane.pending = busy
        if not busy:
            self._leave(lane, k)
        self.dirty.add(lane.index)

    def _server_left(self, lane: _Lane) -> None:
        lane.pending -= 1
        if not lane.pending:
            self._leave(lane, lane.left)

    def _leave(self, lane: _Lane, k: int) -> None:
        """The task's servers are all free: its inputs are given up, its data arrive after the latency."""
        lane.leaves[k] = lane.waiting_since = self.env.now
        lane.left = k + 1
        self.dirty.add(lane.index)
        for store, take in lane.takes:
            for item in range(store.released, take.done[k]):
                store.held -= store.sizes[item]
            store.released = max(store.released, take.done[k])
            store.want(take.need[min(k + 1, lane.count - 1)])
            if store.producer is not None:
                self.dirty.add(store.producer.index)
        latency = lane.hop.latency[k]
        if latency:
            arrival = self.env.timeout(latency, value=(lane, k))
            self.events += 1
            arrival.callbacks.append(self._arrival)
        else:
            self._arrive(lane, k)

    def _arrival(self, event: simpy.Event) -> None:
        lane, k = event.value
        self._arrive(lane, k)
        self._settle_cycle()

    def _arrive(self, lane: _Lane, k: int) -> None:
        lane.arrives[k] = self.env.now
        lane.arrived = k + 1
        for store, put in lane.puts:
            if put.units[k]:
                store.arrived += 1
                if store.consumer is not None:
                    self.dirty.add(store.consumer.index)
        self.dirty.update(watcher.index for watcher in lane.watchers)

    def _who_waits(self) -> str:
        stuck = [lane for lane in self.lanes if lane.next < lane.count]
        lines = [f"  {lane.hop.name}, task {lane.next} of {lane.count}: {self._why(lane)}" for lane in stuck]
        return "deadlock, nothing can move any more:\n" + "\n".join(lines)

    def _why(self, lane: _Lane) -> str:
        k = lane.next
        for store, take in lane.takes:
            if store.arrived < take.need[k]:
                source = store.producer.hop.name if store.producer else "nobody"
                return f"waits for item {take.need[k] - 1} of {store.name}, which {source} brings"
        for other, count in (lane.hop.gates or [()] * lane.count)[k]:
            if self.lanes[other].arrived < count:
                return f"waits for {self.lanes[other].hop.name} to finish task {count - 1}"
        for store, put in lane.puts:
            if put.units[k] and not store.has_space(put.units[k]):
                sink = store.consumer.hop.name if store.consumer else "nobody"
                return (
                    f"waits for {put.units[k]} bytes of space in {store.name} ({store.held} of "
                    f"{store.capacity} held), which {sink} empties"
                )
        return "waits for its servers"


def _precedes(a: _Lane, b: _Lane) -> bool:
    """Whether some server that both want, in this cycle, prefers a."""
    for server in a.servers:
        if server in b.servers:
            order_a = a.index if server.fixed else (a.ready_at, a.index)
            order_b = b.index if server.fixed else (b.ready_at, b.index)
            if order_a < order_b:  # type: ignore[operator]
                return True
    return False
