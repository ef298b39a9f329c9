"""The loop of `engine` over the cycles of a program, compiled by numba: the same decisions on the
same numbers, in the same order. `engine_compiled` lays a program out for it, in `engine_records`.
"""

import numpy as np

from archsim.formats.machine_code import called, machine_code
from archsim.machines.shared.geometry import Ints
from archsim.timing.engine_records import Played

NEVER = 2**62
FREE, GATED, NO_SPACE = 0, 1, 2
"""Causes of a wait; those of takes are numbered from 3 on."""
SOONEST, FIRST_COME, FIXED = 1, 2, 4
"""Ways to arbitrate, as the flags in which queues that share servers note them."""


@called
def _settle(p: Played, server: int, now: int) -> None:
    one = p.servers[server]
    since = max(one.since, one.free_at)
    if one.blockers and now > since:
        p.blocked[server, one.blocked_layer] += now - since
    one.since = now


@called
def _unmet(p: Played, h: int) -> int:
    queue = p.queues[h]
    k = queue.next
    for at in range(queue.takes, queue.takes_end):
        take = p.takes[at]
        if p.stores[take.store].arrivals < p.numbers[take.need + k]:
            return int(take.cause)
    task = p.tasks[queue.first + k]
    for at in range(task.gates, task.gates_end):
        if p.queues[p.gates[at].queue].arrived < p.gates[at].count:
            return GATED
    for at in range(queue.puts, queue.puts_end):
        units, store = p.numbers[p.puts[at].units + k], p.stores[p.puts[at].store]
        if units:
            near = store.sizes < store.wanted or store.beyond + units <= store.ahead
            if not near or store.held + units > store.capacity:
                return NO_SPACE
    return FREE


@called
def _block(p: Played, h: int, now: int) -> None:
    queue = p.queues[h]
    queue.blocking = 1 - queue.blocking
    layer = p.tasks[queue.first + queue.next].layer
    for at in range(queue.common, queue.common_end):
        _settle(p, p.visits[at].server, now)
        server = p.servers[p.visits[at].server]
        server.blockers += 1 if queue.blocking else -1
        server.blocked_layer = layer
    if queue.blocking:
        queue.blocked_since = now
        return
    last = queue.next - 1
    for at in range(queue.own, queue.own_end):
        since = queue.blocked_since
        if last >= 0:
            ended = p.tasks[queue.first + last].starts + p.numbers[p.visits[at].cycles + last]
            since = max(since, ended)
        if now > since:
            p.blocked[p.visits[at].server, layer] += now - since


@called
def _look(p: Played, now: int, booked: int) -> int:
    for h in range(p.queues.size):
        queue = p.queues[h]
        if not queue.touched:
            continue
        queue.touched = 0
        if queue.ready_at >= 0 or queue.next == queue.count:
            continue
        cause = _unmet(p, h)
        if cause != queue.cause:
            since = max(queue.waiting_since, queue.left_at)
            if queue.cause and now > since:
                layer = p.tasks[queue.first + queue.next].layer
                if p.waits[h, layer, queue.cause, 0] == 0:
                    booked += 1
                    p.waits[h, layer, queue.cause, 1] = booked
                p.waits[h, layer, queue.cause, 0] += now - since
            queue.cause = cause
            queue.waiting_since = now
            if (cause == NO_SPACE) != queue.blocking:
                _block(p, h, now)
        if cause == FREE:
            queue.ready_at = now
    return booked


@called
def _leave(p: Played, h: int, k: int) -> None:
    queue = p.queues[h]
    following = min(k + 1, queue.count - 1)
    for at in range(queue.takes, queue.takes_end):
        take = p.takes[at]
        store = p.stores[take.store]
        done, need = p.numbers[take.done + k], p.numbers[take.need + following]
        if done > store.released:
            upto = min(done, store.sizes)
            store.held -= p.sent[store.sent + upto] - p.sent[store.sent + store.released]
            store.released = done
        if need > store.wanted:
            upto, since = min(need, store.sizes), min(store.wanted, store.sizes)
            store.beyond -= p.sent[store.sent + upto] - p.sent[store.sent + since]
            store.wanted = need
        if store.producer >= 0:
            p.queues[store.producer].touched = 1


@called
def _arrive(p: Played, h: int, k: int) -> None:
    queue = p.queues[h]
    queue.arrived = k + 1
    for at in range(queue.puts, queue.puts_end):
        if p.numbers[p.puts[at].units + k]:
            store = p.stores[p.puts[at].store]
            store.arrivals += 1
            if store.consumer >= 0:
                p.queues[store.consumer].touched = 1
    for at in range(queue.watchers, queue.watchers_end):
        p.queues[p.watchers[at]].touched = 1


@called
def _start(p: Played, h: int, now: int, pending: int) -> int:
    """Starts a queue's next task; how many arrivals are then pending."""
    queue, k = p.queues[h], p.queues[h].next
    task = p.tasks[queue.first + k]
    for at in range(queue.puts, queue.puts_end):
        units, store = p.numbers[p.puts[at].units + k], p.stores[p.puts[at].store]
        if units:
            if store.sizes >= store.wanted:
                store.beyond += units
            p.sent[store.sent + store.sizes + 1] = p.sent[store.sent + store.sizes] + units
            store.sizes += 1
            store.held += units
    for at in range(queue.common, queue.common_end):
        cycles = p.numbers[p.visits[at].cycles + k]
        if cycles:
            if p.servers[p.visits[at].server].blockers:
                _settle(p, p.visits[at].server, now)
            p.servers[p.visits[at].server].free_at = now + cycles
    queue.ready_at = -1
    queue.waiting_since = now
    queue.next = k + 1
    queue.touched = 1
    queue.left_at = queue.free_at = now + task.longest
    task.starts, task.leaves = now, queue.left_at
    task.arrives = queue.left_at + task.latency
    if queue.takes < queue.takes_end:
        if task.longest:
            queue.leaves_at = queue.left_at
        else:
            _leave(p, h, k)
    if task.heard:
        if task.arrives > now:
            _push(p, pending, queue.first + k)
            return pending + 1
        _arrive(p, h, k)
    return pending


@called
def _later(p: Played, one: int, other: int) -> bool:
    """Whether a task arrives after another; of one queue they arrive in their order."""
    a, b = p.tasks[one].arrives, p.tasks[other].arrives
    return bool(a > b or (a == b and one > other))


@called
def _push(p: Played, size: int, task: int) -> None:
    """Adds a task to those whose arrival is pending, a heap in the tasks' own field."""
    while size and _later(p, p.tasks[(size - 1) >> 1].pending, task):
        p.tasks[size].pending = p.tasks[(size - 1) >> 1].pending
        size = (size - 1) >> 1
    p.tasks[size].pending = task


@called
def _pop(p: Played, size: int) -> int:
    """Takes the task that arrives first from the heap, which has `size` then."""
    first, moved, at = p.tasks[0].pending, p.tasks[size].pending, 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _later(p, p.tasks[child].pending, p.tasks[child + 1].pending):
            child += 1
        if not _later(p, moved, p.tasks[child].pending):
            break
        p.tasks[at].pending = p.tasks[child].pending
        at = child
    p.tasks[at].pending = moved
    return int(first)


@called
def _before(p: Played, one: int, other: int, way: int) -> bool:
    """Whether the rank of one queue is lower than another's."""
    a, b = p.queues[one], p.queues[other]
    if way == SOONEST:
        due, later = p.tasks[a.first + a.next].due, p.tasks[b.first + b.next].due
        if due != later:
            return bool(due < later)
    if way != FIXED and a.ready_at != b.ready_at:
        return bool(a.ready_at < b.ready_at)
    return one < other


@called
def _preceded(p: Played, h: int, now: int) -> bool:
    for other in range(p.queues.size):
        queue = p.queues[other]
        if other == h or queue.ready_at < 0 or queue.free_at > now:
            continue
        for way in (SOONEST, FIRST_COME, FIXED):
            if p.shared[h, other] & way and _before(p, other, h, way):
                return True
    return False


@called
def _first(p: Played, now: int) -> int:
    """The queue to start, of those that are ready and find their servers free; -1 if none."""
    first = free = -1
    for h in range(p.queues.size):
        queue = p.queues[h]
        if queue.ready_at < 0 or queue.free_at > now:
            continue
        if first < 0 or _before(p, h, first, SOONEST):
            first = h
    if first < 0 or p.queues[first].soonest_everywhere:
        return first
    for h in range(p.queues.size):
        queue = p.queues[h]
        if queue.ready_at < 0 or queue.free_at > now or _preceded(p, h, now):
            continue
        if free < 0 or _before(p, h, free, SOONEST):
            free = h
    return first if free < 0 else free


@called
def _free_again(p: Played, now: int) -> int:
    """Looks when the servers of each ready queue are free; the first such cycle to come."""
    soonest = NEVER
    for h in range(p.queues.size):
        queue = p.queues[h]
        if queue.ready_at < 0:
            continue
        if queue.free_at <= now and queue.common < queue.common_end:
            queue.free_at = queue.left_at
            for at in range(queue.common, queue.common_end):
                queue.free_at = max(queue.free_at, p.servers[p.visits[at].server].free_at)
        if queue.free_at > now:
            soonest = min(soonest, queue.free_at)
    return int(soonest)


@called
def _settle_cycle(p: Played, now: int, counts: Ints) -> None:
    """Starts what can start; `counts` are arrivals pending, waits booked, cycles in `looks`."""
    counts[1] = _look(p, now, counts[1])
    while True:
        soonest = _free_again(p, now)
        first = _first(p, now)
        if first >= 0:
            counts[0] = _start(p, first, now, counts[0])
            counts[1] = _look(p, now, counts[1])
            continue
        if soonest < NEVER:
            for at in range(counts[2]):
                if p.looks[at] == soonest:
                    return
            p.looks[counts[2]] = soonest
            counts[2] += 1
        return


@called
def _next_cycle(p: Played, counts: Ints) -> int:
    """The first cycle in which something is due."""
    cycle = NEVER
    for h in range(p.queues.size):
        cycle = min(cycle, p.queues[h].leaves_at)
    if counts[0]:
        cycle = min(cycle, p.tasks[p.tasks[0].pending].arrives)
    for at in range(counts[2]):
        cycle = min(cycle, p.looks[at])
    return int(cycle)


@machine_code
def play(p: Played) -> int:
    """Plays a program until nothing is due any more; how many events that takes."""
    now, events, counts = 0, 0, np.zeros(3, np.int64)
    while True:
        _settle_cycle(p, now, counts)
        now = _next_cycle(p, counts)
        if now == NEVER:
            return events
        events += 1
        for h in range(p.queues.size):
            if p.queues[h].leaves_at == now:
                p.queues[h].leaves_at = NEVER
                _leave(p, h, p.queues[h].next - 1)
        while counts[0] and p.tasks[p.tasks[0].pending].arrives == now:
            counts[0] -= 1
            task = p.tasks[_pop(p, counts[0])]
            _arrive(p, task.queue, task.order)
        for at in range(counts[2] - 1, -1, -1):
            if p.looks[at] == now:
                counts[2] -= 1
                p.looks[at] = p.looks[counts[2]]
