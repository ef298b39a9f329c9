"""The picture of a machine that its own description implies: where each component stands.

A layered drawing after Sugiyama, Tagawa and Toda (1981), in its simplest form: columns by the
longest path from the DRAM, rows by the mean row of the neighbours, unseen way points where a flow
passes a column. `diagram_svg` draws it; `text` is the same for a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import fsum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx as nx

    from archsim.arch.arch import Arch

SWEEPS = 8  # passes over the columns; a machine of ten components settles after three or four


@dataclass(frozen=True)
class Lane:
    """A flow as a diagram shows it: its role in the machine, and the components that it passes."""

    name: str
    role: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class Sketch:
    """What a diagram shows of a machine: its flows, and the class of each component."""

    name: str
    flows: Mapping[str, Lane]
    classes: Mapping[str, str]


def sketch_of(arch: Arch) -> Sketch:
    """A machine that is loaded."""
    return sketch_in(arch.name, arch.resolved)


def sketch_in(name: str, resolved: Mapping[str, Any]) -> Sketch:
    """A machine as a result holds it (`arch_resolved`); neither its file nor its rule is needed."""
    flows = {
        flow: Lane(flow, keys["role"], tuple(keys["path"]))
        for flow, keys in resolved["flows"].items()
    }
    return Sketch(
        name, flows, {part: keys["class"] for part, keys in resolved["components"].items()}
    )


@dataclass(frozen=True)
class Wire:
    """A flow from one component to the next, and the way points between them."""

    flow: str
    source: str
    target: str
    via: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Columns from left to right of names from top to bottom, way points (in no component's name)
    included, and the wires between them."""

    columns: tuple[tuple[str, ...], ...]
    wires: tuple[Wire, ...]

    def column(self, name: str) -> int:
        """The column in which `name` stands."""
        return next(at for at, names in enumerate(self.columns) if name in names)


def text(arch: Arch) -> str:
    """The flows of a machine, a line each, and its components with their values."""
    names = max(len(name) for name in (*arch.flows, *arch.components))
    roles = max(len(flow.role) for flow in arch.flows.values())
    lines = [f"{arch.name}: {arch.clock_mhz:g} MHz, weights {arch.weights}, task {arch.task}", ""]
    lines += [
        f"{flow.name:{names}}  {flow.role:{roles}}  {' -> '.join(flow.path)}"
        for flow in arch.flows.values()
    ]
    lines.append("")
    for name, component in arch.components.items():
        fields = ", ".join(f"{key} {_said(value)}" for key, value in component.model_dump().items())
        lines.append(f"{name:{names}}  {type(component).__name__}: {fields}")
    return "\n".join(lines)


def layout(sketch: Sketch) -> Layout:
    """Place every component of a machine."""
    graph = _forward(sketch)
    columns = _columns(graph)
    place = {name: at for at, names in enumerate(columns) for name in names}
    wires = []
    for number, (flow, source, target) in enumerate(_hops(sketch)):
        between = range(place[source] + 1, place[target])
        via = tuple(f"{number}:{column}" for column in between)
        for column, point in zip(between, via, strict=True):
            columns[column].append(point)
        wires.append(Wire(flow, source, target, via))
    _order(columns, wires)
    return Layout(tuple(tuple(names) for names in columns), tuple(wires))


def _hops(sketch: Sketch) -> Iterator[tuple[str, str, str]]:
    for flow in sketch.flows.values():
        for source, target in pairwise(flow.path):
            yield flow.name, source, target


def _forward(sketch: Sketch) -> nx.DiGraph[str]:
    """The flows' steps less those that lead back: results return to where the inputs came from."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(sketch.classes)
    results = [flow.name for flow in sketch.flows.values() if flow.role in {"result", "update"}]
    steps = sorted(_hops(sketch), key=lambda hop: hop[0] in results)
    for _, source, target in steps:
        if source != target and not nx.has_path(graph, target, source):
            graph.add_edge(source, target)
    return graph


def _columns(graph: nx.DiGraph[str]) -> list[list[str]]:
    """The components by the length of the longest path that leads to them."""
    import networkx as nx

    return [list(names) for names in nx.topological_generations(graph)]


def _order(columns: list[list[str]], wires: list[Wire]) -> None:
    """Sort each column by the mean row of its neighbours, in both directions in turn."""
    near: dict[str, set[str]] = {name: set() for names in columns for name in names}
    for wire in wires:
        for one, other in pairwise((wire.source, *wire.via, wire.target)):
            near[one].add(other)
            near[other].add(one)
    for sweep in range(SWEEPS):
        rows = _rows(columns)
        for names in columns[:: -1 if sweep % 2 else 1]:
            means = {
                name: fsum(rows[other] for other in near[name]) / len(near[name])
                if near[name]
                else rows[name]
                for name in names
            }
            names.sort(key=means.__getitem__)
            rows |= _rows([names])


def _rows(columns: list[list[str]]) -> dict[str, float]:
    """Each name's row, counted from the middle of its column."""
    return {name: row - (len(names) - 1) / 2 for names in columns for row, name in enumerate(names)}


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_said(inner)}" for key, inner in value.items()) + "}"
    return "null" if value is None else str(value)
