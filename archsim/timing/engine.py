"""Time: runs a `Program` on SimPy's clock and calendar of events. The only module that imports
simpy.

Each component of the machine is a server, which a task keeps busy for the cycles of its visit and
whose end lets whatever became possible start. Starting is decided once all that happens in a
cycle has happened, so the order of events inside a cycle never shows. All that ends or arrives in
one cycle is one event, with plain callbacks: a process for each server would resume a generator for
each visit, at several times the price.

All servers of a hop start together; each is free again after its own cycles, so a fast DRAM may
serve the next DMA while the slow one still writes. Among tasks that could start in the same cycle,
the servers' arbitration decides (`program.ServerSpec`).
"""

from collections.abc import Callable, Sequence
from functools import partial

import simpy

from archsim.formats.errors import Deadlock
from archsim.timing.engine_state import SPACE, Server, Store, Stretch, TaskQueue, Waits, precedes
from archsim.timing.program import SOONEST, Outcome, Program


def run(program: Program) -> Outcome:
    """Plays the program to its end.

    Raises `Deadlock`, saying who waits for whom, if some task can never start.
    """
    return _Run(program).play()


def watched(program: Program) -> tuple[Outcome, Waits]:
    """The same, and when each hop and each server waited."""
    playing = _Run(program)
    hops: list[list[tuple[str, Stretch]]] = [[] for _ in program.hops]
    servers: list[list[Stretch]] = [[] for _ in program.servers]
    for queue, own in zip(playing.queues, hops, strict=True):
        queue.stretches = own
    for server, blocked in zip(playing.servers, servers, strict=True):
        server.stretches = blocked
    return playing.play(), Waits(hops, servers)


class _Run:
    def __init__(self, program: Program) -> None:
        self.env = simpy.Environment()
        self.servers = [Server(s, program.layers) for s in program.servers]
        self.stores = [Store(s) for s in program.stores]
        self.queues = [
            TaskQueue(i, hop, self.servers, self.stores) for i, hop in enumerate(program.hops)
        ]
        self.events = 0
        self.now = 0
        self.due: dict[int, list[Callable[[], None]]] = {}
        self.ready: list[TaskQueue] = []
        for queue in self.queues:
            queue.waits = [{} for _ in range(program.layers)]
            self._connect(queue)
        self.dirty = {queue.index for queue in self.queues if queue.count}

    def _connect(self, queue: TaskQueue) -> None:
        for store, take in queue.takes:
            store.consumer = queue
            store.wanted = take.need[0] if queue.count else 0
        for store, _ in queue.puts:
            store.producer = queue
        for gate in set(queue.hop.gates or ()):
            for other, _ in gate:
                if queue not in self.queues[other].watchers:
                    self.queues[other].watchers.append(queue)

    def play(self) -> Outcome:
        self._settle_cycle()
        self.env.run()
        if any(queue.arrived < queue.count for queue in self.queues):
            raise Deadlock(self._who_waits())
        ends = [queue.arrives[-1] for queue in self.queues if queue.count]
        return Outcome(
            cycles=max(ends, default=0),
            starts=[queue.starts for queue in self.queues],
            leaves=[queue.leaves for queue in self.queues],
            arrives=[queue.arrives for queue in self.queues],
            busy=[server.busy for server in self.servers],
            waits=[queue.waits for queue in self.queues],
            blocked=[server.blocked for server in self.servers],
            events=self.events,
        )

    def _after(self, cycles: int, what: Callable[[], None]) -> None:
        """Lets it happen so many cycles from now, with whatever else is due then."""
        cycle = self.now + cycles
        if cycle not in self.due:
            self.due[cycle] = []
            event = self.env.timeout(cycles)
            self.events += 1
            assert event.callbacks is not None
            event.callbacks.append(self._cycle)
        self.due[cycle].append(what)

    def _cycle(self, _event: simpy.Event) -> None:
        """All that is due in a cycle, and then what can start: any of it may free what a task waits
        for, or make a better one ready."""
        self.now = int(self.env.now)
        for what in self.due.pop(self.now):
            what()
        self._settle_cycle()

    def _end(self, queue: TaskQueue, servers: Sequence[Server]) -> None:
        """These servers of a task are free again, the last ones of it or not."""
        for server in servers:
            server.end(self.now)
        queue.pending -= 1
        if not queue.pending:
            self._leave(queue, queue.left)

    def _settle_cycle(self) -> None:
        """Starts what can start, once nothing more is due in this cycle."""
        if self.dirty:
            self._look()
        while self.ready and (queue := self._first()):
            self.ready.remove(queue)
            self._start(queue)
            self._look()

    def _look(self) -> None:
        """Finds which of the queues touched since the last look now lack at most their servers.

        A queue stays ready until it starts: what it takes and the space it needs are its own.
        """
        for index in sorted(self.dirty):
            queue = self.queues[index]
            if queue.ready_at >= 0 or queue.next == queue.count:
                continue
            cause = queue.unmet(self.queues)
            self._note_wait(queue, cause)
            if not cause:
                queue.ready_at = self.now
                self.ready.append(queue)
        self.dirty.clear()

    def _note_wait(self, queue: TaskQueue, cause: str) -> None:
        """Books the wait that ends or changes now, and tells the servers whether they are
        blocked.
        """
        now = self.now
        between_tasks = queue.left == queue.next
        if between_tasks and queue.cause and now > queue.waiting_since:
            book = queue.waits[queue.hop.layer[queue.next]]
            book[queue.cause] = book.get(queue.cause, 0) + now - queue.waiting_since
            if queue.stretches is not None:
                stretch = queue.hop.layer[queue.next], queue.waiting_since, now
                queue.stretches.append((queue.cause, stretch))
        queue.cause = cause
        queue.waiting_since = now
        blocking = cause == SPACE
        if blocking != queue.blocking:
            queue.blocking = blocking
            for server in queue.servers:
                server.settle(now)
                server.blockers += 1 if blocking else -1
                server.blocked_layer = queue.hop.layer[queue.next]

    def _first(self) -> TaskQueue | None:
        """The ready queue with free servers that no other one precedes, None if all servers are
        taken.
        """
        able = [queue for queue in self.ready if queue.is_free()]
        if len(able) < 2:
            return able[0] if able else None
        able.sort(key=_soonest)
        for queue in able:
            if not any(precedes(other, queue) for other in able if other is not queue):
                return queue
        return able[0]

    def _start(self, queue: TaskQueue) -> None:
        k = queue.next
        now = self.now
        queue.starts[k] = now
        queue.ready_at = -1
        queue.waiting_since = now
        queue.next = k + 1
        for store, put in queue.puts:
            units = put.units[k]
            if units:
                store.reserve(units)
        layer = queue.hop.layer[k]
        visits = queue.visits(k)
        queue.pending = len(visits)
        for duration, servers in visits:
            for server in servers:
                server.begin(now, duration, layer)
            self._after(duration, partial(self._end, queue, servers))
        if not visits:
            self._leave(queue, k)
        self.dirty.add(queue.index)

    def _leave(self, queue: TaskQueue, k: int) -> None:
        """The task's servers are all free: its inputs are given up, its data arrive after the
        latency.
        """
        queue.leaves[k] = queue.waiting_since = self.now
        queue.left = k + 1
        self.dirty.add(queue.index)
        following = min(k + 1, queue.count - 1)
        for store, take in queue.takes:
            store.release(take.done[k])
            store.want(take.need[following])
            if store.producer is not None:
                self.dirty.add(store.producer.index)
        latency = queue.hop.latency[k]
        if latency:
            self._after(latency, partial(self._arrive, queue, k))
        else:
            self._arrive(queue, k)

    def _arrive(self, queue: TaskQueue, k: int) -> None:
        queue.arrives[k] = self.now
        queue.arrived = k + 1
        for store, put in queue.puts:
            if put.units[k]:
                store.arrived += 1
                if store.consumer is not None:
                    self.dirty.add(store.consumer.index)
        self.dirty.update(watcher.index for watcher in queue.watchers)

    def _who_waits(self) -> str:
        stuck = [queue for queue in self.queues if queue.next < queue.count]
        lines = [
            f"  {queue.hop.name}, task {queue.next} of {queue.count}: {queue.why(self.queues)}"
            for queue in stuck
        ]
        return "deadlock, nothing can move any more:\n" + "\n".join(lines)


def _soonest(queue: TaskQueue) -> tuple[int, int, int]:
    return queue.rank(SOONEST)
