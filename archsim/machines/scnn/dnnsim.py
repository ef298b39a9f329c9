"""The cycle rule of DNNsim's SCNN (github.com/isakedo/DNNsim), kept as a variant: a barrier after
every input channel, banks without queues, the padded plane on the grid, and an exposed halo
exchange. Far slower than SCNN's paper.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.banks import Words
from archsim.machines.scnn.counts import ScnnCycles
from archsim.machines.scnn.cycles import counted, effectual_macs, live_weights
from archsim.machines.scnn.operations import Operands, issue, operands, pieces
from archsim.machines.scnn.queues import largest_byte
from archsim.machines.scnn.tiling import Pass, ScnnArray, Tiling
from archsim.machines.scnn.waits import Waits
from archsim.machines.shared.geometry import Ints, ceil_div, pad_plane
from archsim.workload.convolution import Geometry, Pair


def layer_cycles(
    weights: NDArray[Any], activations: NDArray[Any], geometry: Geometry, array: ScnnArray
) -> ScnnCycles:
    """Cycles of a convolution from its masks of non-zeros (K, C/g, R, S) and (C, H, W)."""
    tiling = padded_tiling((activations.shape[1], activations.shape[2]), geometry, array)
    padded = pad_plane(activations, geometry.padding, fill=0)
    whole = Pass(padded, tiling)
    (layer,) = operands(weights, [whole], geometry, array)
    cycles, spent = _channel_cycles(layer)
    waits = Waits(spent - layer.operations, cycles)
    work = counted(layer, effectual_macs(live_weights(weights, geometry), whole, geometry), waits)
    halo = _halo_cycles(layer, weights.shape[0])
    drain = int(halo.sum()) * array.elements * array.products
    return replace(work, group_cycles=cycles + halo, lost=work.lost | {"drain": drain})


def padded_tiling(in_size: Pair, geometry: Geometry, array: ScnnArray) -> Tiling:
    """The padded plane on the grid; filters by the output plane's tiles, without their halo."""
    plane = geometry.padded(in_size)
    out = geometry.out_size(in_size)
    tile = ceil_div(plane[0], array.rows), ceil_div(plane[1], array.columns)
    outputs = ceil_div(out[0], array.rows) * ceil_div(out[1], array.columns)
    return Tiling(plane, (0, 0), tile, out, max(1, array.filters_of(outputs)))


def _channel_cycles(layer: Operands) -> tuple[Ints, Ints]:
    """Cycles of each filter group, the slowest element of each channel added up; and those each
    (group, element) spends on operations, as many as the fullest bank of each.
    """
    cycles = np.zeros(layer.groups, np.int64)
    spent = np.zeros_like(layer.operations)
    for batch in pieces(layer, range(layer.groups)):
        counts, _ = issue(layer, batch)
        upto = np.concatenate([[0], np.cumsum(_fullest_bank(counts))])
        end = 0
        for piece in batch:
            sizes = piece.operations
            ends = end + np.cumsum(sizes).reshape(sizes.shape)
            time = upto[ends] - upto[ends - sizes]
            cycles[piece.group] += time.max(axis=0).sum()
            spent[piece.group] += time.sum(axis=1)
            end = int(ends[-1, -1])
    return cycles, spent


def _fullest_bank(counts: Words) -> Ints:
    """Largest bank count of each operation, at least one cycle."""
    fullest: Ints = largest_byte(counts).astype(np.int64)
    return np.maximum(fullest, 1)


def _halo_cycles(layer: Operands, filters: int) -> Ints:
    """Exposed exchange of each filter group: its filters times the largest strip around a tile."""
    top, left, bottom, right = layer.geometry.padding
    reach, (th, tw) = layer.geometry.reach, layer.tiling.tile
    down, across = (reach[0] - top, th, bottom), (reach[1] - left, tw, right)
    # Eight strips lie around a tile; the ninth place is the tile itself and is not exchanged.
    strips = [down[i] * across[j] for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    each = filters // layer.geometry.groups
    rounds = layer.groups // layer.geometry.groups
    first = np.arange(rounds) * layer.tiling.filters
    sizes = np.minimum(layer.tiling.filters, each - first)
    cycles: Ints = np.tile(sizes, layer.geometry.groups) * max(strips)
    return cycles
