"""Is time right? The engine against two oracles that share no code with it.

Chains and joins whose servers belong to one hop each obey a max-plus recurrence, solved here as a
least fixed point. Flows that share servers are played by a loop that looks at every cycle.
"""

import numpy as np
import pytest

from archsim.timing import engine
from archsim.timing.program import (
    FIRST_COME,
    FIXED,
    SOONEST,
    Hop,
    Port,
    Program,
    Put,
    ServerSpec,
    StoreSpec,
    Take,
)


def random_program(rng, shared):
    """Chains of one to three hops that end in a join, which feeds a chain out. Servers shared if
    asked.
    """
    tasks = int(rng.integers(1, 9))
    arms = int(rng.integers(1, 5 if shared else 4))
    servers, stores, hops = [], [], []
    pool = [int(i) for i in range(int(rng.integers(1, 4)))] if shared else []
    servers += [
        ServerSpec(Port(f"shared{i}"), str(rng.choice([FIXED, FIRST_COME, SOONEST]))) for i in pool
    ]

    def own_servers(count):
        first = len(servers)
        servers.extend(ServerSpec(Port(f"own{first + i}")) for i in range(count))
        return list(range(first, first + count))

    def some_servers():
        if not shared:
            return own_servers(int(rng.integers(1, 3)))
        return sorted(
            rng.choice(pool, size=int(rng.integers(1, len(pool) + 1)), replace=False).tolist()
        )

    def durations(chosen, n):
        return [rng.integers(0, 7, n).tolist() for _ in chosen]

    def dues(n):
        return np.sort(rng.integers(0, 12, n)).tolist()

    def latencies(n):
        return [int(rng.integers(0, 4))] * n

    def add_store(units):
        ahead = int(rng.integers(0, 20))
        capacity = max(units, default=1) * int(rng.integers(1, 4)) if rng.random() < 0.5 else 10**9
        stores.append(StoreSpec(f"store{len(stores)}", ahead, capacity))
        return len(stores) - 1

    def one_to_one(store, n):
        return Take(store, list(range(1, n + 1)), list(range(1, n + 1)), f"wait{store}")

    join_takes = []
    for _ in range(arms):
        loads = int(rng.integers(1, tasks + 1))
        store = None
        for _ in range(int(rng.integers(1, 3 if shared else 4))):
            units = rng.integers(1, 9, loads).tolist()
            takes = () if store is None else (one_to_one(store, loads),)
            store = add_store(units)
            chosen = some_servers()
            hops.append(
                Hop(
                    f"arm{len(hops)}",
                    chosen,
                    durations(chosen, loads),
                    [0] * loads,
                    latencies(loads),
                    takes,
                    (Put(store, units),),
                    due=dues(loads),
                )
            )
        # One load may serve several tasks of the join, and is given up after the last of them.
        need = np.sort(rng.integers(1, loads + 1, tasks))
        need[-1] = loads
        need = np.maximum.accumulate(np.minimum(need, np.arange(1, tasks + 1) + loads - 1)).tolist()
        capacity_steps = max(b - a for a, b in zip([0, *need], need, strict=False))
        if capacity_steps > 1:  # a task that needs several loads needs their space
            old = stores[store]
            stores[store] = StoreSpec(old.name, old.ahead, 10**9)
        done = [
            need[k + 1] - 1 if k + 1 < tasks and need[k + 1] == need[k] else need[k]
            for k in range(tasks)
        ]
        done = np.maximum.accumulate([min(d, n) for d, n in zip(done, need, strict=True)]).tolist()
        join_takes.append(Take(store, need, done, "join"))
    units = [int(u) if rng.random() < 0.8 else 0 for u in rng.integers(1, 9, tasks)]
    out = add_store(units)
    chosen = own_servers(int(rng.integers(1, 4)))
    hops.append(
        Hop(
            "join",
            chosen,
            durations(chosen, tasks),
            [0] * tasks,
            [0] * tasks,
            tuple(join_takes),
            (Put(out, units),),
        )
    )
    stored = sum(1 for u in units if u)
    if stored:
        chosen = some_servers()
        gates = [()] * stored
        hops.append(
            Hop(
                "out",
                chosen,
                durations(chosen, stored),
                [0] * stored,
                latencies(stored),
                (one_to_one(out, stored),),
                (),
                gates,
                dues(stored),
            )
        )
    return Program(tuple(servers), tuple(stores), tuple(hops), 1)


def producers_and_consumers(program):
    producer, consumer = {}, {}
    for h, hop in enumerate(program.hops):
        for put in hop.puts:
            items = [k for k, units in enumerate(put.units) if units]
            producer[put.store] = (h, items, [put.units[k] for k in items])
        for take in hop.takes:
            consumer[take.store] = (h, take)
    return producer, consumer


def max_plus(program):
    """Least solution of: a task starts when the one before left, its items arrived and its space is
    free.
    """
    sides = producer, _ = producers_and_consumers(program)
    start = [[0] * len(hop) for hop in program.hops]
    length = [[max(c[k] for c in hop.cycles) for k in range(len(hop))] for hop in program.hops]

    def leave(h, k):
        return start[h][k] + length[h][k]

    changed = True
    while changed:
        changed = False
        for h, hop in enumerate(program.hops):
            for k in range(len(hop)):
                bound = [leave(h, k - 1)] if k else [0]
                for take in hop.takes:
                    source, items, _ = producer[take.store]
                    if take.need[k]:
                        task = items[take.need[k] - 1]
                        bound.append(leave(source, task) + program.hops[source].latency[task])
                bound += [
                    space_free(program, put.store, k, sides, leave)
                    for put in hop.puts
                    if put.units[k]
                ]
                if max(bound) > start[h][k]:
                    start[h][k] = max(bound)
                    changed = True
    return start


def too_far(spec, units, item, needed):
    """Whether an item lies too far ahead of a consumer whose task needs the first `needed`."""
    return item >= needed and sum(units[needed : item + 1]) > spec.ahead


def space_free(program, store, task, sides, leave):
    """When both a place and the bytes for this item are free."""
    producer, consumer = sides
    if store not in consumer:
        return 0
    _, items, units = producer[store]
    sink, take = consumer[store]
    j = items.index(task)
    spec, n = program.stores[store], len(take.need)
    finished = next(
        c for c in range(n + 1) if not too_far(spec, units, j, take.need[min(c, n - 1)])
    )
    bound = leave(sink, finished - 1) if finished else 0
    gone = next(r for r in range(j + 1) if sum(units[r : j + 1]) <= spec.capacity)
    if gone:
        last = next(c for c in range(n) if take.done[c] >= gone)
        bound = max(bound, leave(sink, last))
    return bound


@pytest.mark.parametrize("block", range(10))
def test_chains_and_joins_keep_the_max_plus_recurrence(block):
    for case in range(60):
        program = random_program(np.random.default_rng([block, case]), shared=False)
        assert engine.run(program).starts == max_plus(program), (block, case)


def every_cycle(program):
    """Looks at each cycle: what ends, then what starts, by the arbitration of the servers."""
    producer, consumer = producers_and_consumers(program)
    hops = program.hops
    start = [[None] * len(hop) for hop in hops]
    ready_since = [None] * len(hops)
    free_at = [0] * len(program.servers)

    def ends(h, k):
        return start[h][k] + max(c[k] for c in hops[h].cycles)

    def left(h, now):
        return sum(1 for k in range(len(hops[h])) if start[h][k] is not None and ends(h, k) <= now)

    def arrived(h, now):
        return [
            k
            for k in range(len(hops[h]))
            if start[h][k] is not None and ends(h, k) + hops[h].latency[k] <= now
        ]

    def allowed(h, k, now):
        for take in hops[h].takes:
            source, items, _ = producer[take.store]
            if sum(1 for i in items if i in arrived(source, now)) < take.need[k]:
                return False
        for put in hops[h].puts:
            if not put.units[k] or put.store not in consumer:
                continue
            _, items, units = producer[put.store]
            sink, take = consumer[put.store]
            spec, j = program.stores[put.store], items.index(k)
            finished = left(sink, now)
            if too_far(spec, units, j, take.need[min(finished, len(take.need) - 1)]):
                return False
            gone = take.done[finished - 1] if finished else 0
            if sum(units[gone : j + 1]) > spec.capacity:
                return False
        return True

    def following(h):
        return next((k for k in range(len(hops[h])) if start[h][k] is None), None)

    now = 0
    while any(following(h) is not None for h in range(len(hops))):
        assert now < 5000
        while True:
            able = []
            for h, hop in enumerate(hops):
                k = following(h)
                if k is None or not allowed(h, k, now):
                    ready_since[h] = None
                    continue
                if ready_since[h] is None:
                    ready_since[h] = now
                if all(free_at[s] <= now for s in hop.servers):
                    able.append(h)
            chosen = undominated(program, able, ready_since, following)
            if chosen is None:
                break
            k = following(chosen)
            start[chosen][k] = now
            ready_since[chosen] = None
            for s, cycles in zip(hops[chosen].servers, hops[chosen].cycles, strict=True):
                free_at[s] = now + cycles[k]
        now += 1
    return start


def undominated(program, able, ready_since, following):
    def due(h):
        return program.hops[h].due[following(h)] if program.hops[h].due else 0

    able = sorted(able, key=lambda h: (due(h), ready_since[h], h))
    for h in able:
        beaten = False
        for other in able:
            for s in set(program.hops[h].servers) & set(program.hops[other].servers):
                if program.servers[s].arbitration == FIXED:
                    beaten |= other < h
                elif program.servers[s].arbitration == SOONEST:
                    beaten |= (due(other), ready_since[other], other) < (due(h), ready_since[h], h)
                else:
                    beaten |= (ready_since[other], other) < (ready_since[h], h)
        if not beaten:
            return h
    return able[0] if able else None


@pytest.mark.parametrize("block", range(5))
def test_shared_servers_keep_the_cycle_by_cycle_loop(block):
    for case in range(50):
        program = random_program(np.random.default_rng([7, block, case]), shared=True)
        assert engine.run(program).starts == every_cycle(program), (block, case)
