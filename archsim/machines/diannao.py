"""DianNao's array (ASPLOS'14): rules and sources in docs/machines/diannao.md.

Each cycle Ti inputs meet Ti x Tn weights and Tn adder trees reduce them; neither values nor zeros
matter. The weights of a cycle come from SB every cycle, for a multiplier holds none.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from archsim.arch.arch import Arch
from archsim.arch.component import Component, Count, Cycles, Operands
from archsim.machines.shared.fetches import Fetches, fetches
from archsim.machines.shared.groups import group_sizes, part_sizes
from archsim.machines.shared.machine import (
    halo_bytes,
    input_blocks,
    name_of,
    only,
    tile_pixels,
)
from archsim.machines.shared.partial_sums import psum_update_bytes
from archsim.machines.shared.shape_alone import shape_alone
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.widths import activation_bytes, read_bytes, weight_bytes
from archsim.workload.layer import Layer

FLOWS = ("input", "weight", "output")
WIDTHS = (4, 8, 16)


class Nfu(Component):
    """DianNao's multipliers and adder trees: `outputs` (Tn) neurons times `inputs` (Ti) synapses a
    cycle (ASPLOS'14).

    `fill_cycles` is the depth of its pipeline, paid once per layer.
    """

    operands: ClassVar[Operands] = {"mac": ("activation", "weight")}

    inputs: Count
    outputs: Count
    fill_cycles: Cycles = 0


@shape_alone
def tiles(layer: Layer, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference; a tile is as many pixels of Tn filters as `tile_pixels` says."""
    nfu = only(arch, Nfu)
    depthwise = layer.kind == "depthwise"
    filters = group_sizes(layer.out_channels, 1 if depthwise else layer.groups, _trees(layer, nfu))
    plane = layer.positions * layer.out_size[0] * layer.out_size[1]
    pixels = part_sizes(plane, tile_pixels(layer, arch, nfu.outputs))
    window = layer.kernel[0] * layer.kernel[1]
    depth = 1 if depthwise else -(-layer.group_channels // nfu.inputs)
    cycles = np.tile(pixels * (window * depth), (len(filters), 1))
    inputs = cycles * (_trees(layer, nfu) if depthwise else nfu.inputs)
    weights = inputs * (1 if depthwise else nfu.outputs)
    nbytes = {"input": activation_bytes(inputs, arch), "weight": weight_bytes(weights, arch)}
    read = fetches(arch, cycles, nbytes)
    each = layer.weight_elements // layer.out_channels
    lost = _losses(layer, nfu, read)
    limited = read.limited.copy()
    limited[0, 0] += nfu.fill_cycles  # paid once, before the first result
    return (
        Tiles(
            phase="inference",
            cycles=cycles,
            limited=limited,
            outputs=np.outer(filters, pixels),
            moving={"input": read_bytes(layer, arch)},
            stationary={"weight": weight_bytes(filters * each, arch)},
            halo_bytes=halo_bytes(layer, input_blocks(layer, arch), arch.activation_bits),
            macs_done=layer.macs,
            macs_skipped=0,
            instances={arch.compute: nfu.inputs * nfu.outputs},
            busy={arch.compute: layer.macs},
            lost={arch.compute: lost},
            actions={
                **read.reads,
                name_of(arch, Nfu): {
                    "mac": layer.macs,
                    "psum_access": int(cycles.sum(axis=1) @ filters) * psum_update_bytes(arch),
                },
            },
            side=read.side,
        ),
    )


def _trees(layer: Layer, nfu: Nfu) -> int:
    """Partial sums that each cycle adds to."""
    return min(nfu.inputs, nfu.outputs) if layer.kind == "depthwise" else nfu.outputs


def _losses(layer: Layer, nfu: Nfu, read: Fetches) -> dict[str, int]:
    """Multiplier-cycles without an input and an output to work for, those that wait for a buffer,
    and the pipeline's fill.
    """
    multipliers = nfu.inputs * nfu.outputs
    return {
        "unmapped": int(read.cycles.sum()) * multipliers - layer.macs,
        **read.waits(multipliers),
        "drain": nfu.fill_cycles * multipliers,
    }
