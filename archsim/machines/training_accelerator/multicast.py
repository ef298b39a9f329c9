"""What the arrays of a wave read from the buffers, when a value that several of them take is read
once.

Tiles are dealt to the arrays in order, `arrays` of them a wave. All tiles of a wave stream in step,
so that those with the same stream share its reads; the order puts tiles that share a stream one
after the other. A *run* is such a stretch of tiles: it is read once in every wave that it touches.
"""

from dataclasses import dataclass
from math import gcd

import numpy as np

from archsim.machines.shared.geometry import Ints, Whole, ceil_div


@dataclass(frozen=True)
class OperandReads:
    """Values read from the buffers: of the operand that streams, and of the one that is held."""

    streamed: int
    held: int


@dataclass(frozen=True)
class Lanes:
    """How many arrays there are, and how many values each takes in a cycle."""

    arrays: int
    lanes: int


@dataclass(frozen=True)
class Still:
    """Equal products cut into tiles of the still operand, `deep` x `blocks` tiles each.

    `lanes` depth positions and `entries` of the other side make a tile, the last ones fewer;
    `depth` and `side` are those of a product. All products of one of `groups` are `alike` in number
    and have one operand in common.
    """

    depth: int
    side: int
    lanes: int
    entries: int
    groups: int
    alike: int

    @property
    def deep(self) -> int:
        """Tiles along the depth."""
        return ceil_div(self.depth, self.lanes)

    @property
    def blocks(self) -> int:
        """Tiles along the other side."""
        return ceil_div(self.side, self.entries)

    @property
    def held(self) -> int:
        """Values that all tiles hold."""
        return self.groups * self.alike * self.depth * self.side


def waves_of_runs(first: Whole, size: int, count: int, arrays: int) -> Whole:
    """How often the `count` runs of `size` tiles each that begin at tile `first` are read: the
    number of waves that each touches, added up.
    """
    # Two ways to cut a line into pieces have as many overlaps as pieces, less one, less the cuts
    # that they have in common.
    waves = (first + size * count - 1) // arrays - first // arrays + 1
    common = gcd(size, arrays)
    period = arrays // common
    # Run k begins with a wave where first + k * size is a multiple of `arrays`.
    match = -(first // common % period) * pow(size // common, -1, period) % period
    cuts = (count - 1 - match) // period + 1 - (match == 0)
    touched: Whole = count + waves - 1 - cuts * (first % common == 0)
    return touched


def lanes_read(first: Whole, size: int, depth: int, array: Lanes) -> Whole:
    """Lanes of all streams that are read, each once in a wave: a stream is `lanes` positions of the
    depth, the last one fewer, and serves `size` tiles in a row, from tile `first` on.
    """
    deep = ceil_div(depth, array.lanes)
    last = waves_of_runs(first + (deep - 1) * size, size, 1, array.arrays)
    whole = waves_of_runs(first, size, deep, array.arrays)
    return whole * array.lanes - last * (deep * array.lanes - depth)


def held_once(still: Still, arrays: int) -> int:
    """Values loaded, where the products of a group hold the same operand: one that several arrays
    of a wave hold is loaded once.
    """
    tiles = still.deep * still.blocks
    if still.alike == 1 or arrays <= tiles:
        return still.held  # no wave comes round to the same tile
    every = still.groups * still.alike * tiles
    starts = np.union1d(
        np.arange(0, every, arrays), np.arange(still.groups) * (still.alike * tiles)
    )
    lengths = np.diff(starts, append=every)
    begin = starts % tiles
    end = begin + lengths
    once = np.where(
        end <= tiles,
        _values(still, end) - _values(still, begin),
        _values(still, end - tiles) + still.depth * still.side - _values(still, begin),
    )
    return int(np.where(lengths >= tiles, still.depth * still.side, once).sum())


def _values(still: Still, tiles: Ints) -> Ints:
    """Values of so many first tiles of a product, `blocks` of them along the side at a time."""
    deep, block = tiles // still.blocks, tiles % still.blocks
    lanes = np.clip(still.depth - deep * still.lanes, 0, still.lanes)
    whole = np.minimum(deep * still.lanes, still.depth) * still.side
    return np.asarray(whole + lanes * np.minimum(block * still.entries, still.side))
