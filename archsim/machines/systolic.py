"""A systolic array as SCALE-Sim times it: rules and sources in docs/machines/systolic.md.

A layer is a product of two matrices, (pixels, depth) and (depth, filters), for each convolution
group. Two of its three sizes, S_R and S_C, lie along the array's rows and columns and are cut into
folds of R x C; the third, T, passes in time. A fold takes 2 R + C + T - 2 cycles, however little of
the array it fills.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from archsim.arch.arch import Arch
from archsim.arch.component import Component, Count, Operands, UnitPrice, Units
from archsim.machines.shared.geometry import Ints, differences, portion
from archsim.machines.shared.groups import group_sizes, part_sizes
from archsim.machines.shared.machine import (
    buffer_of,
    halo_bytes,
    input_blocks,
    only,
    storage_of,
    tile_pixels,
)
from archsim.machines.shared.partial_sums import psum_bytes, psum_update_bytes
from archsim.machines.shared.shape_alone import shape_alone
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.widths import activation_bytes, read_bytes, weight_bytes
from archsim.workload.layer import Layer

FLOWS = ("input", "weight", "output")
WIDTHS = (4, 8, 16)
MOST_TILES = 1 << 20
"""Tiles of a layer: where there are more folds, a tile is several of them."""


class SystolicArray(Component):
    """`rows` x `columns` multipliers, each of which passes its operands to its neighbours
    (SCALE-Sim, ISPASS'20).

    `dataflow` is what stays in a multiplier: its result, or its weight.
    """

    prices: ClassVar[Mapping[str, UnitPrice]] = {
        "mac": UnitPrice(
            0.143,
            "SmartDeal paper, Table I; [A] other widths as in units/table1_28nm",
            {"4": 0.0405, "4x8": 0.07625, "4x16": 0.14775, "8x16": 0.2765, "16": 0.534},
        ),
        "operand_access": UnitPrice(0.03, "[A] a register, per byte, as in units/table1_28nm"),
        "psum_access": UnitPrice(0.03, "[A] a register, per byte, as in units/table1_28nm"),
        "accumulator_access": UnitPrice(
            1.36, "[A] the least SRAM of the SmartDeal paper's Table I, per byte"
        ),
    }

    operands: ClassVar[Operands] = {"mac": ("activation", "weight")}
    units: ClassVar[Units] = {"element": ("rows", "columns")}

    rows: Count
    columns: Count
    dataflow: Literal["output_stationary", "weight_stationary"] = "output_stationary"

    @property
    def outputs_stay(self) -> bool:
        """Whether the array is output stationary."""
        return self.dataflow == "output_stationary"


@dataclass(frozen=True)
class Folds:
    """A layer cut into folds: G groups of filters side by side, each in F folds of the rows.

    `filters` (G,) are the columns that a group uses and `rows` (F,) the rows that a fold uses;
    `steps` is T. `pixels` and `depth` are of the output plane and of one result.
    """

    filters: Ints
    rows: Ints
    steps: int
    pixels: int
    depth: int

    @property
    def count(self) -> int:
        """ceil(S_R / R) x ceil(S_C / C), over all convolution groups."""
        return len(self.filters) * len(self.rows)


def folds_of(layer: Layer, array: SystolicArray) -> Folds:
    """SCALE-Sim's mapping (ISPASS'20, Table III): output stationary has S_R = pixels, S_C = filters
    and T = depth; weight stationary has S_R = depth, S_C = filters and T = pixels.
    """
    pixels = layer.positions * layer.out_size[0] * layer.out_size[1]
    depth = layer.group_channels * layer.kernel[0] * layer.kernel[1]
    along, steps = (pixels, depth) if array.outputs_stay else (depth, pixels)
    return Folds(
        filters=group_sizes(layer.out_channels, layer.groups, array.columns),
        rows=part_sizes(along, array.rows),
        steps=steps,
        pixels=pixels,
        depth=depth,
    )


@shape_alone
def tiles(layer: Layer, arch: Arch) -> Sequence[Tiles]:
    """The one phase of inference. A tile is a fold where results stay, or some folds of a layer of
    very many; where weights stay, it is as many pixels as `tile_pixels` allows.
    """
    array = only(arch, SystolicArray)
    folds = folds_of(layer, array)
    firsts = np.arange(0, len(folds.rows), -(-folds.count // MOST_TILES))
    pixels = _tile_pixels(folds, array, firsts, tile_pixels(layer, arch, array.columns))
    sizes, of_group = np.unique(folds.filters, return_inverse=True)
    times = {
        name: _of_tiles(cycles, array, firsts, pixels)[of_group]
        for name, cycles in _fold_cycles(replace(folds, filters=sizes), array, arch).items()
    }
    limited = times["cycles"] + times["wait_input"] + times["wait_weight"]
    return (
        Tiles(
            phase="inference",
            cycles=times["cycles"],
            limited=limited,
            outputs=np.outer(folds.filters, pixels),
            moving={"input": read_bytes(layer, arch)},
            stationary={"weight": weight_bytes(folds.filters * folds.depth, arch)},
            halo_bytes=halo_bytes(layer, input_blocks(layer, arch), arch.activation_bits),
            macs_done=layer.macs,
            macs_skipped=0,
            instances={arch.compute: array.rows * array.columns},
            busy={arch.compute: layer.macs},
            lost={arch.compute: _lost(layer, folds, array, times)},
            actions={
                **_buffer_reads(layer, folds, array, arch),
                arch.compute: _array_actions(layer, folds, arch, outputs_stay=array.outputs_stay),
            },
            side={
                storage_of(arch, flow): np.minimum(times[flow], limited)
                for flow in ("input", "weight")
            },
        ),
    )


def _tile_pixels(folds: Folds, array: SystolicArray, firsts: Ints, width: int) -> Ints:
    """Pixels of each tile; `firsts` is the first fold of each where results stay."""
    if array.outputs_stay:
        return np.asarray(np.add.reduceat(folds.rows, firsts))
    return np.minimum(width, folds.pixels - np.arange(0, folds.pixels, width))


def _fold_cycles(folds: Folds, array: SystolicArray, arch: Arch) -> dict[str, Ints]:
    """(G, F) cycles of every fold, of its buffers, and by how much a narrow buffer lengthens it.

    Inputs stream, and so do weights where results stay; else weights are loaded before, in R
    cycles.
    """
    of_inputs = np.tile(folds.rows * folds.steps, (len(folds.filters), 1))
    of_weights = np.outer(
        folds.filters, np.full_like(folds.rows, folds.steps) if array.outputs_stay else folds.rows
    )
    inputs = buffer_of(arch, "input").move_cycles(activation_bytes(of_inputs, arch))
    weights = buffer_of(arch, "weight").move_cycles(weight_bytes(of_weights, arch))
    streamed = np.maximum(folds.steps, inputs)
    return {
        "cycles": np.full_like(inputs, 2 * array.rows + array.columns + folds.steps - 2),
        "input": inputs,
        "weight": weights,
        "wait_input": streamed - folds.steps,
        "wait_weight": np.maximum(0, weights - (streamed if array.outputs_stay else array.rows)),
    }


def _of_tiles(cycles: Ints, array: SystolicArray, firsts: Ints, pixels: Ints) -> Ints:
    """(G, F) cycles of folds -> (G, T) cycles of tiles."""
    if array.outputs_stay:
        return np.asarray(np.add.reduceat(cycles, firsts, axis=1))
    return _over_plane(cycles, pixels)


def _over_plane(cycles: Ints, pixels: Ints) -> Ints:
    """(G, F) cycles of folds that each stream the whole plane, shared out over its tiles."""
    ends = np.cumsum(pixels)
    return differences(portion(ends, cycles.sum(axis=1, keepdims=True), ends[-1]))


def _lost(
    layer: Layer, folds: Folds, array: SystolicArray, times: Mapping[str, Ints]
) -> dict[str, int]:
    """Multiplier-cycles in rows and columns that a fold leaves empty, in which the array fills and
    drains, and in which it waits for a buffer.
    """
    multipliers = array.rows * array.columns
    return {
        "unmapped": folds.count * folds.steps * multipliers - layer.macs,
        "drain": folds.count * (2 * array.rows + array.columns - 2) * multipliers,
        "wait_input": int(times["wait_input"].sum()) * multipliers,
        "wait_weight": int(times["wait_weight"].sum()) * multipliers,
    }


def _buffer_reads(
    layer: Layer, folds: Folds, array: SystolicArray, arch: Arch
) -> dict[str, dict[str, int]]:
    """Bytes that enter the array from both buffers."""
    inputs = len(folds.filters) * folds.pixels * folds.depth
    weights = layer.weight_elements * (len(folds.rows) if array.outputs_stay else 1)
    return {
        storage_of(arch, "input"): {"read": activation_bytes(inputs, arch)},
        storage_of(arch, "weight"): {"read": weight_bytes(weights, arch)},
    }


def _array_actions(layer: Layer, folds: Folds, arch: Arch, *, outputs_stay: bool) -> dict[str, int]:
    """Multiplications, and bytes of registers and accumulators read and written.

    A multiplication reads and writes a partial sum. Each of its operands is written and read, but a
    weight that stays is only read. In a fold of r rows, weights on their way in and results on
    their way out pass from row to row: 1 + 3 + ... + (2 r - 1) = r x r accesses per column.
    """
    passed = int((folds.rows**2).sum()) * layer.out_channels
    actions = {"mac": layer.macs, "psum_access": layer.macs * psum_update_bytes(arch)}
    inputs = activation_bytes(2 * layer.macs, arch)
    if outputs_stay:
        actions["psum_access"] += passed * psum_bytes(arch)
        return actions | {"operand_access": inputs + weight_bytes(2 * layer.macs, arch)}
    # Every fold but the first adds to what the accumulators under the columns hold.
    accesses = layer.output_elements * (2 * len(folds.rows) - 1)
    return actions | {
        "operand_access": inputs + weight_bytes(layer.macs + passed, arch),
        "accumulator_access": accesses * psum_bytes(arch),
    }
