"""The training accelerator's cycle rule: every phase of training is a matrix product on 4x4 arrays
of transposable processing elements, which may hold either operand still (ISSCC 2019 7.4; its
papers are silent on the schedule, so docs/machines/training_accelerator.md states the
assumptions).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from archsim.machines.shared.geometry import ceil_div
from archsim.machines.training_accelerator.multicast import (
    Lanes,
    OperandReads,
    Still,
    held_once,
    lanes_read,
)


@dataclass(frozen=True)
class TrainingArray:
    """`arrays` arrays of `rows` x `columns` multiply-accumulate units.

    With `multicast` a value that several arrays take in the same cycle is read once.
    """

    arrays: int = 32
    rows: int = 4
    columns: int = 4
    multicast: bool = True

    @property
    def multipliers(self) -> int:
        """Multiply-accumulate units in all."""
        return self.arrays * self.rows * self.columns

    @property
    def lanes(self) -> Lanes:
        """The arrays as those who take streams."""
        return Lanes(self.arrays, self.columns)


@dataclass(frozen=True)
class Gemms:
    """`count` equal products (m x depth) * (depth x n) whose tiles share the arrays.

    `alike` of them at a time have the same right operand.
    """

    m: int
    depth: int
    n: int
    count: int
    alike: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all products."""
        return self.count * self.m * self.depth * self.n


@dataclass(frozen=True)
class TrainingLayer:
    """A convolution or linear layer (1x1, P = Q = 1) and its batch. `in_channels` are those that
    one filter reads; a filter of another group reads others.
    """

    out_channels: int
    in_channels: int
    kernel: tuple[int, int]
    out_size: tuple[int, int]
    batch: int
    groups: int = 1

    @property
    def filters(self) -> int:
        """Output channels of one group."""
        return self.out_channels // self.groups

    @property
    def taps(self) -> int:
        """Kernel positions."""
        return self.kernel[0] * self.kernel[1]

    @property
    def pixels(self) -> int:
        """Output pixels of the whole batch."""
        return self.out_size[0] * self.out_size[1] * self.batch


@dataclass(frozen=True)
class Waves:
    """What the waves of a phase, rounds of one tile per array, come to: cycles for which they
    stream, multiplications, and values read from the buffers.
    """

    count: int
    streamed: int
    macs: int
    reads: OperandReads


@dataclass(frozen=True)
class PhaseCycles:
    """One phase on the arrays: `waves` of tiles, one after the other. `stationary` says
    which operand stays: "W" the left one, "X" the right, "-" no work; `reads` are values that the
    arrays take from the buffers.
    """

    stationary: Literal["W", "X", "-"]
    waves: int
    cycles: int
    macs: int
    busy: int
    lost: dict[str, int]
    reads: OperandReads


NO_WORK = PhaseCycles("-", 0, 0, 0, 0, {}, OperandReads(0, 0))


def forward(layer: TrainingLayer) -> Gemms:
    """FF: Y = W * X, one product (K, C*R*S, p) per group."""
    depth = layer.in_channels * layer.taps
    return Gemms(layer.filters, depth, layer.pixels, count=layer.groups)


def backward(layer: TrainingLayer) -> Gemms:
    """BP: dX = W^T * dY, one product (C, K, p) per tap and group, scattered into dX at any
    stride.
    """
    count = layer.taps * layer.groups
    return Gemms(layer.in_channels, layer.filters, layer.pixels, count=count, alike=layer.taps)


def weight_gradient(layer: TrainingLayer) -> Gemms:
    """WG: dW = dY * X^T, one product (K, p, C*R*S) per group."""
    columns = layer.in_channels * layer.taps
    return Gemms(layer.filters, layer.pixels, columns, count=layer.groups)


def gemm_cycles(gemms: Gemms, array: TrainingArray) -> PhaseCycles:
    """Cycles of the faster stationarity, the left operand's on a tie.

    A tile of rows x columns of the still operand lasts as long as the moving dimension, plus
    `rows` cycles to load it. Lost multiplier-cycles: `unmapped` for units without a tile element,
    `drain` for the loading.
    """
    if gemms.macs == 0:
        return NO_WORK
    deep = ceil_div(gemms.depth, array.columns)
    left = ceil_div(gemms.count * ceil_div(gemms.m, array.rows) * deep, array.arrays)
    right = ceil_div(gemms.count * deep * ceil_div(gemms.n, array.rows), array.arrays)
    if left * (gemms.n + array.rows) <= right * (gemms.m + array.rows):
        return _phase("W", gemms, array, left)
    return _phase("X", gemms, array, right)


def _phase(
    stationary: Literal["W", "X"], gemms: Gemms, array: TrainingArray, waves: int
) -> PhaseCycles:
    moving = gemms.n if stationary == "W" else gemms.m
    reads = operand_reads(stationary, gemms, array)
    return counted(stationary, array, Waves(waves, waves * moving, gemms.macs, reads))


def operand_reads(
    stationary: Literal["W", "X"], gemms: Gemms, array: TrainingArray
) -> OperandReads:
    """Values read; each only once in a wave where the arrays share reads.

    The order of tiles is that of their streams. Left operand still: products and rows that take the
    same depth of a right operand follow each other. Right operand still: columns do that take the
    same depth of a product's left one.
    """
    left, groups = stationary == "W", gemms.count // gemms.alike
    side, moving = (gemms.m, gemms.n) if left else (gemms.n, gemms.m)
    still = Still(gemms.depth, side, array.columns, array.rows, groups, gemms.alike)
    if not array.multicast:
        lanes = gemms.count * still.blocks * gemms.depth
        return OperandReads(streamed=lanes * moving, held=still.held)
    runs = groups if left else gemms.count
    size = gemms.count * still.blocks // runs
    first = np.arange(runs, dtype=np.int64) * still.deep * size
    lanes = int(lanes_read(first, size, gemms.depth, array.lanes).sum())
    held = still.held if left else held_once(still, array.arrays)
    return OperandReads(streamed=lanes * moving, held=held)


def counted(stationary: Literal["W", "X"], array: TrainingArray, waves: Waves) -> PhaseCycles:
    """A phase of so many waves, with its losses."""
    macs, loading = waves.macs, waves.count * array.rows
    lost = {
        "unmapped": waves.streamed * array.multipliers - macs,
        "drain": loading * array.multipliers,
    }
    cycles = waves.streamed + loading
    return PhaseCycles(stationary, waves.count, cycles, macs, macs, lost, waves.reads)
