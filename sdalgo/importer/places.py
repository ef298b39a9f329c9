"""Where a value of the run lies among the layers of a workload.

Between layers a workload's values are planes (C, H, W). A tensor is its layer's plane in some order
of its own, and views cost nothing: so a value is known by its layer and by what differs in number,
zeros around a plane and repeated elements, until a reader needs more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from sdalgo.importer.windows import UNPADDED, Pads

Plane = tuple[int, int, int]
"""(channels, rows, columns)."""
_DEFAULT_CHANNEL = {1: 0, 2: 1, 3: 2}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a value lies.

    Attributes:
        source: the layer that gives it; "" for what comes from outside.
        plane: of that layer; None outside.
        channel: the axis of the tensor whose entries are channels, where it is known.
        pads: zeros around the tensor's plane that no layer has written yet.
        repeats: how often the tensor holds each element, which no layer has written yet.
        narrow: the tensor's shape before it was expanded, where its axes are still the same.
    """

    source: str = ""
    plane: Plane | None = None
    channel: int | None = None
    pads: Pads = UNPADDED
    repeats: int = 1
    narrow: tuple[int, ...] | None = None

    @property
    def padded(self) -> bool:
        return self.pads != UNPADDED

    def over(self, channel: int | None) -> Place:
        """The same elements in a tensor of other axes."""
        return replace(self, channel=channel, narrow=None)


OUTSIDE = Place()


def channel_of(shape: Sequence[int], place: Place) -> int:
    """The axis of channels: as it is known, or as tensors of that rank mostly have it."""
    if place.channel is not None and place.channel < len(shape):
        return place.channel
    return _DEFAULT_CHANNEL.get(len(shape), 1) if shape else 0


def natural(shape: Sequence[int], channel: int) -> Plane:
    """The plane of a tensor whose channels lie along an axis: two other axes are rows and columns,
    any other number of them one row."""
    if not shape:
        return (1, 1, 1)
    rest = [size for axis, size in enumerate(shape) if axis != channel]
    if rest and rest[0] == 1 and (channel != 0 or len(rest) > 2):
        rest = rest[1:]
    if len(rest) == 2:
        return (shape[channel], rest[0], rest[1])
    return (shape[channel], 1, prod(rest))


def around(shape: Sequence[int], axis: int) -> tuple[int, int, int]:
    """(elements before an axis, its size, elements after it)."""
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


def moved_channel(old: Sequence[int], new: Sequence[int], channel: int | None) -> int | None:
    """Where a reshape takes an axis: to one of its size with as many elements before it."""
    if channel is None or channel >= len(old):
        return None
    before, size, _ = around(old, channel)
    for axis in range(len(new)):
        if new[axis] == size and prod(new[:axis]) == before:
            return axis
    return None


def shared_planes(shapes: list[tuple[int, ...]], out: tuple[int, ...]) -> list[Plane] | None:
    """Planes of operands that are broadcast to `out`, so that each dimension is whole or 1.

    Neighbouring axes that every operand has or lacks become one; None where more than three are
    left.
    """
    aligned = [(1,) * (len(out) - len(shape)) + shape for shape in shapes]
    groups: list[tuple[tuple[bool, ...], int]] = []
    for axis, size in enumerate(out):
        if size == 1:
            continue
        has = tuple(shape[axis] == size for shape in aligned)
        if groups and groups[-1][0] == has:
            groups[-1] = (has, groups[-1][1] * size)
        else:
            groups.append((has, size))
    if len(groups) > 3:
        return None
    if len(groups) == 2:
        groups.insert(1, ((False,) * len(shapes), 1))
    groups += [((False,) * len(shapes), 1)] * (3 - len(groups))
    sizes = [[size if has[i] else 1 for has, size in groups] for i in range(len(shapes))]
    return [(c, h, w) for c, h, w in sizes]
