"""The paths of an arch's flows: which begin and end in the array, and the ports they pass."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from archsim.arch.arch import Arch
from archsim.machines.shared.machine import storage_of
from archsim.timing.program import Port

UNBOUNDED = 2**62  # longer than any transfer


@lru_cache(maxsize=1024)
def inbound(arch: Arch) -> Sequence[str]:
    """Flows that end in the array."""
    return tuple(name for name, flow in arch.flows.items() if flow.path[0] != arch.compute)


@lru_cache(maxsize=1024)
def outbound(arch: Arch) -> Sequence[str]:
    """Flows that begin in the array."""
    return tuple(name for name, flow in arch.flows.items() if flow.path[0] == arch.compute)


@lru_cache(maxsize=1024)
def burst_of(arch: Arch, flow: str) -> int:
    """Bytes that the path of a flow carries at a stretch."""
    bursts = [arch.components[name].longest_burst for name in arch.flows[flow].path]
    return min((burst for burst in bursts if burst is not None), default=UNBOUNDED)


def array_parts(arch: Arch) -> list[str]:
    """What runs inside a step: the components between the flows' last buffers and the results'
    first ones.
    """
    parts: dict[str, None] = {}
    for name in [*inbound(arch), *outbound(arch)]:
        path = arch.flows[name].path
        buffer = path.index(storage_of(arch, name))
        inner = path[:buffer] if path[0] == arch.compute else path[buffer + 1 :]
        parts.update(dict.fromkeys(inner))
    return list(parts)


def links(arch: Arch, flow: str) -> Iterator[list[Port]]:
    """The stretches of a flow's path that stream as one: from memory or a buffer to the next."""
    path = arch.flows[flow].path
    kinds = [arch.components[name].kind for name in path]
    stops = [k for k, kind in enumerate(kinds) if kind in {"off_chip", "storage"}]
    for start, end in pairwise(stops):
        yield [
            Port(path[start], "read" if kinds[start] == "storage" else None),
            *map(Port, path[start + 1 : end]),
            Port(path[end], "fill" if kinds[end] == "storage" else None),
        ]


def ports_of(arch: Arch, name: str) -> list[Port]:
    """The servers of a component: both sides of a buffer, as one bank fills while another is read
    and neither waits for the other.
    """
    if arch.components[name].kind == "storage":
        return [Port(name, "fill"), Port(name, "read")]
    return [Port(name)]
