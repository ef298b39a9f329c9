"""Layers whose rows under a window exceed the input buffer: the plane is cut into strips of
columns, or groups go over the input channels in passes, as the DRAM rule says
(docs/machines/README.md).

Narrow strips need few passes, whose partial sums leave and come back, and read more columns twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from archsim.arch.arch import Arch
from archsim.formats.errors import InputError
from archsim.machines.shared.geometry import ceil_div
from archsim.machines.shared.machine import share_of, storage_of
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.widths import activation_bytes
from archsim.timing.entries import Entry
from archsim.workload.layer import Layer


@dataclass(frozen=True)
class Strips:
    """How the rows of a plane are taken: strips of `width` output columns, 0 for rows that are not
    cut, in so many `passes` over the input channels. All strips together read `columns` of the
    `whole` columns of a row, of which neighbours share some.
    """

    width: int = 0
    passes: int = 1
    columns: int = 1
    whole: int = 1

    def of(self, tiles: Tiles) -> Tiles:
        """The tiles with the bytes of inputs that strips read, shared columns again."""
        if not self.width:
            return tiles
        moving = {flow: ceil_div(n * self.columns, self.whole) for flow, n in tiles.moving.items()}
        halo = ceil_div(tiles.halo_bytes * self.columns, self.whole)
        return replace(tiles, moving=moving, halo_bytes=halo)


def strips_of(entry: Entry, arch: Arch, input_reads: int, psums: Callable[[int], int]) -> Strips:
    """Those that move the fewest bytes: rows that are not cut where nothing moves fewer, else the
    strips of the fewest passes.

    Inputs are read `input_reads` times, and `psums` gives the bytes of partial sums that so many
    passes move. A machine that cuts the plane by itself takes it whole; so do the phases of
    training, which are matrix products that no window passes over.

    Raises:
        InputError: one row of a window of one channel has no room.
    """
    layer, moving = entry.stage.anchor, next(iter(entry.tiles.moving))
    room, nbytes = share_of(arch, storage_of(arch, moving)), entry.tiles.moving[moving]
    if layer is None or entry.tiles.min_blocks > 1:
        return Strips()
    if arch.task == "training":
        _check_room(entry, arch, layer.in_size[1])
        return Strips()
    under = _Under(layer, arch, ceil_div(nbytes, entry.samples))
    whole = ceil_div(under.nbytes(layer.in_size[1]), room)
    if whole <= 1:
        return Strips()
    _check_room(entry, arch, under.columns(1))
    best, least = Strips(passes=whole), nbytes * input_reads + psums(whole)
    passes = ceil_div(under.nbytes(under.columns(1)), room)
    # Each pass more allows wider strips, until its partial sums alone are more than the best.
    while passes < whole and psums(passes) < least:
        width = under.widest(passes * room)
        cut = Strips(width, passes, strip_columns(layer, width), layer.in_size[1])
        moved = cut.of(entry.tiles).moving[moving] * input_reads + psums(passes)
        if moved < least:
            best, least = cut, moved
        passes += 1
    return best


def strip_columns(layer: Layer, width: int) -> int:
    """Input columns that all strips of `width` output columns read of a row. A strip ends where the
    next one begins, or with its last window."""
    stride, left = layer.geometry.stride[1], layer.padding[1]
    firsts = np.arange(0, layer.out_size[1], width)
    lasts = np.minimum(firsts + width, layer.out_size[1]) - 1
    starts = firsts * stride - left
    ends = np.maximum(
        lasts * stride - left + layer.geometry.reach[1] + 1, np.append(starts[1:], layer.in_size[1])
    )
    return int((ends.clip(0, layer.in_size[1]) - starts.clip(0, layer.in_size[1])).sum())


@dataclass(frozen=True)
class _Under:
    """What lies under the windows of a row of a layer that has `whole` bytes of inputs a sample."""

    layer: Layer
    arch: Arch
    whole: int

    def columns(self, width: int) -> int:
        """Input columns under `width` neighbouring windows, of those that there are."""
        reached = (width - 1) * self.layer.stride[1] + self.layer.geometry.reach[1] + 1
        return min(self.layer.in_size[1], reached)

    def nbytes(self, columns: int) -> int:
        """Bytes of so many columns of the rows, of all channels that a filter sees."""
        inputs = self.layer.kernel[0] * columns * self.layer.group_channels
        return min(self.whole, activation_bytes(inputs, self.arch))

    def widest(self, room: int) -> int:
        """Output columns of the widest strip of which so many bytes hold the rows, one at least."""
        low, high = 1, self.layer.out_size[1]
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.nbytes(self.columns(middle)) <= room
            low, high = (middle, high) if fits else (low, middle - 1)
        return low


def _check_room(entry: Entry, arch: Arch, columns: int) -> None:
    """InputError where so many columns of one row of one channel exceed the input buffer."""
    layer, first = entry.stage.anchor, next(iter(entry.tiles.moving))
    assert layer is not None
    name = storage_of(arch, first)
    room, row = share_of(arch, name), activation_bytes(columns, arch)
    if min(row, entry.tiles.moving[first]) > room:
        raise InputError.at(
            arch.place(f"components.{name}"),
            f"{name} holds {room} bytes, and one row of one channel under a window of layer "
            f"{layer.name!r} is {row}; enlarge it",
        )
