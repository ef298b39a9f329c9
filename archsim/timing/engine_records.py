"""A program and the state of its run as arrays of records, for the compiled loop of `engine_loop`.

Their fields carry the names of `engine_state`. Lists that belong to a queue lie one after the other
in an array, and a queue has where its own begin and end.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archsim.machines.shared.geometry import Ints

Records = NDArray[np.void]


def _record(names: str) -> Any:
    return np.dtype([(name, np.int64) for name in names.split()])


QUEUE = _record(
    "first count next left_at leaves_at free_at ready_at arrived touched cause waiting_since "
    "blocking blocked_since soonest_everywhere "
    "takes takes_end puts puts_end common common_end own own_end watchers watchers_end"
)
STORE = _record("ahead capacity held sizes arrivals sent released wanted beyond producer consumer")
SERVER = _record("free_at blockers since blocked_layer")
TASK = _record(
    "queue order longest latency layer due heard gates gates_end starts leaves arrives pending"
)
TAKE = _record("store cause need done")
PUT = _record("store units")
VISIT = _record("server cycles")
GATE = _record("queue count")


class Played(NamedTuple):
    """A program and its state. `numbers` holds the columns of takes, puts and visits, each from
    the place on that they name, an entry per task. `sent` adds up the bytes of each store's items
    in their order, a zero first. `shared` (queues, queues) has the ways in which two decide.
    `blocked` is (servers, layers); `waits` (queues, layers, causes) has cycles, and the order in
    which each was first booked, from 1 on. `looks` has room for the
    cycles in which servers will be free that a queue waits for: one per queue and server.
    """

    queues: Records
    stores: Records
    servers: Records
    tasks: Records
    takes: Records
    puts: Records
    visits: Records
    gates: Records
    watchers: Ints
    numbers: Ints
    sent: Ints
    shared: Ints
    blocked: Ints
    waits: Ints
    looks: Ints
