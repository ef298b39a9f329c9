"""Time: runs a `Program` on SimPy's clock and calendar of events. The only module that imports
simpy.

Each component of the machine is a server, which a task keeps busy for the cycles of its visit.
Starting is decided once all that happens in a cycle has happened, so the order of events inside a
cycle never shows. All that leaves or arrives in one cycle is one event, with plain callbacks: a
process for each server would resume a generator for each visit, at several times the price.

When a visit ends is known when it begins, so a server notes it, and nothing happens then unless a
task waits for that server: the calendar has the cycle in which the first of those that wait finds
its servers free, and the cycles in which something is given up or arrives that others look for.

All servers of a hop start together; each is free again after its own cycles, so a fast DRAM may
serve the next DMA while the slow one still writes. Among tasks that could start in the same cycle,
the servers' arbitration decides (`program.ServerSpec`).
"""

import numpy as np
import simpy

from archsim.formats.errors import Deadlock
from archsim.timing.engine_state import (
    FREE_AT,
    SPACE,
    Server,
    Store,
    Stretch,
    TaskQueue,
    Waits,
    precedes,
)
from archsim.timing.program import SOONEST, Outcome, Program

NEVER = 2**63


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
        self.program = program
        self.env = simpy.Environment()
        self.servers = [Server(s, program.layers) for s in program.servers]
        self.stores = [Store(s) for s in program.stores]
        self.queues = [
            TaskQueue(i, hop, self.servers, self.stores) for i, hop in enumerate(program.hops)
        ]
        self.events = 0
        self.now = 0
        self.due: dict[int, list[tuple[TaskQueue, int]]] = {}
        """By cycle, the tasks whose data arrive then, and -1 for the one that leaves."""
        self.ready: list[TaskQueue] = []
        for queue in self.queues:
            queue.waits = [{} for _ in range(program.layers)]
            queue.share_with(self.queues)
            self._connect(queue)
        for queue in self.queues:
            queue.note_listeners()

    def _connect(self, queue: TaskQueue) -> None:
        for store, take in queue.takes:
            store.consumer = queue
            store.wanted = take.need[0] if queue.count else 0
        for store, _ in queue.puts:
            store.producer = queue
        for gate in set(queue.hop.gates or ()):
            for other, count in gate:
                self.queues[other].watched_by(queue, count)

    def play(self) -> Outcome:
        self._settle_cycle()
        self.env.run()
        if any(queue.next < queue.count for queue in self.queues):
            raise Deadlock(self._who_waits())
        ends = [queue.arrives[-1] for queue in self.queues if queue.count]
        return Outcome(
            cycles=max(ends, default=0),
            starts=[queue.starts for queue in self.queues],
            leaves=[queue.leaves for queue in self.queues],
            arrives=[queue.arrives for queue in self.queues],
            busy=_busy(self.program),
            waits=[queue.waits for queue in self.queues],
            blocked=[server.blocked for server in self.servers],
            events=self.events,
        )

    def _at(self, cycle: int) -> list[tuple[TaskQueue, int]]:
        """What is due in a cycle to come, to be added to."""
        due = self.due.get(cycle)
        if due is None:
            due = self.due[cycle] = []
            event = self.env.timeout(cycle - self.now)
            self.events += 1
            assert event.callbacks is not None
            event.callbacks.append(self._cycle)
        return due

    def _cycle(self, _event: simpy.Event) -> None:
        """All that is due in a cycle, and then what can start: any of it may free what a task waits
        for, or make a better one ready."""
        self.now = now = int(self.env.now)
        for queue, k in self.due.pop(now):
            if k < 0:
                self._leave(queue, queue.next - 1)
            else:
                self._arrive(queue, k)
        self._settle_cycle()

    def _settle_cycle(self) -> None:
        """Starts what can start, once nothing more is due in this cycle."""
        now = self.now
        self._look()
        while self.ready:
            able, soonest = [], NEVER
            for queue in self.ready:
                cycle = queue.free_at
                if cycle <= now and queue.common:
                    # Others may have taken its servers since it was last looked at.
                    cycle = queue.free_at = max(queue.left_at, *map(FREE_AT, queue.common))
                if cycle <= now:
                    able.append(queue)
                elif cycle < soonest:
                    soonest = cycle
            if not able:
                self._at(soonest)
                break
            first = able[0] if len(able) == 1 else _first(able)
            self.ready.remove(first)
            self._start(first)
            self._look()

    def _look(self) -> None:
        """Finds which of the queues touched since the last look now lack at most their servers.

        A queue stays ready until it starts: what it takes and the space it needs are its own.
        """
        for queue in self.queues:
            if not queue.touched:
                continue
            queue.touched = False
            if queue.ready_at >= 0 or queue.next == queue.count:
                continue
            cause = queue.unmet(self.queues)
            if cause != queue.cause:
                self._note_wait(queue, cause)
            if not cause:
                queue.ready_at = self.now
                self.ready.append(queue)

    def _note_wait(self, queue: TaskQueue, cause: str) -> None:
        """Books the wait that ends or changes now, and tells the servers whether they are
        blocked.
        """
        now = self.now
        if queue.cause:
            # What is waited while the task before is on its way is no wait between the two.
            since = max(queue.waiting_since, queue.left_at)
            if now > since:
                layer = queue.hop.layer[queue.next]
                book = queue.waits[layer]
                book[queue.cause] = book.get(queue.cause, 0) + now - since
                if queue.stretches is not None:
                    queue.stretches.append((queue.cause, (layer, since, now)))
        queue.cause = cause
        queue.waiting_since = now
        blocking = cause == SPACE
        if blocking != queue.blocking:
            queue.blocking = blocking
            layer = queue.hop.layer[queue.next]
            for server in queue.common:
                server.settle(now)
                server.blockers += 1 if blocking else -1
                server.blocked_layer = layer
            if blocking:
                queue.blocked_since = now
            else:
                queue.book_blocked(now, layer)

    def _start(self, queue: TaskQueue) -> None:
        now, k = self.now, queue.next
        queue.starts[k] = now
        queue.ready_at = -1
        queue.waiting_since = now
        queue.next = k + 1
        queue.touched = True
        for store, put in queue.puts:
            units = put.units[k]
            if units:
                store.reserve(units)
        for server, cycles in zip(queue.common, queue.visits[k], strict=True):
            if cycles:
                if server.blockers:
                    server.settle(now)
                server.free_at = now + cycles
        longest = queue.longest[k]
        queue.left_at = queue.free_at = queue.leaves[k] = left_at = now + longest
        queue.arrives[k] = arrives_at = left_at + queue.hop.latency[k]
        if queue.takes:
            if longest:
                self._at(left_at).append((queue, -1))
            else:
                self._leave(queue, k)
        if queue.heard[k]:
            if arrives_at > now:
                self._at(arrives_at).append((queue, k))
            else:
                self._arrive(queue, k)

    def _leave(self, queue: TaskQueue, k: int) -> None:
        """The task's servers are all free, and its inputs are given up."""
        following = min(k + 1, queue.count - 1)
        for store, take in queue.takes:
            store.release(take.done[k])
            store.want(take.need[following])
            if store.producer is not None:
                store.producer.touched = True

    def _arrive(self, queue: TaskQueue, k: int) -> None:
        queue.arrived = k + 1
        for store, put in queue.puts:
            if put.units[k]:
                store.arrived += 1
                if store.consumer is not None:
                    store.consumer.touched = True
        for watcher in queue.watchers:
            watcher.touched = True

    def _who_waits(self) -> str:
        stuck = [queue for queue in self.queues if queue.next < queue.count]
        lines = [
            f"  {queue.hop.name}, task {queue.next} of {queue.count}: {queue.why(self.queues)}"
            for queue in stuck
        ]
        return "deadlock, nothing can move any more:\n" + "\n".join(lines)


def _first(able: list[TaskQueue]) -> TaskQueue:
    """The queue that no other one precedes, of those that are ready and find their servers free."""
    first = min(able, key=_soonest)
    if first.soonest_everywhere:
        return first
    able.sort(key=_soonest)
    for queue in able:
        for other in able:
            if other is not queue and queue.shared[other.index] and precedes(other, queue):
                break
        else:
            return queue
    return able[0]


def _soonest(queue: TaskQueue) -> tuple[int, int, int]:
    return queue.rank(SOONEST)


def _busy(program: Program) -> list[list[int]]:
    """Cycles of the visits of each server by layer, whenever they are."""
    busy = np.zeros((len(program.servers), program.layers), np.int64)
    for hop in program.hops:
        for server, cycles in zip(hop.servers, hop.cycles, strict=True):
            np.add.at(busy[server], np.asarray(hop.layer, np.int64), np.asarray(cycles, np.int64))
    found: list[list[int]] = busy.tolist()
    return found
