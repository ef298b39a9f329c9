"""A probe of a pass of an SCNN layer: a filter group followed through some of its channels, on all
elements, to see which of them wait much.
"""

from dataclasses import dataclass

import numpy as np

from archsim.machines.scnn.compiled import compiled
from archsim.machines.scnn.operations import Operands, issue, piece
from archsim.machines.scnn.queues import Segments, run_queues
from archsim.machines.shared.geometry import Ints

PARTS = 4
"""Stretches of channels in a probe: what they differ by is chance."""


@dataclass(frozen=True)
class Probe:
    """Cycles `waited` and operations `issued` in the parts of a probe, (parts, elements)."""

    waited: Ints
    issued: Ints

    def misses(self) -> tuple[float, int]:
        """Squares by which the parts differ from their element's mean, by what is expected of a
        Poisson process, and how many of them are free.
        """
        issued = self.issued.sum(axis=0)
        waited = self.waited.sum()
        if waited == 0:
            return 0.0, 0
        share = self.waited.sum(axis=0) / np.maximum(issued, 1)
        live = self.issued > 0
        off = (self.waited - share * self.issued)[live]
        squares = (off**2 / self.issued[live]).sum() * issued.sum() / waited
        return float(squares), off.size - int(np.count_nonzero(issued))


def probe(layer: Operands, group: int, channels: int) -> Probe:
    """A probe of a filter group in so many channels, PARTS stretches of them evenly spread, each
    from empty queues.
    """
    vectors, each = layer.weights.vectors(np.array([group])), max(1, channels // PARTS)
    own, pieces = layer.input_channels(group).start, []
    for part in range(PARTS):
        first = max(0, (2 * part + 1) * layer.channels // (2 * PARTS) - each // 2)
        stretch = slice(first, min(layer.channels, first + each))
        met = layer.met(slice(own + stretch.start, own + stretch.stop))
        pieces.append(piece(layer, group, stretch, vectors, met))
    if compiled():
        sizes = np.stack([one.operations.sum(axis=1) for one in pieces])
        waited = np.zeros(sizes.shape, np.int64)
        for one, cycles in zip(pieces, waited, strict=True):
            one.follow(layer, np.zeros((cycles.size, layer.table.words), np.uint64), cycles)
        return Probe(waited, sizes)
    counts, sizes = issue(layer, pieces)
    size = sizes.reshape(-1)
    live = np.flatnonzero(size)
    segments = Segments(counts, (np.cumsum(size) - size)[live], size[live], live)
    empty = np.zeros((size.size, layer.table.words), np.uint64)
    waited, _ = run_queues(segments, empty, layer.array.queue_depth)
    return Probe(waited.reshape(sizes.shape), sizes)


def no_probe(layer: Operands) -> Probe:
    """The probe of a pass that was not probed."""
    nothing = np.zeros((PARTS, layer.array.elements), np.int64)
    return Probe(nothing, nothing)
