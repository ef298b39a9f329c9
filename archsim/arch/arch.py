"""A machine as its YAML file describes it: components wired by flows
(docs/reference/formats.md)."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archsim.arch.change import ARCH_KEYS, Changes, apply, parsed
from archsim.arch.check import check
from archsim.arch.component import Component, Kind, Operand
from archsim.arch.energy_files import tables_named
from archsim.arch.machine_files import blamed, classes_of, machine_files, shipped_classes
from archsim.arch.memory_presets import Asked, completed
from archsim.arch.memory_rows import RowKeys
from archsim.arch.records import ArchFile, BatchOrder, FlowRecord, Role, arch_schema
from archsim.formats.errors import InputError, Problem
from archsim.formats.search import find
from archsim.formats.source import Section, in_file_order, read, unknown
from archsim.formats.widths import DEFAULT_BITS, less_defaults
from archsim.formats.yaml12 import Document

if TYPE_CHECKING:
    import networkx

__all__ = ["Arch", "Flow", "arch_schema", "load_arch"]


@dataclass(frozen=True)
class Flow:
    """Data that pass the components of `path` in that order.

    ``stationary`` data stay in the array while ``moving`` ones pass it; a ``result`` leaves it; an
    ``update`` rewrites weights in training.
    """

    name: str
    role: Role
    path: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Arch:
    """A machine that has been read and checked; all keys, changes and defaults are in it."""

    name: str
    task: Literal["inference", "training"]
    clock_mhz: float
    weights: Literal["dense", "pruned", "smartdeal"]
    machine: str
    energy: str | tuple[str, ...]
    interlayer: Literal["spill", "keep_if_fits"]
    barrier: Literal["input", "layer"]
    flows: dict[str, Flow]
    components: dict[str, Component]
    path: Path
    machine_path: Path
    """The Python file or folder of the machine's rule."""
    energy_paths: tuple[Path, ...]
    """The YAML files of the price tables, a later one before an earlier one."""
    activation_bits: int = DEFAULT_BITS
    weight_bits: int = DEFAULT_BITS
    """Widths in which operands are stored, moved and multiplied."""
    batch_order: BatchOrder = "weights"
    description: str | None = None
    changed: tuple[str, ...] = ()
    """The full paths of keys that were changed against the file."""
    _document: Document | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        changed = f", changed: {len(self.changed)}" if self.changed else ""
        return f"<Arch: {self.name}, {len(self.components)} components{changed}>"

    @cached_property
    def compute(self) -> str:
        """The name of the compute array: the component at which all results begin."""
        return next(flow.path[0] for flow in self.flows.values() if flow.role == "result")

    @cached_property
    def widths(self) -> dict[Operand, int]:
        """Bits of the operands of arithmetic."""
        return {"activation": self.activation_bits, "weight": self.weight_bits}

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """What each component is."""
        return {name: part.kind for name, part in self.components.items()}

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """Every key with its value, defaults included, as plain data in the order of the file."""
        header = {key: getattr(self, key) for key in ARCH_KEYS}
        if isinstance(self.energy, tuple):
            header["energy"] = list(self.energy)
        return {
            **header,
            "flows": {
                name: {"role": flow.role, "path": list(flow.path)}
                for name, flow in self.flows.items()
            },
            "components": {
                name: {"class": type(part).__name__, **part.model_dump(mode="json")}
                for name, part in self.components.items()
            },
        }

    @cached_property
    def keys(self) -> dict[str, Any]:
        """`resolved` with those keys, too, that it has only where a file sets them."""
        parts = {
            name: {**dict.fromkeys(type(part).model_fields), **self.resolved["components"][name]}
            for name, part in self.components.items()
        }
        return {**self.resolved, "components": parts}

    @cached_property
    def written(self) -> dict[str, Any]:
        """`resolved` as results have it: widths of 8 bits are not said."""
        return less_defaults(self.resolved)

    @cached_property
    def hash(self) -> str:
        """blake2b of `written`."""
        text = json.dumps(self.written, sort_keys=True, separators=(",", ":"))
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def value(self, path: str) -> Any:
        """The value of a key by its full path, as it stands in `resolved`; None of a key that is
        not there, as those of rows are not in a memory without."""
        *owner, key = path.split(".")
        here: Any = self.resolved
        for part in owner:
            here = here[part]
        return here.get(key)

    def place(self, key: str) -> str:
        """``file:line:column`` of a key such as ``components.dram.bytes_per_cycle``."""
        return self._document.place(*key.split(".")) if self._document else str(self.path)

    def graph(self) -> networkx.DiGraph[str]:
        """Components as nodes (attribute `component`); an edge has its flows' names as `flows`."""
        import networkx

        graph: networkx.DiGraph[str] = networkx.DiGraph()
        for name, component in self.components.items():
            graph.add_node(name, component=component)
        for flow in self.flows.values():
            for source, target in zip(flow.path, flow.path[1:], strict=False):
                if graph.has_edge(source, target):
                    graph.edges[source, target]["flows"] += (flow.name,)
                else:
                    graph.add_edge(source, target, flows=(flow.name,))
        return graph


def load_arch(
    name_or_path: str | Path, changes: Changes = (), machines: Path | None = None
) -> Arch:
    """The arch of that name or at that path, with `changes` made in it and everything checked.

    `changes` maps keys to values, or lists lines such as ``pe_slices.lines=8``. Machine rules are
    Python, so they come from the package, from `machines`, or from the folder that the environment
    variable ARCHSIM_MACHINES names, and never from beside the file.

    Raises:
        InputError: everything that is wrong with the file and the changes.
    """
    path = find("archs", name_or_path)
    document = read(path)
    if not isinstance(document.value, dict):
        raise InputError.at(document.place(), "an arch is a mapping: name, flows, components ...")
    made = parsed(changes)
    problems = apply(document, made)
    header = Section(document).checked(ArchFile, document.value, problems)
    machine_path = _machine(document, machines, problems)
    energy_paths = tables_named(document, "energy", path.parent, problems)
    flows = _flows(document, problems)
    changed = {path for each in made for path in each.paths(document.value)}
    components = _components(document, machine_path, path.parent, changed, problems)
    if flows and components:
        problems.extend(check(document, flows, components))
    if problems or header is None or machine_path is None:
        raise InputError(in_file_order(problems))
    return Arch(
        **header.model_dump(exclude={"flows", "components"}),
        flows={name: Flow(name, flow.role, flow.path) for name, flow in flows.items() if flow},
        components={name: part for name, part in components.items() if part},
        path=path,
        machine_path=machine_path,
        energy_paths=energy_paths,
        changed=tuple(sorted(".".join(path) for path in changed)),
        _document=document,
    )


def _machine(document: Document, machines: Path | None, problems: list[Problem]) -> Path | None:
    name = document.value.get("machine")
    if not isinstance(name, str):
        return None
    files = machine_files(machines)
    if name not in files:
        message = f"{unknown('machine', name, files)} (files in archsim/machines)"
        problems.append(Problem(document.place("machine"), message))
    return files.get(name)


def _flows(document: Document, problems: list[Problem]) -> dict[str, FlowRecord | None]:
    flows: dict[str, FlowRecord | None] = {}
    for name, value in _section(document, "flows").items():
        section = Section(document, ("flows", name), f"flow {name!r}, ")
        flows[name] = section.checked(FlowRecord, value, problems)
    return flows


def _components(
    document: Document,
    machine: Path | None,
    folder: Path,
    changed: Collection[tuple[str, ...]],
    problems: list[Problem],
) -> dict[str, Component | None]:
    return {
        name: _component(Asked(document, ("components", name), changed, folder), machine, problems)
        for name in _section(document, "components")
    }


def _component(asked: Asked, machine: Path | None, problems: list[Problem]) -> Component | None:
    document, at = asked.document, asked.at
    name = at[-1]
    value = document.value["components"][name]
    if not isinstance(value, dict) or "class" not in value:
        message = f"component {name!r} is a mapping with the key 'class'"
        problems.append(Problem(document.place(*at), message))
        return None
    kind = value["class"]
    # A machine's own class comes before one of that name that another machine brings.
    classes = {**shipped_classes(), **(classes_of(machine) if machine is not None else {})}
    if not isinstance(kind, str) or kind not in classes:
        message = f"{name}: {unknown('component class', kind, classes)}"
        problems.append(Problem(document.place(*at, "class"), message))
        return None
    keys = {key: each for key, each in value.items() if key != "class"}
    if issubclass(classes[kind], RowKeys):
        memory = completed(asked, keys, problems)
        if memory is None:
            return None
        keys = memory
    with blamed(machine) if machine is not None else nullcontext():
        return Section(document, at, f"{name}.").checked(classes[kind], keys, problems)


def _section(document: Document, key: str) -> dict[str, Any]:
    section = document.value.get(key)
    return section if isinstance(section, dict) else {}
