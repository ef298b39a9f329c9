"""DCNN, the dense machine that SCNN is measured against (ISCA'17): rules and sources in
docs/machines/dcnn.md.

Every element makes the results of a tile of the output plane, all elements get the same weights,
and the multipliers of an element are dot products over the window. Values and zeros do not matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from archsim.arch.arch import Arch
from archsim.arch.component import Component, Count, Operands, UnitPrice
from archsim.machines.shared.fetches import fetches
from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.shared.groups import cut_groups, group_sizes, parts_of_groups
from archsim.machines.shared.machine import (
    halo_bytes,
    input_blocks,
    name_of,
    only,
    share_of,
    storage_of,
)
from archsim.machines.shared.partial_sums import psum_update_bytes
from archsim.machines.shared.shape_alone import shape_alone
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.token_planes import folded_size
from archsim.machines.shared.widths import activation_bytes, read_bytes, weight_bytes
from archsim.workload.layer import Layer

FLOWS = ("input", "weight", "output")
WIDTHS = (4, 8, 16)
Grid = Annotated[int, Field(ge=1, le=64)]


class DotProductGrid(Component):
    """DCNN's grid of elements: each makes `filters` dot products of `inputs` pairs per cycle, and
    holds `accumulators` results (ISCA'17).

    `along` is what a dot product runs over: the whole `window` of a filter, its channels after its
    taps, or the `channels` of one tap alone.
    """

    prices: ClassVar[Mapping[str, UnitPrice]] = {
        "mac": UnitPrice(
            0.143,
            "SmartDeal paper, Table I; [A] other widths as in units/table1_28nm",
            {"4": 0.0405, "4x8": 0.07625, "4x16": 0.14775, "8x16": 0.2765, "16": 0.534},
        ),
        "psum_access": UnitPrice(0.03, "[A] a register, per byte, as in units/table1_28nm"),
    }

    operands: ClassVar[Operands] = {"mac": ("activation", "weight")}

    rows: Grid
    columns: Grid
    inputs: Count
    filters: Count = 1
    accumulators: Count
    along: Literal["window", "channels"] = "window"

    @property
    def elements(self) -> int:
        """Processing elements."""
        return self.rows * self.columns

    @property
    def multipliers(self) -> int:
        """Multipliers of all elements."""
        return self.elements * self.inputs * self.filters


@dataclass(frozen=True)
class _Grid:
    """A layer on the grid: what each filter asks of it.

    Attributes:
        busiest: results that the busiest element makes, which the others wait for.
        results: results of all elements.
        held: results that an element accumulates at once.
        holding: elements that have any.
        steps: cycles of one result.
    """

    busiest: int
    results: int
    held: int
    holding: int
    steps: int


@dataclass(frozen=True)
class _Groups:
    """The filter groups of a layer: `sizes` (G,) filters of each, in `rounds` (G,) of as many as an
    element has dot products, cut into `parts` (G,) by input channel and `blocks` of the plane.
    """

    sizes: Ints
    rounds: Ints
    parts: Ints
    blocks: int

    def cut(self, amounts: Ints) -> Ints:
        """Amounts of the groups (G,) as those of their parts, shared evenly: (parts, blocks)."""
        ends = amounts[:, None] * np.arange(1, self.blocks + 1) // self.blocks
        return cut_groups(np.diff(ends, axis=1, prepend=0), self.parts)


@shape_alone
def tiles(layer: Layer, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference; a group is as much of a filter group as half the weight memories
    take, a tile what the input memories hold at once of the plane."""
    array = only(arch, DotProductGrid)
    grid = _grid(layer, array)
    groups = _groups(layer, arch, grid)
    cycles = groups.cut(groups.rounds * (grid.busiest * grid.steps))
    # A vector of inputs stays while it meets all filters of the group.
    vectors = cycles * (array.inputs * array.elements)
    loads = -(-vectors // np.repeat(groups.rounds, groups.parts)[:, None])
    nbytes = {
        "input": activation_bytes(loads, arch),
        "weight": weight_bytes(cycles * array.multipliers, arch),
    }
    read = fetches(arch, cycles, nbytes)
    lost = _losses(layer, array, grid, int(groups.rounds.sum()))
    weights = weight_bytes(groups.sizes * (layer.weight_elements // layer.out_channels), arch)
    return (
        Tiles(
            phase="inference",
            cycles=cycles,
            limited=read.limited,
            outputs=groups.cut(groups.sizes * (layer.output_elements // layer.out_channels)),
            moving={"input": read_bytes(layer, arch)},
            min_blocks=groups.blocks,
            stationary={"weight": cut_groups(weights[:, None], groups.parts)[:, 0]},
            halo_bytes=halo_bytes(layer, input_blocks(layer, arch), arch.activation_bits),
            macs_done=layer.macs,
            macs_skipped=0,
            instances={arch.compute: array.multipliers},
            busy={arch.compute: layer.macs},
            lost={arch.compute: lost | read.waits(array.multipliers)},
            actions=_actions(layer, arch, grid, groups),
            side=read.side,
        ),
    )


def _grid(layer: Layer, array: DotProductGrid) -> _Grid:
    """A convolution by tiles of its output plane; of a linear layer every element has as many
    inputs, and makes its part of every result."""
    if layer.op == "linear":
        share = ceil_div(layer.in_channels, array.elements)
        holding = ceil_div(layer.in_channels, share)
        steps = ceil_div(share, array.inputs)
        return _Grid(layer.positions, layer.positions * holding, 1, holding, steps)
    size = folded_size(layer, array.rows)
    if size == layer.in_size:
        size = layer.out_size
    tile = ceil_div(size[0], array.rows), ceil_div(size[1], array.columns)
    holding = ceil_div(size[0], tile[0]) * ceil_div(size[1], tile[1])
    window, channels = prod(layer.kernel), layer.group_channels
    steps = ceil_div(window * channels, array.inputs)
    if array.along == "channels":
        steps = window * ceil_div(channels, array.inputs)
    return _Grid(prod(tile), prod(layer.out_size), prod(tile), holding, steps)


def _groups(layer: Layer, arch: Arch, grid: _Grid) -> _Groups:
    """Filters of a group are as many as the accumulators hold results of, so that one vector of
    inputs meets them all."""
    array = only(arch, DotProductGrid)
    width = max(array.filters, array.accumulators // grid.held)
    sizes = group_sizes(layer.out_channels, layer.groups, width)
    weights = weight_bytes(sizes * (layer.weight_elements // layer.out_channels), arch)
    return _Groups(
        sizes=sizes,
        rounds=ceil_div(sizes, array.filters),
        parts=parts_of_groups(weights, share_of(arch, storage_of(arch, "weight"))),
        blocks=min(input_blocks(layer, arch), grid.busiest),
    )


def _losses(layer: Layer, array: DotProductGrid, grid: _Grid, rounds: int) -> dict[str, int]:
    """Multiplier-cycles of elements without a tile, of those with a smaller one than the largest,
    and of places that the window or the filters leave empty; of `rounds` times all filters."""
    each = array.multipliers // array.elements
    cycles, issued = rounds * grid.steps * grid.busiest, rounds * grid.steps * grid.results
    return {
        "unmapped": cycles * (array.elements - grid.holding) * each,
        "line_sync": (cycles * grid.holding - issued) * each,
        "lane_sync": issued * each - layer.macs,
    }


def _actions(layer: Layer, arch: Arch, grid: _Grid, groups: _Groups) -> dict[str, dict[str, int]]:
    """What the elements' memories give and get beside the traffic with DRAM, and what the grid
    does."""
    array = only(arch, DotProductGrid)
    sums = grid.results * grid.steps
    vectors = sums * array.inputs
    return {
        storage_of(arch, "input"): {"read": activation_bytes(len(groups.sizes) * vectors, arch)},
        storage_of(arch, "weight"): {
            "read": weight_bytes(int(groups.rounds.sum()) * vectors * array.filters, arch),
            # The traffic counts one copy of a weight, and every element gets one in every block.
            "write": weight_bytes(layer.weight_elements, arch)
            * (array.elements - 1)
            * groups.blocks,
        },
        name_of(arch, DotProductGrid): {
            "mac": layer.macs,
            "psum_access": layer.out_channels * sums * psum_update_bytes(arch),
        },
    }
