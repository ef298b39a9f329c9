"""Time: runs a `Program` as SimPy processes, one for every server. The only module that imports
simpy.

Each component of the machine is a process that waits for its next visit, is busy for that visit's
cycles and then lets whatever became possible start. Starting is decided once all that happens in a
cycle has happened, so the order of events inside a cycle never shows. A visit costs one event: the
event a process waits for is scheduled at the start of the visit for its end.

All servers of a hop start together; each is free again after its own cycles, so a fast DRAM may
serve the next DMA while the slow one still writes. Among tasks that could start in the same cycle,
the servers' arbitration decides (`program.ServerSpec`).
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial

import simpy

from archsim.formats.errors import Deadlock
from archsim.timing.engine_state import SPACE, Lane, Server, Store, Visit, precedes
from archsim.timing.program import Outcome, Program


def run(program: Program) -> Outcome:
    """Plays the program to its end.

    Raises `Deadlock`, saying who waits for whom, if some task can never start.
    """
    return _Run(program).play()


class _Run:
    def __init__(self, program: Program) -> None:
        self.env = simpy.Environment()
        self.servers = [Server(s, program.layers) for s in program.servers]
        self.stores = [Store(s) for s in program.stores]
        self.lanes = [Lane(i, hop, self.servers, self.stores) for i, hop in enumerate(program.hops)]
        self.events = 0
        self.now = 0
        self.ready: list[Lane] = []
        for lane in self.lanes:
            lane.waits = [{} for _ in range(program.layers)]
            self._connect(lane)
        self.dirty = {lane.index for lane in self.lanes if lane.count}

    def _connect(self, lane: Lane) -> None:
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
            server.visit = Visit(self.env)
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

    def _serve(self, server: Server) -> Generator[simpy.Event, None, None]:
        """The process of one component."""
        self._settle_cycle()
        while True:
            yield server.visit
            server.visit = Visit(self.env)
            lane = server.lane
            assert lane is not None
            self.now = int(self.env.now)
            server.settle(self.now)
            server.free = True
            lane.pending -= 1
            if not lane.pending:
                self._leave(lane, lane.left)
            self._settle_cycle()

    def _settle_cycle(self) -> None:
        """Starts what can start, once nothing more is due in this cycle."""
        if self.env.peek() <= self.now:
            return
        if self.dirty:
            self._look()
        while self.ready and (lane := self._first()):
            self.ready.remove(lane)
            self._start(lane)
            self._look()

    def _look(self) -> None:
        """Finds which of the lanes touched since the last look now lack at most their servers.

        A lane stays ready until it starts: what it takes and the space it needs are its own.
        """
        for index in sorted(self.dirty):
            lane = self.lanes[index]
            if lane.ready_at >= 0 or lane.next == lane.count:
                continue
            cause = lane.unmet(self.lanes)
            self._note_wait(lane, cause)
            if not cause:
                lane.ready_at = self.now
                self.ready.append(lane)
        self.dirty.clear()

    def _note_wait(self, lane: Lane, cause: str) -> None:
        """Books the wait that ends or changes now, and tells the servers whether they are
        blocked.
        """
        now = self.now
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

    def _first(self) -> Lane | None:
        """The ready lane with free servers that no other one precedes, None if all servers are
        taken.
        """
        able = [lane for lane in self.ready if lane.is_free()]
        if len(able) < 2:
            return able[0] if able else None
        able.sort(key=lambda lane: (lane.ready_at, lane.index))
        for lane in able:
            if not any(precedes(other, lane) for other in able if other is not lane):
                return lane
        return able[0]

    def _start(self, lane: Lane) -> None:
        k = lane.next
        now = self.now
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
                server.lane = lane
                server.busy[layer] += duration
                server.visit.begin(duration)
                self.events += 1
        lane.pending = busy
        if not busy:
            self._leave(lane, k)
        self.dirty.add(lane.index)

    def _leave(self, lane: Lane, k: int) -> None:
        """The task's servers are all free: its inputs are given up, its data arrive after the
        latency.
        """
        lane.leaves[k] = lane.waiting_since = self.now
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
            arrival = self.env.timeout(latency)
            self.events += 1
            assert arrival.callbacks is not None
            arrival.callbacks.append(partial(self._arrival, lane, k))
        else:
            self._arrive(lane, k)

    def _arrival(self, lane: Lane, k: int, _event: simpy.Event) -> None:
        self.now = int(self.env.now)
        self._arrive(lane, k)
        self._settle_cycle()

    def _arrive(self, lane: Lane, k: int) -> None:
        lane.arrives[k] = self.now
        lane.arrived = k + 1
        for store, put in lane.puts:
            if put.units[k]:
                store.arrived += 1
                if store.consumer is not None:
                    self.dirty.add(store.consumer.index)
        self.dirty.update(watcher.index for watcher in lane.watchers)

    def _who_waits(self) -> str:
        stuck = [lane for lane in self.lanes if lane.next < lane.count]
        lines = [
            f"  {lane.hop.name}, task {lane.next} of {lane.count}: {lane.why(self.lanes)}"
            for lane in stuck
        ]
        return "deadlock, nothing can move any more:\n" + "\n".join(lines)
