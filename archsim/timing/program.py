"""What the engine runs: servers, stores and hops, as plain frozen data.

A *server* is one component of the machine, or one side of a buffer, and carries one task at a time.
A *store* is the storage of one flow on one buffer, bounded in bytes held and bytes fetched ahead.
A *hop* moves the tasks of one flow, in order, from store to store through servers that it holds
together, so a DMA streams from DRAM and does not store and forward. The compute array is a hop too:
it takes from several stores and puts into others.

Nothing here knows layers, tensors or hardware; `archsim.timing.schedule` writes programs,
`archsim.timing.engine` runs them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from archsim.arch.component import Arbitration

Gate = tuple[tuple[int, int], ...]
"""(hop index, count) pairs: a task waits until each hop has finished so many tasks."""

SOONEST: Arbitration = "soonest"
FIRST_COME: Arbitration = "first_come"
FIXED: Arbitration = "fixed"
HopKind = Literal["fetch", "pass", "compute", "store"]
"""From DRAM, between two buffers, in the array, or into DRAM."""


class Port(NamedTuple):
    """A server as a place: a component, and of a buffer the side that is filled or read."""

    component: str
    side: Literal["fill", "read"] | None = None

    @property
    def name(self) -> str:
        """As traces show it."""
        return f"{self.component}.{self.side}" if self.side else self.component


@dataclass(frozen=True)
class ServerSpec:
    """One port as the engine sees it.

    `arbitration` decides between hops that want it in the same cycle: `soonest` prefers the one
    whose task is due first and, of those, the one that has been ready longest, as `first_come` does
    at once; `fixed` prefers the one that stands first in the program. Ties fall to the program's
    order.
    """

    port: Port
    arbitration: Arbitration = FIRST_COME


@dataclass(frozen=True)
class StoreSpec:
    """Storage between two hops, in units (bytes).

    `ahead` bounds the items on their way or waiting that the consumer's present task does not need:
    half the capacity is ping-pong, 0 leaves no overlap. `capacity` bounds all items held.
    """

    name: str
    ahead: int
    capacity: int


@dataclass(frozen=True)
class Take:
    """What the tasks of a hop take from a store.

    Before task k starts, `need[k]` items must have arrived in all; when it has left its servers,
    the first `done[k]` items are given up. Both never fall. `cause` names the wait in the results.
    """

    store: int
    need: Sequence[int]
    done: Sequence[int]
    cause: str


@dataclass(frozen=True)
class Put:
    """What the tasks of a hop put into a store: `units[k]` bytes, 0 for no item."""

    store: int
    units: Sequence[int]


@dataclass(frozen=True)
class Hop:
    """Tasks 0 .. n-1, in order, each holding all its servers from its start, each server for its
    own cycles.

    `cycles[s][k]` is the time of server s in task k. A task has left when its last server is free,
    and has arrived `latency[k]` cycles later: latency delays the data and occupies nothing.
    `layer[k]` is whose it is, `due[k]` the place in time at which it is wanted, in steps of the
    array: only their order counts.
    """

    name: str
    servers: Sequence[int]
    cycles: Sequence[Sequence[int]]
    layer: Sequence[int]
    latency: Sequence[int]
    takes: Sequence[Take] = ()
    puts: Sequence[Put] = ()
    gates: Sequence[Gate] | None = None
    due: Sequence[int] | None = None
    kind: HopKind = "pass"

    def __len__(self) -> int:
        return len(self.layer)


@dataclass(frozen=True)
class Program:
    """A whole network on one machine, ready to run."""

    servers: Sequence[ServerSpec]
    stores: Sequence[StoreSpec]
    hops: Sequence[Hop]
    layers: int

    def index_of(self, kind: HopKind) -> int:
        """The index of the one hop of that kind."""
        (index,) = (h for h, hop in enumerate(self.hops) if hop.kind == kind)
        return index


@dataclass(frozen=True)
class Outcome:
    """What one run did, in cycles.

    `starts[h][k]`, `leaves[h][k]`, `arrives[h][k]` per hop and task; `busy[server][layer]`;
    `waits[hop][layer]` maps a cause to the cycles a hop spent between two tasks for it;
    `blocked[server][layer]` the cycles a server stood still because what it would have carried had
    no place to go; `events` is how many SimPy events the run took.
    """

    cycles: int
    starts: list[list[int]]
    leaves: list[list[int]]
    arrives: list[list[int]]
    busy: list[list[int]]
    waits: list[list[dict[str, int]]]
    blocked: list[list[int]]
    events: int
