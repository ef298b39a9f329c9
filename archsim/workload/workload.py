"""A workload: the layers of a network and the tensors that flow through them
(docs/reference/formats.md)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archsim.formats.errors import InputError, Problem
from archsim.formats.profile_models import Profile
from archsim.formats.search import find
from archsim.formats.source import Section, in_file_order, read, shown, unknown
from archsim.formats.workload_records import MAX_BATCH, RECORDS, Header, LayerRecord, WorkloadFile
from archsim.formats.yaml12 import Document
from archsim.workload.layer import Layer
from archsim.workload.layer_graph import resolve
from archsim.workload.layer_names import matching
from archsim.workload.load_notes import load_notes, shapes_alone

if TYPE_CHECKING:
    import networkx

    from archsim.formats.tensor_file import TensorFile
    from archsim.workload.tensors import LayerTensors, Room

ALL_LAYERS, CONV_LAYERS = "all", "conv"
Mode = Literal["measured", "profile", "shapes"]


@dataclass(frozen=True, eq=False)
class Workload:
    """A network that has been read and checked; layers stand in topological order.

    `mode` says where arrays come from: ``measured`` from the tensors file, ``profile`` drawn;
    ``shapes`` says that there are none, as no layer has a profile.
    `notes` are what every output of a run must say about its input. `settings` are the `batch` and
    the `layers` that were asked for where they are not the file's.
    """

    name: str
    task: Literal["inference", "training"]
    batch: int
    source: Mapping[str, Any]
    mode: Mode
    layers: tuple[Layer, ...]
    path: Path
    notes: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    _digest: bytes = field(repr=False)
    _places: Mapping[str, str] = field(default_factory=dict, repr=False)
    _file: TensorFile | None = field(default=None, repr=False)
    _tensors: dict[str, LayerTensors] = field(default_factory=dict, repr=False)

    @cached_property
    def hash(self) -> str:
        """blake2b of the YAML text, of the tensors file, and of the layers that are kept."""
        parts = blake2b(self._digest, digest_size=16)
        parts.update(self._file.digest if self._file else b"drawn")
        parts.update("\n".join(layer.name for layer in self.layers).encode())
        return parts.hexdigest()

    def __repr__(self) -> str:
        return f"<Workload: {self.name}, {len(self.layers)} layers, batch {self.batch}>"

    def layer(self, name: str) -> Layer:
        """The layer of that name; InputError with the nearest one if there is none."""
        if name not in self._by_name:
            raise InputError.at(shown(self.path), unknown("layer", name, self._by_name))
        return self._by_name[name]

    def tensors(self, layer: Layer) -> LayerTensors:
        """The arrays of a layer; the same object each time, so nothing is read or drawn twice."""
        from archsim.workload.tensors import LayerTensors

        if layer.name not in self._tensors:
            own = LayerTensors(layer, self._file, self.place(layer), self.batch, self._room)
            self._tensors[layer.name] = own
        return self._tensors[layer.name]

    @cached_property
    def _room(self) -> Room:
        from archsim.workload.tensors import Room

        return Room()

    def place(self, layer: Layer) -> str:
        """``file:line:column`` of a layer."""
        return self._places.get(layer.name, shown(self.path))

    def release(self, layer: Layer) -> None:
        """Forget the arrays of a layer; they are read or drawn again if asked for."""
        self._tensors.pop(layer.name, None)

    def consumers(self, name: str) -> tuple[str, ...]:
        """Names of the layers that read the output of layer `name`, in order."""
        return self._consumers.get(name, ())

    def graph(self) -> networkx.DiGraph[str]:
        """The layers as nodes (attribute `layer`), an edge from each producer to each consumer."""
        import networkx

        graph: networkx.DiGraph[str] = networkx.DiGraph()
        for layer in self.layers:
            graph.add_node(layer.name, layer=layer)
            graph.add_edges_from((producer, layer.name) for producer in layer.inputs)
        return graph

    def only_convs(self) -> Workload:
        """The convolutions alone; each reads what it read before through the layers left out.

        Raises:
            InputError: there are none.
        """
        reached: dict[str, tuple[str, ...]] = {}
        kept = []
        for layer in self.layers:
            inputs = tuple(dict.fromkeys(name for each in layer.inputs for name in reached[each]))
            reached[layer.name] = (layer.name,) if layer.op == "conv" else inputs
            if layer.op == "conv":
                kept.append(replace(layer, inputs=inputs, operands=(), views=()))
        if not kept:
            raise InputError.at(shown(self.path), "has no conv layer")
        return self._of(kept, CONV_LAYERS, "layers: convolutions only")

    def of_layers(self, chosen: str) -> Workload:
        """The layers that were asked for: ``all``, ``conv``, or patterns of names with commas
        between them (``layer3.*,fc``), as `fnmatch` reads them.

        A layer of the array reads what it read before through the layers left out; an element-wise
        one that has lost an operand is fed from outside.

        Raises:
            InputError: a pattern matches no layer, with the nearest names; or there is no conv.
        """
        if chosen in {ALL_LAYERS, CONV_LAYERS}:
            return self if chosen == ALL_LAYERS else self.only_convs()
        names, place = [layer.name for layer in self.layers], shown(self.path)
        wanted = {name for each in chosen.split(",") for name in matching(names, each, place)}
        reached: dict[str, tuple[str, ...]] = {}
        kept = []
        for layer in self.layers:
            inputs = tuple(dict.fromkeys(name for each in layer.inputs for name in reached[each]))
            reached[layer.name] = (layer.name,) if layer.name in wanted else inputs
            if layer.name in wanted and layer.is_array:
                kept.append(replace(layer, inputs=inputs, operands=(), views=()))
            elif layer.name in wanted:
                kept.append(
                    layer
                    if wanted.issuperset(layer.inputs)
                    else replace(layer, inputs=(), views=())
                )
        note = f"layers: {len(kept)} of {len(self.layers)}, those of {chosen}"
        return self._of(kept, ",".join(map(str.strip, chosen.split(","))), note)

    def _of(self, kept: list[Layer], chosen: str, note: str) -> Workload:
        return replace(
            self, layers=tuple(kept), mode=_mode(self._file, kept), notes=(*self.notes, note),
            settings={**self.settings, "layers": chosen}, _tensors={},
        )  # fmt: skip

    def of_batch(self, batch: int) -> Workload:
        """The same network at another batch size; stored samples stand for those of the batch.

        Raises:
            InputError: the batch is not positive, or larger than a file may say.
        """
        if not 1 <= batch <= MAX_BATCH:
            message = f"a batch of {batch:,}; it is at least 1 and at most {MAX_BATCH:,}"
            raise InputError.at(shown(self.path), message)
        if batch == self.batch:
            return self
        digest = blake2b(self._digest + f"batch {batch}".encode(), digest_size=16).digest()
        notes = (*self.notes, f"batch: {batch} instead of {self.batch}")
        own = {**self.settings, "batch": batch}
        return replace(self, batch=batch, notes=notes, settings=own, _digest=digest, _tensors={})

    def drawn(self) -> Workload:
        """The same network with its arrays drawn from the profiles, tensors or not: what everyone
        gets who has the YAML alone.

        Raises:
            InputError: a layer has no profile.
        """
        if self._file is None:
            return self
        for layer in self.layers:
            if layer.is_array and layer.profile is None:
                message = f"layer {layer.name!r} has no profile to draw from"
                raise InputError.at(shown(self.path), message)
        note = "tensors: drawn from the profiles in the workload file"
        notes = (note, *self.notes)
        return replace(self, mode="profile", notes=notes, _file=None, _tensors={})

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def _consumers(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for layer in self.layers:
            for producer in dict.fromkeys(layer.inputs):
                found[producer] = (*found.get(producer, ()), layer.name)
        return found


def load_workload(name_or_path: str | Path, *, batch: int | None = None) -> Workload:
    """The workload of that name or at that path, every layer and every tensor's header checked;
    with `batch` at that batch size.

    Raises:
        InputError: everything wrong with the YAML or, once that is right, with the tensors.
    """
    path = find("workloads", name_or_path)
    document = read(path)
    problems: list[Problem] = []
    header = _header(document, problems)
    layers = resolve(document, _records(document, problems), problems)
    if problems or header is None:
        raise InputError(in_file_order(problems))
    file = _tensor_file(header, path, layers)
    if file is None:
        _check_profiles(document, header, layers)
    found = Workload(
        name=header.name, task=header.task, batch=header.batch, source=document.value["source"],
        mode=_mode(file, layers), layers=layers, path=path,
        notes=load_notes(header, layers, file is not None), _digest=document.digest, _file=file,
        _places={
            each["name"]: document.place("layers", k)
            for k, each in enumerate(document.value["layers"])
        },
    )  # fmt: skip
    return found if batch is None else found.of_batch(batch)


def workload_schema() -> dict[str, Any]:
    """The JSON Schema of workload files."""
    schema = WorkloadFile.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "archsim-workload/1",
    }


def _header(document: Document, problems: list[Problem]) -> Header | None:
    if not isinstance(document.value, dict):
        place = document.place()
        raise InputError.at(place, "a workload is a mapping: format, name, layers ...")
    return Section(document).checked(Header, document.value, problems)


def _records(document: Document, problems: list[Problem]) -> list[LayerRecord | None]:
    """The record of each layer, None where its own keys are wrong."""
    entries = document.value.get("layers")
    if not isinstance(entries, list):
        document.value["layers"] = []
        return []
    records: list[LayerRecord | None] = []
    for index, entry in enumerate(entries):
        at = ("layers", index)
        records.append(None)
        if not isinstance(entry, dict):
            message = "a layer is a mapping: name, op ..."
            problems.append(Problem(document.place(*at), message))
            continue
        name = entry.get("name")
        who = f"layer {name!r}" if isinstance(name, str) else f"layer {index + 1}"
        op = entry.get("op")
        if op is None:
            problems.append(Problem(document.place(*at), f"{who}: the key 'op' is missing"))
        elif not isinstance(op, str) or op not in RECORDS:
            place = document.place(*at, "op")
            problems.append(Problem(place, f"{who}: {unknown('op', op, RECORDS)}"))
        else:
            section = Section(document, at, f"{who}, ")
            records[-1] = section.checked(RECORDS[op], entry, problems)
    return records


def _tensor_file(header: Header, path: Path, layers: tuple[Layer, ...]) -> TensorFile | None:
    from archsim.formats.tensor_file import TensorFile
    from archsim.workload.tensor_check import Sampling, check_file

    if header.tensors is None:
        return None
    beside = path.parent / header.tensors
    # pathlib's own test raises where a name is too long for the file system.
    if not os.path.lexists(beside):
        return None
    file = TensorFile(beside)
    check_file(file, layers, Sampling(header.task == "training", header.batch))
    return file


def _check_profiles(document: Document, header: Header, layers: tuple[Layer, ...]) -> None:
    """Where the tensors that the file names are not there, every layer of the array has a profile
    to draw them from. A file that names none may leave profiles out: some machines need none."""
    if header.tensors is None or not (missing := shapes_alone(layers)):
        return
    others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    message = (f"{header.tensors!r} is not there, and layer {missing[0]!r}{others} has no profile "
               f"to draw from; made by: {header.source.made_by}")  # fmt: skip
    raise InputError.at(document.place("tensors"), message)


def _mode(file: TensorFile | None, layers: Sequence[Layer]) -> Mode:
    if file is not None:
        return "measured"
    bare = (None, Profile())
    return "profile" if any(x.is_array and x.profile not in bare for x in layers) else "shapes"
