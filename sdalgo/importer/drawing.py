"""The layers of a workload as they are found, each with the views that its readers need."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdalgo.graph import Node
from sdalgo.importer.places import OUTSIDE, Place, Plane, channel_of, natural
from sdalgo.importer.trace import Value
from sdalgo.importer.windows import UNPADDED

_COLUMNS, _CHANNELS = 65_536, 2**20  # bounds of a workload (docs/reference/formats.md)


class Drawing:
    """Layers so far.

    Attributes:
        weights: of array layers by name, in our layouts, and `inputs` what these read in the run.
        stored: whole numbers that a quantised network holds itself, by layer and tensor.
        notes: what stands for something else, once each.
    """

    def __init__(self) -> None:
        self.layers: list[Node] = []
        self.weights: dict[str, NDArray[np.float32]] = {}
        self.inputs: dict[str, NDArray[np.float32]] = {}
        self.stored: dict[str, dict[str, NDArray[np.integer[Any]]]] = {}
        self.notes: list[str] = []
        self._planes: dict[str, Plane] = {}
        self._places: dict[Value, Place] = {}
        self._views: dict[tuple[str, Plane], str] = {}
        self._settled: dict[Value, Place] = {}

    def place(self, value: Value) -> Place:
        return self._places.get(value, OUTSIDE)

    def put(self, value: Value | None, place: Place) -> None:
        if value is not None:
            self._places[value] = place

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def layer(
        self, name: str, op: str, inputs: tuple[str, ...], fields: dict[str, Any], plane: Plane
    ) -> str:
        """Add a layer whose output is `plane`; returns its name, made unique."""
        unique, count = name, 2
        while unique in self._planes:
            unique, count = f"{name}_{count}", count + 1
        if min(plane) < 1:
            raise ValueError(f"gives an empty plane {plane}")
        self.layers.append(Node(name=unique, op=op, inputs=inputs, fields=fields))
        self._planes[unique] = plane
        return unique

    def hold(self, name: str, weight: Tensor, given: Tensor) -> None:
        """Keep the tensors of an array layer."""
        self.weights[name] = np.ascontiguousarray(weight.numpy(), np.float32)
        self.inputs[name] = np.ascontiguousarray(given.numpy(), np.float32)

    def read(self, value: Value) -> tuple[str, ...]:
        """Who gives a value to a layer that asks for a number of elements alone; () for outside."""
        place = self.settled(value)
        if place.source and prod(self._planes[place.source]) != prod(value.shape):
            raise ValueError(f"reads {place.source} as {value.shape}, which it does not give")
        return (place.source,) if place.source else ()

    def source(self, value: Value, plane: Plane | None = None) -> str:
        """Who gives a value as a plane (None: as its layer has it), brought in from outside."""
        place = self.settled(value)
        if not place.source:
            wanted = plane or natural(value.shape, channel_of(value.shape, place))
            return self._brought(value, wanted)
        if plane is None:
            return self.read(value)[0]
        return self.viewed(place.source, plane)

    def viewed(self, source: str, plane: Plane) -> str:
        """A layer's output as another plane of as many elements."""
        if self._planes[source] == plane:
            return source
        if prod(self._planes[source]) != prod(plane):
            raise ValueError(f"reads {source} as {plane}, and it gives {self._planes[source]}")
        if (source, plane) not in self._views:
            fields = {"out_channels": plane[0], "out_size": list(plane[1:])}
            name = f"{source}.{plane[0]}x{plane[1]}x{plane[2]}"
            self._views[source, plane] = self.layer(name, "reshape", (source,), fields, plane)
        return self._views[source, plane]

    def plane(self, name: str) -> Plane:
        return self._planes[name]

    def alone(self, value: Value, plane: Plane | None = None) -> tuple[tuple[str, ...], Plane]:
        """The producer that a layer of one input reads, () for outside, and the plane it reads."""
        if not self.settled(value).source:
            channel = channel_of(value.shape, self.place(value))
            return (), plane or natural(value.shape, channel)
        name = self.source(value, plane)
        return (name,), self._planes[name]

    def _brought(self, value: Value, plane: Plane) -> str:
        """The network's own input through the post-processor, as a resize to its own size."""
        key = (f"\0{value.name}", plane)
        if key not in self._views:
            fields = {
                "in_channels": plane[0], "in_size": list(plane[1:]), "out_size": list(plane[1:]),
            }  # fmt: skip
            self._views[key] = self.layer(value.name, "resize", (), fields, plane)
        return self._views[key]

    def settled(self, value: Value) -> Place:
        """Where a value lies once its padding and repeats are written by layers of their own."""
        place = self.place(value)
        if place.repeats == 1 and not place.padded:
            return place
        if value not in self._settled:
            self._settled[value] = self._written(value, place)
        return self._settled[value]

    def _written(self, value: Value, place: Place) -> Place:
        channel = channel_of(value.shape, place)
        whole = natural(value.shape, channel)
        if not place.source:
            return Place(channel=place.channel)
        if place.padded:
            name = self._resized(place.source, _bare(whole, place), whole, f"{value.name}.padded")
            return Place(source=name, plane=self._planes[name], channel=place.channel)
        held = prod(value.shape) // place.repeats
        few = factored(held)
        name = self._resized(
            place.source, (few[0], few[1] * few[2], 1), (few[0], few[1] * few[2], place.repeats),
            f"{value.name}.repeated",
        )  # fmt: skip
        return Place(source=name, plane=self._planes[name], channel=place.channel)

    def _resized(self, source: str, plane: Plane, out: Plane, name: str) -> str:
        fields = {"out_size": list(out[1:])}
        return self.layer(name, "resize", (self.viewed(source, plane),), fields, out)


def _bare(plane: Plane, place: Place) -> Plane:
    top, left, bottom, right = place.pads
    return (plane[0], plane[1] - top - bottom, plane[2] - left - right)


def bare(x: Tensor, place: Place) -> Tensor:
    """A plane (N, C, H, W) without the zeros around it."""
    if place.pads == UNPADDED:
        return x
    top, left, bottom, right = place.pads
    return x[:, :, top : x.shape[2] - bottom, left : x.shape[3] - right]


def factored(count: int) -> Plane:
    """A plane of `count` elements with no dimension beyond what a workload may have."""
    if count <= _CHANNELS:
        return (count, 1, 1)
    for columns in range(_COLUMNS, 0, -1):
        if count % columns == 0 and count // columns <= _CHANNELS:
            return (count // columns, 1, columns)
    raise ValueError(f"{count} elements are no plane of a workload")


def as_planes(x: Tensor, rank: int) -> Tensor:
    """A kept map of any rank as (N, C, H, W)."""
    return x.unsqueeze(2) if rank == 3 else x.squeeze(2) if rank == 5 else x


def spread(x: Tensor) -> Tensor:
    """Rows (T, C) as the input of a linear layer of T tokens: (1, C, 1, T)."""
    return x.T.unsqueeze(0).unsqueeze(2) if len(x) > 1 else x
