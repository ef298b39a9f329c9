"""The activations of an SCNN pass by the weights that they meet: all vectors of a channel and
stride phase stand together, for every element gets the same weights.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from archsim.machines.scnn.banks import BankTable
from archsim.machines.scnn.compiled import compiled
from archsim.machines.scnn.elements import channel_blocks, tile_vectors, tiles_of
from archsim.machines.scnn.tiling import Pass, ScnnArray
from archsim.machines.shared.geometry import Ints
from archsim.workload.convolution import Geometry


@dataclass(frozen=True)
class Met:
    """Activation vectors of some channels, ordered by (channel, phase, element).

    `classes` (width, vectors) of their activations; `first` and `lengths` (channels, phases,
    elements), index of each run's first vector and their number.
    """

    classes: Ints
    first: Ints
    lengths: Ints

    def of(self, channels: slice) -> "Met":
        """Some of its channels, numbered from its first one."""
        return Met(self.classes, self.first[channels], self.lengths[channels])

    def on(self, elements: Ints) -> "Met":
        """Of some of its elements."""
        first, lengths = (
            np.ascontiguousarray(x[..., elements]) for x in (self.first, self.lengths)
        )
        return Met(self.classes, first, lengths)

    def operations(self, weights: Ints) -> Ints:
        """Operations of each (element, channel) with so many weight vectors, (channels, phases)."""
        issued: Ints = (self.lengths * weights[..., None]).sum(axis=1).T
        return issued


def met(part: Pass, channels: slice, geometry: Geometry, array: ScnnArray, table: BankTable) -> Met:
    """The vectors of a pass in some channels of the layer, on all elements."""
    elements = np.arange(array.elements)
    if compiled():
        starts = np.zeros_like(elements)
        blocks = (
            Blocks(starts + some.start, elements, some.stop - some.start)
            for some in channel_blocks(channels, prod(part.tiling.plane))
        )
        return _joined([met_in(block, part, geometry, array, table) for block in blocks])
    classes, lengths = [], []
    for block in channel_blocks(channels, prod(part.tiling.plane)):
        tiles = tiles_of(part, array, block, elements)
        vectors = tile_vectors(tiles, elements, part.tiling, geometry, array)
        sizes = np.ascontiguousarray(np.moveaxis(vectors.lengths, 0, 2))
        old = np.moveaxis(vectors.first[:-1].reshape(vectors.lengths.shape), 0, 2)
        ends = np.cumsum(sizes)
        order = np.repeat(old.reshape(-1) - (ends - sizes.reshape(-1)), sizes.reshape(-1))
        order += np.arange(order.size)
        classes.append(table.activation_classes(vectors)[order].T)
        lengths.append(sizes)
    together = np.concatenate(lengths)
    first = np.cumsum(together) - together.reshape(-1)
    members = np.concatenate(classes, axis=1)
    return Met(members, first.reshape(together.shape), together)


def _joined(parts: list[Met]) -> Met:
    """What stretches of channels bring, one after the other."""
    if len(parts) == 1:
        return parts[0]
    ends = np.cumsum([0, *(part.classes.shape[1] for part in parts)])
    return Met(
        np.concatenate([part.classes.T for part in parts]).T,
        np.concatenate([part.first + end for part, end in zip(parts, ends[:-1], strict=True)]),
        np.concatenate([part.lengths for part in parts]),
    )


@dataclass(frozen=True)
class Blocks:
    """What is looked at of a pass: as many `channels` from one of the `starts` (blocks,) on, each
    on one of the `elements` (blocks,).
    """

    starts: Ints
    elements: Ints
    channels: int


def met_in(
    blocks: Blocks, part: Pass, geometry: Geometry, array: ScnnArray, table: BankTable
) -> Met:
    """The vectors of a pass in some blocks, which stand for elements, by the compiled loop."""
    begin, end = int(blocks.starts.min()), int(blocks.starts.max()) + blocks.channels
    live = np.empty((end - begin, *part.tiling.plane), bool)
    part.live(slice(begin, end), live)
    members, first, lengths = compiled("vector_loops").pack_activations(
        live,
        table.class_of,
        (blocks.starts - begin, blocks.elements, blocks.channels),
        (part.tiling.tile, geometry.stride, part.tiling.origin, array.columns),
        array.activations,
    )
    return Met(members.T, first, lengths)
