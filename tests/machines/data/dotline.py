"""A line of multipliers that makes one output at a time: the smallest machine there is."""

import numpy as np

from archsim.arch.component import Component, Count
from archsim.machines.shared.machine import name_of, only, storage_of
from archsim.machines.shared.tiles import Tiles

FLOWS = ("input", "weight", "output")


class DotLine(Component):
    """Multiplies `width` inputs by their weights and adds them up, each cycle."""

    width: Count


def tiles(layer, _tensors, arch):
    """One tile a filter: its whole plane, one dot product after the other."""
    width = only(arch, DotLine).width
    pixels = layer.positions * layer.out_size[0] * layer.out_size[1]
    products = layer.macs // layer.out_channels // pixels
    cycles = np.full((layer.out_channels, 1), pixels * -(-products // width))
    unused = int(cycles.sum()) * width - layer.macs
    return (
        Tiles(
            phase="inference",
            cycles=cycles,
            limited=cycles,
            outputs=np.full_like(cycles, pixels),
            moving={"input": layer.read_elements},
            stationary={"weight": np.full(layer.out_channels, products)},
            macs_done=layer.macs,
            macs_skipped=0,
            instances={arch.compute: width},
            busy={arch.compute: layer.macs},
            lost={arch.compute: {"unmapped": unused}},
            actions={
                storage_of(arch, "input"): {"read": layer.macs},
                storage_of(arch, "weight"): {"read": layer.macs},
                name_of(arch, DotLine): {"mac": layer.macs},
            },
        ),
    )
