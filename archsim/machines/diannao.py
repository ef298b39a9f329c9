"""DianNao's array (ASPLOS'14): rules and sources in docs/machines/diannao.md.

Each cycle Ti inputs meet Ti x Tn weights and Tn adder trees reduce them; neither values nor zeros
matter. The weights of a cycle come from SB every cycle, for a multiplier holds none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from archsim.arch.component import Component, Count, Cycles
from archsim.machines.shared.geometry import ceil_div
from archsim.machines.shared.groups import group_sizes
from archsim.machines.shared.machine import (
    buffer_of,
    halo_bytes,
    name_of,
    only,
    share_of,
    storage_of,
)
from archsim.machines.shared.tiles import Tiles

if TYPE_CHECKING:
    from archsim.arch.arch import Arch
    from archsim.machines.shared.tiles import Ints
    from archsim.workload.layer import Layer
    from archsim.workload.tensors import LayerTensors

FLOWS = ("input", "weight", "output")

PSUM_BYTES = 6
"""A 24-bit partial sum in a register of the adder trees, read and written."""


class Nfu(Component):
    """DianNao's multipliers and adder trees: `outputs` (Tn) neurons times `inputs` (Ti) synapses a
    cycle (ASPLOS'14).

    `fill_cycles` is the depth of its pipeline, paid once a layer.
    """

    inputs: Count
    outputs: Count
    fill_cycles: Cycles = 0


def tiles(layer: Layer, _tensors: LayerTensors, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference; a tile is as many pixels of Tn filters as half of NBout holds."""
    nfu, nbin, sb = only(arch, Nfu), storage_of(arch, "input"), storage_of(arch, "weight")
    depthwise = layer.kind == "depthwise"
    filters = group_sizes(layer.out_channels, 1 if depthwise else layer.groups, _trees(layer, nfu))
    plane = layer.positions * layer.out_size[0] * layer.out_size[1]
    width = max(1, share_of(arch, storage_of(arch, "output")) // 2 // nfu.outputs)
    pixels = np.minimum(width, plane - np.arange(0, plane, width))
    window = layer.kernel[0] * layer.kernel[1]
    depth = 1 if depthwise else -(-layer.group_channels // nfu.inputs)
    cycles = np.tile(pixels * (window * depth), (len(filters), 1))
    lanes = _trees(layer, nfu) if depthwise else nfu.inputs
    trees = 1 if depthwise else nfu.outputs
    input_cycles = ceil_div(cycles * lanes, buffer_of(arch, "input").bytes_per_cycle)
    weight_cycles = ceil_div(cycles * lanes * trees, buffer_of(arch, "weight").bytes_per_cycle)
    total = int(cycles.sum())
    limited = np.maximum.reduce([cycles, input_cycles, weight_cycles])
    lost = _losses(layer, nfu, cycles, limited, weight_cycles)
    limited[0, 0] += nfu.fill_cycles
    return (
        Tiles(
            phase="inference",
            cycles=cycles,
            limited=limited,
            outputs=np.outer(filters, pixels),
            moving={"input": layer.input_elements},
            stationary={"weight": filters * (layer.weight_elements // layer.out_channels)},
            halo_bytes=halo_bytes(layer),
            macs_done=layer.macs,
            macs_skipped=0,
            instances={arch.compute: nfu.inputs * nfu.outputs},
            busy={arch.compute: layer.macs},
            lost={arch.compute: lost},
            actions={
                nbin: {"read": total * lanes},
                sb: {"read": total * lanes * trees},
                name_of(arch, Nfu): {
                    "mac": layer.macs,
                    "psum_access": total * _trees(layer, nfu) * PSUM_BYTES,
                },
            },
            side={nbin: input_cycles, sb: weight_cycles},
        ),
    )


def _trees(layer: Layer, nfu: Nfu) -> int:
    """Partial sums that each cycle adds to."""
    return min(nfu.inputs, nfu.outputs) if layer.kind == "depthwise" else nfu.outputs


def _losses(
    layer: Layer, nfu: Nfu, cycles: Ints, limited: Ints, weight_cycles: Ints
) -> dict[str, int]:
    """Multiplier-cycles without an input and an output to work for, those that wait for a buffer,
    and the pipeline's fill.
    """
    multipliers = nfu.inputs * nfu.outputs
    over = limited - cycles
    by_weight = limited == weight_cycles
    return {
        "unmapped": int(cycles.sum()) * multipliers - layer.macs,
        "wait_weight": int(over[by_weight].sum()) * multipliers,
        "wait_input": int(over[~by_weight].sum()) * multipliers,
        "drain": nfu.fill_cycles * multipliers,
    }
