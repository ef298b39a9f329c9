"""Whether the flows and components of an arch make a machine: what no key can say alone."""

from collections.abc import Iterator, Mapping

from archsim.arch.component import Component
from archsim.arch.records import FlowRecord
from archsim.formats.errors import Problem
from archsim.formats.source import unknown
from archsim.formats.yaml12 import Document

Flows = Mapping[str, FlowRecord | None]
Components = Mapping[str, Component | None]


def check(document: Document, flows: Flows, components: Components) -> Iterator[Problem]:
    """Everything wrong between flows and components; None stands for one that is wrong itself."""
    for name, flow in flows.items():
        if flow:
            yield from _path(document, name, flow, components)
    sound = {
        name: flow for name, flow in flows.items() if flow and components.keys() >= {*flow.path}
    }
    if len(sound) == len(flows):
        yield from _unused(document, sound, components)
        yield from _roles(document, sound)
        yield from _room(document, sound, components)


def compute_component(flows: Mapping[str, FlowRecord]) -> str | None:
    """Where every result begins: the compute array. None if results do not agree on one."""
    begins = {flow.path[0] for flow in flows.values() if flow.role == "result"}
    return begins.pop() if len(begins) == 1 else None


def _path(
    document: Document, name: str, flow: FlowRecord, components: Components
) -> Iterator[Problem]:
    for index, part in enumerate(flow.path):
        place = document.place("flows", name, "path", index)
        if part not in components:
            yield Problem(place, f"flow {name!r}: {unknown('component', part, components)}")
        elif part in flow.path[:index]:
            yield Problem(place, f"flow {name!r} passes {part!r} twice")
    parts = [components.get(part) for part in flow.path]
    known = [part for part in parts if part]
    if len(known) < len(parts):
        return
    outer = 0 if flow.role in _INWARD else len(parts) - 1
    for index, each in enumerate(known):
        if (each.kind == "off_chip") == (index == outer):
            continue
        # Results end where other flows begin, which `_roles` checks.
        if index != outer or flow.role != "result":
            yield Problem(
                document.place("flows", name, "path", index),
                f"flow {name!r}: {flow.path[index]!r} is of kind {each.kind!r}; off-chip memory, a "
                "class of kind 'off_chip' such as Dram, is the outer end of a flow and only that",
            )
    if all(each.kind != "storage" for each in known):
        stores = [each for each, part in components.items() if part and part.kind == "storage"]
        yield Problem(
            document.place("flows", name, "path"),
            f"flow {name!r} has no storage on it: nothing holds its data between DRAM and the "
            f"array; put a buffer on it ({', '.join(stores) or 'a GlobalBuffer'})",
        )


def _unused(
    document: Document, flows: Mapping[str, FlowRecord], components: Components
) -> Iterator[Problem]:
    used = {part for flow in flows.values() for part in flow.path}
    for name in components:
        if name not in used:
            place = document.key_place("components", name)
            yield Problem(place, f"component {name!r} is on no flow, so nothing would use it")


def _room(
    document: Document, flows: Mapping[str, FlowRecord], components: Components
) -> Iterator[Problem]:
    """A buffer is shared out evenly over its flows, and no part of it is empty."""
    for name, part in components.items():
        if part is None or part.kind != "storage":
            continue
        users = sum(name in flow.path for flow in flows.values())
        capacity = getattr(part, "capacity_bytes", 0)
        if capacity < users:
            yield Problem(
                document.place("components", name),
                f"{name} holds {capacity} bytes for {users} flows; each needs one at least, so "
                "enlarge it",
            )


def _roles(document: Document, flows: Mapping[str, FlowRecord]) -> Iterator[Problem]:
    roles = {flow.role for flow in flows.values()}
    for role in ("moving", "result"):
        if role not in roles:
            yield Problem(document.key_place("flows"), f"no flow has the role {role!r}")
    if not {"moving", "result"} <= roles:
        return
    compute = compute_component(flows)
    inward = {name: flow.path for name, flow in flows.items() if flow.role in _INWARD}
    if compute is None:
        begins = sorted({flow.path[0] for flow in flows.values() if flow.role == "result"})
        yield Problem(
            document.key_place("flows"),
            f"results begin at {' and '.join(begins)}; they begin at one component, the array",
        )
        return
    # A flow may stop short of the array where it is used up on the way of another one: an index
    # ends at the selector that the input passes.
    reached = {part for path in inward.values() if path[-1] == compute for part in path}
    for name, path in inward.items():
        if path[-1] != compute and path[-1] not in reached:
            yield Problem(
                document.place("flows", name, "path", len(path) - 1),
                f"flow {name!r} ends at {path[-1]!r}; results begin at {compute!r}, so it must "
                "end there or on the way of a flow that does",
            )
    sources = dict.fromkeys(path[0] for path in inward.values())
    for name, flow in flows.items():
        if flow.role == "result" and flow.path[-1] not in sources:
            yield Problem(
                document.place("flows", name, "path", len(flow.path) - 1),
                f"flow {name!r} ends at {flow.path[-1]!r}; results end where the other flows "
                f"begin: {', '.join(sources)}",
            )


_INWARD = ("moving", "stationary")
