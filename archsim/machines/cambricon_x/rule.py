"""Cambricon-X's array (MICRO'16): rules and sources in docs/machines/cambricon_x.md.

An indexing module brings each element the neurons that its stored, non-zero weights meet; zero
weights cost nothing anywhere, zero neurons as much as any.
"""

from collections.abc import Sequence

import numpy as np

from archsim.arch.arch import Arch
from archsim.machines.cambricon_x.components import CambriconXPeArray
from archsim.machines.cambricon_x.cycles import CambriconXArray, CambriconXCycles, layer_cycles
from archsim.machines.shared.fetches import fetches
from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.shared.groups import group_numbers, group_sizes, part_sizes
from archsim.machines.shared.machine import (
    halo_bytes,
    input_blocks,
    name_of,
    only,
    tile_pixels,
)
from archsim.machines.shared.operands import weights_of
from archsim.machines.shared.partial_sums import psum_update_bytes
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.widths import activation_bytes, read_bytes
from archsim.workload.layer import Layer
from archsim.workload.tensors import LayerTensors

FLOWS = ("input", "weight", "output")
WIDTHS = (4, 8, 16)


def tiles(layer: Layer, tensors: LayerTensors, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference; a tile is as many pixels of a group of output channels as
    `tile_pixels` allows."""
    part = only(arch, CambriconXPeArray)
    plane = layer.positions * layer.out_size[0] * layer.out_size[1]
    array = CambriconXArray(part.pes, part.multipliers, part.sync, part.step_bits, arch.weight_bits)
    work = layer_cycles(weights_of(layer, tensors, arch), plane, layer.groups, array)
    sizes = group_sizes(layer.out_channels, 1, part.pes)
    pixels = part_sizes(plane, tile_pixels(layer, arch, part.pes))
    stored = _stored_bytes(work, sizes)
    cycles = np.outer(work.pixel_cycles, pixels)
    nbytes = {
        "input": activation_bytes(np.outer(work.neuron_reads // plane, pixels), arch),
        "weight": np.outer(stored, pixels),
    }
    read = fetches(arch, cycles, nbytes)
    multipliers = part.pes * part.multipliers
    return (
        Tiles(
            phase="inference",
            cycles=cycles,
            limited=read.limited,
            outputs=np.outer(sizes, pixels),
            moving={"input": read_bytes(layer, arch)},
            stationary={"weight": stored},
            halo_bytes=halo_bytes(layer, input_blocks(layer, arch), arch.activation_bits),
            macs_done=work.macs,
            macs_skipped=layer.macs - work.macs,
            instances={arch.compute: multipliers},
            busy={arch.compute: work.busy},
            lost={arch.compute: work.lost | read.waits(multipliers)},
            actions={**read.reads, name_of(arch, CambriconXPeArray): _array_actions(work, arch)},
            side=read.side,
        ),
    )


def _array_actions(work: CambriconXCycles, arch: Arch) -> dict[str, int]:
    """Multiplications, fillers included; index fields read; partial sums updated."""
    return {
        "mac": work.macs + work.filler_slots,
        "index": work.weight_reads,
        "psum_access": work.element_cycles * psum_update_bytes(arch),
    }


def _stored_bytes(work: CambriconXCycles, sizes: Ints) -> Ints:
    """(G,) whole bytes of the values and their steps or index bits."""
    bits = np.bincount(group_numbers(sizes), weights=work.stored_bits, minlength=len(sizes))
    return ceil_div(bits.astype(np.int64), 8)
