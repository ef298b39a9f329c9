"""The loops that fill SCNN's vectors and count what its memories store, compiled by numba: what
`tiling`, `elements` and `memory` do with numpy for many values at once, one value after the other.

Values come as bytes that are zero or not. Where they are random a branch on them would be foretold
wrongly every other time, so a value is written in any case, and its place kept if it is not zero.
"""

import numpy as np
from numpy.typing import NDArray

from archsim.formats.machine_code import machine_code
from archsim.machines.shared.geometry import Ints, Mask
from archsim.workload.convolution import Pair

Codes = NDArray[np.int32]
Bytes = NDArray[np.uint8]
SPAN = 16  # run_length.SCNN_SPAN: zeros and the filler that stands for them


@machine_code
def count_weights(cube: Mask, bounds: Ints) -> Codes:
    """Non-zeros of each run, (groups, channels, phases), of (groups, filters, channels, taps); the
    taps of a phase stand between its `bounds` (phases + 1,).
    """
    groups, filters, channels, _ = cube.shape
    counts = np.zeros((groups, channels, bounds.size - 1), np.int32)
    for group in range(groups):
        for k in range(filters):
            for channel in range(channels):
                for phase in range(bounds.size - 1):
                    live = 0
                    for tap in range(bounds[phase], bounds[phase + 1]):
                        live += cube[group, k, channel, tap]
                    counts[group, channel, phase] += live
    return counts


@machine_code
def pack_weights(
    cube: Mask, groups: tuple[Ints, Ints], taps: tuple[Ints, Ints, int], first: Ints, width: int
) -> Codes:
    """Vectors of the non-zeros of some groups, whose first filters are numbered so; the vectors of
    a run begin at `first`. A code is that of `WeightRuns.vectors`: the taps are their number in
    the kernel, the bounds of their phases, and how many filters are told apart.
    """
    (wanted, numbers), (tap, bounds, kinds) = groups, taps
    members, run = np.empty(first[-1] * width + 1, np.int32), 0
    of_filter = np.empty(cube.shape[1], np.int32)
    for which, group in enumerate(wanted):
        for k in range(of_filter.size):  # a division takes longer than all else here
            of_filter[k] = 1 + (numbers[which] + k) % kinds * tap.size
        for channel in range(cube.shape[2]):
            for phase in range(bounds.size - 1):
                at = first[run] * width
                for place in range(bounds[phase], bounds[phase + 1]):
                    for k in range(cube.shape[1]):
                        members[at] = of_filter[k] + tap[place]
                        at += cube[group, k, channel, place]
                run += 1
                members[at : first[run] * width] = 0
    return members[:-1].reshape(-1, width)


@machine_code
def pack_activations(
    plane: Mask, kinds: Codes, blocks: tuple[Ints, Ints, int],
    grid: tuple[Pair, Pair, Pair, int], width: int,
) -> tuple[Codes, Ints, Ints]:  # fmt: skip
    """Vectors of the non-zeros of a plane (C, rows, columns), by the kind of each pixel (pixels,):
    (vectors, width), where those of (channels, phases, blocks) begin, and how many they are.

    A block is an element and as many channels from one on; the grid is the tile, the stride, where
    the plane begins and the columns of elements.
    """
    (starts, elements, channels), ((th, tw), (sh, sw), (top, left), across) = blocks, grid
    height, breadth = plane.shape[1:]
    first = np.zeros((channels, sh * sw, elements.size), np.int64)
    lengths, held = np.zeros(first.shape, np.int64), channels * elements.size * th * tw
    members, at = np.empty(held + first.size * (width - 1) + 1, np.int32), 0
    for channel in range(channels):
        for phase in range(sh * sw):
            for block in range(elements.size):
                row, column = elements[block] // across * th, elements[block] % across * tw
                last, end = min(row + th, height), min(column + tw, breadth)
                # The first pixels of the tile that are of this phase.
                row += (phase // sw - top - row) % sh
                column += (phase % sw - left - column) % sw
                first[channel, phase, block], begun = at // width, at
                for r in range(row, last, sh):
                    for c in range(column, end, sw):
                        members[at] = kinds[r * breadth + c]
                        at += plane[starts[block] + channel, r, c]
                lengths[channel, phase, block] = (at - begun + width - 1) // width
                stop = begun + lengths[channel, phase, block] * width
                members[at:stop], at = 0, stop
    return members[:at].copy().reshape(-1, width), first, lengths


@machine_code
def count_stored(plane: Mask, read: Mask, tile: Pair, grid: Pair) -> Ints:
    """Values and fillers that elements of a `grid` store of their tiles of a plane (C, rows,
    columns), in which rows that are not `read` (rows,) are not there.
    """
    (th, tw), (channels, height, breadth), stored = tile, plane.shape, np.zeros(grid, np.int64)
    for channel in range(channels):
        for element in range(stored.size):
            row, column = element // grid[1] * th, element % grid[1] * tw
            last, end = min(row + th, height), min(column + tw, breadth)
            count = zeros = 0
            for r in range(row, last):
                for c in range(column, end * read[r]):
                    live = int(plane[channel, r, c])
                    count += live * (1 + zeros // SPAN)
                    zeros = (zeros + 1) & (live - 1)
            stored[element // grid[1], element % grid[1]] += count
    return stored


@machine_code
def count_stored_weights(weights: Mask, groups: int, filters: int) -> Ints:
    """Values and fillers of each group of `filters` of weights (K, C/g, taps) in so many
    convolution groups; a block is a channel in the order (tap, filter).
    """
    each, channels, taps = len(weights) // groups, weights.shape[1], weights.shape[2]
    rounds = (each + filters - 1) // filters
    stored = np.zeros(groups * rounds, np.int64)
    for group in range(stored.size):
        first = group // rounds * each + group % rounds * filters
        last = min(first + filters, (group // rounds + 1) * each)
        count = 0
        for channel in range(channels):
            zeros = 0
            for tap in range(taps):
                for k in range(first, last):
                    live = int(weights[k, channel, tap])
                    count += live * (1 + zeros // SPAN)
                    zeros = (zeros + 1) & (live - 1)
        stored[group] = count
    return stored
