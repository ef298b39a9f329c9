"""Bit-Pragmatic's array (MICRO'17): rules and sources in docs/machines/bit_pragmatic.md.

Activations enter as streams of powers of two, weights in parallel; a step lasts as long as the
slowest of the activations that wait for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsim.arch.arch import Arch
from archsim.machines.bit_pragmatic.components import BitPragmaticPeArray
from archsim.machines.bit_pragmatic.cycles import (
    BitPragmaticArray,
    BitPragmaticCycles,
    layer_cycles,
)
from archsim.machines.shared.fetches import fetches
from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.groups import group_sizes, part_sizes
from archsim.machines.shared.machine import (
    halo_bytes,
    input_blocks,
    name_of,
    only,
    tile_pixels,
)
from archsim.machines.shared.operands import plane_of
from archsim.machines.shared.partial_sums import psum_update_bytes
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.widths import activation_bytes, read_bytes, weight_bytes
from archsim.workload.layer import Layer
from archsim.workload.tensors import LayerTensors

FLOWS = ("input", "weight", "output")
WIDTHS = (4, 8, 16)


def tiles(layer: Layer, tensors: LayerTensors, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference; a tile is as many window groups as `tile_pixels` allows."""
    part = only(arch, BitPragmaticPeArray)
    array = BitPragmaticArray(**part.model_dump())
    inputs = plane_of(layer, tensors)
    work = layer_cycles(inputs, layer.out_channels, layer.geometry, array)
    cut = _cut(layer, part, arch)
    cycles = _cycles(work, cut)
    depth = layer.kernel[0] * layer.kernel[1] * cut.channels
    nbytes = {
        "input": activation_bytes(np.outer(depth, cut.pixels), arch),
        "weight": weight_bytes(np.outer(depth * cut.filters, -(-cut.pixels // part.columns)), arch),
    }
    read = fetches(arch, cycles, nbytes)
    each = layer.weight_elements // layer.out_channels
    return (
        Tiles(
            phase="inference",
            cycles=cycles,
            limited=read.limited,
            outputs=np.outer(cut.sizes, cut.pixels),
            moving={"input": read_bytes(layer, arch)},
            stationary={"weight": weight_bytes(cut.sizes * each, arch)},
            halo_bytes=halo_bytes(layer, input_blocks(layer, arch), arch.activation_bits),
            macs_done=work.macs,
            macs_skipped=layer.macs - work.macs,
            instances={arch.compute: array.multipliers},
            busy={arch.compute: work.busy},
            lost={arch.compute: work.lost | read.waits(array.multipliers)},
            actions={
                **read.reads,
                name_of(arch, BitPragmaticPeArray): {
                    "bit_step": work.terms,
                    "psum_access": work.additions * psum_update_bytes(arch),
                },
            },
            side=read.side,
        ),
    )


@dataclass(frozen=True)
class _Cut:
    """Groups and tiles of a layer: output channels of each group, `sizes` (G,); the input channels
    each of their windows reads, (G,); the filters that read them, (G,); `pixels` (T,) of each tile.

    Groups come in `blocks` of equally many: convolution groups, or bricks of a depthwise layer.
    `wide` window groups make a tile.
    """

    sizes: Ints
    channels: Ints
    filters: Ints
    pixels: Ints
    blocks: int
    wide: int


def _cut(layer: Layer, part: BitPragmaticPeArray, arch: Arch) -> _Cut:
    depthwise = layer.kind == "depthwise"
    seats = part.lanes if depthwise else part.filters
    sizes = group_sizes(layer.out_channels, 1 if depthwise else layer.groups, seats)
    wide = max(1, tile_pixels(layer, arch, seats) // part.columns)
    plane = layer.positions * layer.out_size[0] * layer.out_size[1]
    width = wide * part.columns
    return _Cut(
        sizes=sizes,
        channels=sizes if depthwise else np.full_like(sizes, layer.group_channels),
        filters=np.ones_like(sizes) if depthwise else sizes,
        pixels=part_sizes(plane, width),
        blocks=len(sizes) if depthwise else layer.groups,
        wide=wide,
    )


def _cycles(work: BitPragmaticCycles, cut: _Cut) -> Ints:
    """(G, T) cycles: those of a tile's window groups, shared evenly by the filter groups that
    repeat them; a bound that knows no windows is shared out by the work."""
    if len(work.pass_cycles) == 1:
        share = np.cumsum(np.outer(cut.sizes * cut.channels, cut.pixels))
        ends = share * int(work.pass_cycles[0]) // int(share[-1])
        return np.diff(ends, prepend=0).reshape(len(cut.sizes), -1)
    passes = work.pass_cycles.reshape(cut.blocks, -1)
    by_tile = np.add.reduceat(passes, np.arange(0, passes.shape[1], cut.wide), axis=1)
    rounds = len(cut.sizes) // cut.blocks
    ends = by_tile[:, None] * np.arange(1, rounds + 1)[:, None] // rounds
    return np.diff(ends, axis=1, prepend=0).reshape(len(cut.sizes), -1)
