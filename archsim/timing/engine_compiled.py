"""The events of a program by the compiled loop of `engine_loop`: queues, stores and servers laid
out in arrays for it, and what it found written back. The queues then hold what SimPy's events would
have left there.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from archsim.formats.compiled import worth
from archsim.machines.shared.geometry import Ints
from archsim.timing import engine_records as records
from archsim.timing.engine_state import GATE, SPACE, Server, Store, TaskQueue
from archsim.timing.program import Program

LOOPS = "archsim.timing.engine_loop"
FEW = 500
"""Tasks that are played faster than they are laid out."""
SAVED = 7e-6
"""Seconds per task."""
LARGEST = 2**61
"""Cycles and bytes up to which sums fit into a word."""


def loop_for(program: Program) -> Any:
    """The compiled loop if it is there and pays; else None."""
    tasks = sum(map(len, program.hops))
    return worth(LOOPS, SAVED * tasks) if tasks >= FEW else None


def played(
    loops: Any, queues: Sequence[TaskQueue], stores: Sequence[Store], servers: Sequence[Server]
) -> int:
    """Plays the queues to their end and returns the number of events; -1, and nothing is touched,
    where a task can never start or numbers are beyond a word.
    """
    layout = _Layout(loops, queues, stores, servers)
    if layout.largest >= LARGEST:
        return -1
    state = layout.state()
    events: int = loops.play(state)
    if any(queue["next"] < queue["count"] for queue in state.queues):
        return -1
    layout.write_back(state)
    return events


class _Layout:
    """Lists of objects as arrays of records."""

    def __init__(
        self,
        loops: Any,
        queues: Sequence[TaskQueue],
        stores: Sequence[Store],
        servers: Sequence[Server],
    ) -> None:
        self.loops, self.queues, self.stores, self.servers = loops, queues, stores, servers
        self.store_at = {id(store): at for at, store in enumerate(stores)}
        self.server_at = {id(server): at for at, server in enumerate(servers)}
        causes = dict.fromkeys(take.cause for queue in queues for _, take in queue.takes)
        self.causes = ["", GATE, SPACE, *causes]
        self.takes: list[tuple[int, ...]] = []
        self.puts: list[tuple[int, ...]] = []
        self.visits: list[tuple[int, ...]] = []
        self.watchers: list[int] = []
        self.gates: list[tuple[int, int]] = []
        self.columns: list[Ints] = []
        self.size = 0
        self.ends = np.cumsum([0, *(queue.count for queue in queues)])
        self.largest = 0.0
        self._sum_up()

    def _sum_up(self) -> None:
        """The largest number that can be met: all cycles one after the other, or all bytes."""
        for queue in self.queues:
            self.largest += float(np.sum(queue.longest, dtype=float))
            self.largest += float(max(queue.hop.latency, default=0))
            for _, put in queue.puts:
                self.largest += float(np.sum(put.units, dtype=float))

    def _column(self, values: Sequence[int]) -> int:
        """Where the column of a queue's tasks begins among all."""
        first, column = self.size, np.array(values, np.int64)
        self.columns.append(column)
        self.size += len(column)
        return first

    def state(self) -> Any:
        """All of it, as it is before the first cycle."""
        loops = self.loops
        queues = np.array([self._queue(*pair) for pair in enumerate(self.queues)], records.QUEUE)
        tasks = np.concatenate([self._tasks(*pair) for pair in enumerate(self.queues)])
        stores, items = self._stores()
        layers = len(self.queues[0].waits)
        flags = {"soonest": loops.SOONEST, "first_come": loops.FIRST_COME, "fixed": loops.FIXED}
        shared = [[sum(flags[way] for way in ways) for ways in q.shared] for q in self.queues]
        return records.Played(
            queues=queues,
            stores=stores,
            servers=np.zeros(len(self.servers), records.SERVER),
            tasks=tasks,
            takes=np.array(self.takes, records.TAKE),
            puts=np.array(self.puts, records.PUT),
            visits=np.array(self.visits, records.VISIT),
            gates=np.array(self.gates, records.GATE),
            watchers=np.array(self.watchers, np.int64),
            numbers=np.concatenate([*self.columns, np.zeros(1, np.int64)]),
            sent=np.zeros(items, np.int64),
            shared=np.array(shared, np.int64),
            blocked=np.zeros((len(self.servers), layers), np.int64),
            waits=np.zeros((len(self.queues), layers, len(self.causes), 2), np.int64),
            looks=np.zeros(len(self.queues) + len(self.servers), np.int64),
        )

    def _queue(self, at: int, queue: TaskQueue) -> tuple[int, ...]:
        """A queue's record, and its lists."""
        lists: list[int] = []
        takes = [
            (
                self.store_at[id(store)],
                self.causes.index(take.cause),
                self._column(take.need),
                self._column(take.done),
            )
            for store, take in queue.takes
        ]
        puts = [(self.store_at[id(store)], self._column(put.units)) for store, put in queue.puts]
        common = [
            (self.server_at[id(server)], self._column([cycles[i] for cycles in queue.visits]))
            for i, server in enumerate(queue.common)
        ]
        own = [(self.server_at[id(server)], self._column(cycles)) for server, cycles in queue.own]
        watchers = [other.index for other in queue.watchers]
        for into, rows in (
            (self.takes, takes), (self.puts, puts), (self.visits, common), (self.visits, own),
            (self.watchers, watchers),
        ):  # fmt: skip
            first = len(into)
            into.extend(rows)  # type: ignore[arg-type]
            lists += [first, len(into)]
        zeros = (0,) * 3
        head = (int(self.ends[at]), queue.count, 0, 0, self.loops.NEVER, 0, -1, 0)
        return (
            *head, int(queue.touched), *zeros, 0, int(queue.soonest_everywhere), *lists,
        )  # fmt: skip

    def _tasks(self, at: int, queue: TaskQueue) -> Any:
        """A record per task of a queue."""
        tasks = np.zeros(queue.count, records.TASK)
        tasks["queue"], tasks["order"] = at, np.arange(queue.count)
        tasks["longest"], tasks["latency"] = queue.longest, queue.hop.latency
        tasks["layer"], tasks["heard"] = queue.hop.layer, queue.heard
        if queue.hop.due:
            tasks["due"] = queue.hop.due
        if queue.hop.gates is not None:
            places = {gate: self._gate(gate) for gate in dict.fromkeys(queue.hop.gates)}
            tasks["gates"] = [places[gate][0] for gate in queue.hop.gates]
            tasks["gates_end"] = [places[gate][1] for gate in queue.hop.gates]
        return tasks

    def _gate(self, gate: Iterable[tuple[int, int]]) -> tuple[int, int]:
        first = len(self.gates)
        self.gates.extend(gate)
        return first, len(self.gates)

    def _stores(self) -> tuple[Any, int]:
        """A record per store, and how many sums of bytes they take in all."""
        table = np.zeros(len(self.stores), records.STORE)
        items = [1] * len(self.stores)
        for queue in self.queues:
            for store, put in queue.puts:
                items[self.store_at[id(store)]] += int(np.count_nonzero(put.units))
        for record, store in zip(table, self.stores, strict=True):
            record["ahead"], record["capacity"] = (
                min(size, LARGEST) for size in (store.ahead, store.capacity)
            )
            record["wanted"] = store.wanted
            record["producer"], record["consumer"] = (
                -1 if queue is None else queue.index for queue in (store.producer, store.consumer)
            )
        table["sent"] = np.cumsum([0, *items])[:-1]
        return table, sum(items)

    def write_back(self, state: Any) -> None:
        """Gives queues and servers what was found."""
        for at, queue in enumerate(self.queues):
            tasks = state.tasks[self.ends[at] : self.ends[at + 1]]
            queue.next = queue.count
            queue.starts, queue.leaves, queue.arrives = (
                tasks[name].tolist() for name in ("starts", "leaves", "arrives")
            )
            for layer, booked in enumerate(state.waits[at].tolist()):
                # As they were booked: a dict keeps that order.
                causes = sorted((first, c) for c, (_, first) in enumerate(booked) if first)
                queue.waits[layer] = {self.causes[c]: booked[c][0] for _, c in causes}
        for server, blocked in zip(self.servers, state.blocked.tolist(), strict=True):
            server.blocked = blocked
