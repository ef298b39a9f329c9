"""Tiles of a layer as jobs for one slice of the Verilog: which filters, which tiles, what each line
gets, and what must come out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from archsim.analysis.cosim.case import Case, Ints, Job
from archsim.analysis.cosim.operands import Operands
from archsim.formats.digits import count_table
from archsim.machines.smartdeal import rule
from archsim.machines.smartdeal.parts import Parts
from archsim.workload.layer import TRIPLE, Layer

Place = tuple[int, int]


@dataclass(frozen=True)
class Pass:
    """Tiles that one slice does for one output-channel group: `stream` are the filters that step
    together, `own` those of the slice, one per cluster.
    """

    stream: tuple[int, ...]
    own: tuple[int, ...]
    tiles: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """How a layer lies on the slices: pixels of every tile, lines of every unit, and the FIFO."""

    layer: Layer
    machine: Parts
    signed: bool

    @property
    def linear(self) -> bool:
        return self.layer.kind == "linear"

    @property
    def pointwise(self) -> bool:
        """Triples of channels of a plane."""
        return self.layer.kernel == (1, 1) and self.layer.kind not in {"linear", "depthwise"}

    @property
    def block(self) -> int:
        """Output rows of a tile."""
        return rule.block_of(self.machine, self.layer) if self.layer.kind == "depthwise" else 1

    @property
    def steps(self) -> tuple[int, int] | None:
        """The FIFO slides where multipliers are 1 or 2 inputs apart, and weights too."""
        pair = self.layer.stride[1], self.layer.dilation[1]
        slides = not self.pointwise and not self.linear and set(pair) <= {1, 2}
        return pair if slides else None

    @property
    def begins(self) -> tuple[int, ...]:
        """Lines at which a segment of the adder tree begins."""
        if self.layer.kind != "depthwise":
            return (0,)
        lines, kernel = self.machine.slices.lines, self.layer.kernel[0]
        ends = range(0, self.block * kernel + 1, kernel) if kernel <= lines else (0,)
        return tuple(line for line in ends if line < lines)

    @property
    def positions(self) -> int:
        """Sums that the tree takes from each line: multipliers, or clusters."""
        return 2 if self.linear else self.machine.array.macs

    @property
    def tiles(self) -> int:
        """Tiles of an output-channel group."""
        return len(self.places)

    @cached_property
    def places(self) -> list[list[list[Place]]]:
        """[tile][row of the tile] the output pixels, or [tile][0] one (position, 0)."""
        macs, (high, wide) = self.machine.array.macs, self.layer.out_size
        if self.linear:
            return [[[(position, 0)]] for position in range(self.layer.positions)]
        if self.pointwise:
            flat = [(row, column) for row in range(high) for column in range(wide)]
            return [[flat[first : first + macs]] for first in range(0, len(flat), macs)]
        return [
            [
                [(row, column) for column in range(first, min(first + macs, wide))]
                for row in range(top, min(top + self.block, high))
            ]
            for top in range(0, high, self.block)
            for first in range(0, wide, macs)
        ]


def case_of(
    plan: Plan, operands: Operands, passes: Sequence[Pass], opens: Ints, title: str
) -> Case:
    """The jobs of some passes, one after the other; `opens` is when the rule opens each tile."""
    places = plan.places
    jobs: list[Job] = []
    shown: list[Ints] = []
    pixels: list[int] = []
    for one in passes:
        gate = len(pixels)
        for tile in one.tiles:
            rows = places[tile]
            jobs += _jobs(plan, operands, one, rows, (gate, len(pixels)))
            shown.append(_outputs(plan, operands, one, rows))
            pixels.append(2 if plan.linear else len(rows[0]))
    return Case(
        title=title,
        linear=plan.linear,
        steps=plan.steps,
        begins=plan.begins,
        jobs=tuple(jobs),
        outputs=np.array(shown),
        pixels=np.array(pixels),
        opens=opens,
    )


def _outputs(plan: Plan, operands: Operands, one: Pass, rows: list[list[Place]]) -> Ints:
    """(segments, positions), 0 where there is no output."""
    shown = np.zeros((len(plan.begins), plan.positions), np.int64)
    for segment, places in enumerate(rows):
        if plan.linear:
            shown[0] = [operands.output(filter_, places[0]) for filter_ in one.own]
        else:
            shown[segment, : len(places)] = [operands.output(one.own[0], p) for p in places]
    return shown


def _jobs(
    plan: Plan, operands: Operands, one: Pass, rows: list[list[Place]], number: tuple[int, int]
) -> Iterator[Job]:
    """The jobs of a tile, each line's in its order; `number` is the tile's gate and its own."""
    serial, machine = count_table("booth", plan.signed), plan.machine
    for row, places in enumerate(rows):
        for unit, line, values in _segments(plan, operands, one.own[0], (row, places)):
            nonzeros = (operands.codes[list(one.stream), unit] != 0).sum(axis=1)
            if machine.selector.skips_weights and not nonzeros.any():
                continue
            if machine.selector.skips_inputs and not values.any():
                continue
            most = serial[values.astype(np.uint8)].max(axis=1)
            yield Job(
                line=line,
                tile=number[1],
                gate=number[0],
                raw=operands.raw,
                need=0 if operands.raw else int(nonzeros.max()),
                cycles=int(np.maximum(most, 1).sum()),
                values=values,
                basis=unit // operands.rows_of_slice,
                engines=tuple(operands.of_engine(filter_, unit) for filter_ in one.own),
            )


def _segments(
    plan: Plan, operands: Operands, filter_: int, tile: tuple[int, list[Place]]
) -> Iterator[tuple[int, int, Ints]]:
    """(unit, line, values) of a tile's row: the inputs that each weight of the unit meets."""
    lines, (row, places), layer = plan.machine.slices.lines, tile, plan.layer
    inputs = operands.inputs
    if plan.linear:
        vector = inputs[places[0][0]]
        for unit, first in enumerate(range(0, len(vector), TRIPLE)):
            yield unit, unit % lines, vector[None, first : first + TRIPLE]
        return
    top = np.array([place[0] * layer.stride[0] for place in places])
    left = np.array([place[1] * layer.stride[1] for place in places])
    if plan.pointwise:
        for unit, first in enumerate(range(0, len(inputs), TRIPLE)):
            yield unit, unit % lines, inputs[first : first + TRIPLE, top, left]
        return
    across = np.arange(layer.kernel[1])[:, None] * layer.dilation[1] + left
    planes = [filter_] if layer.kind == "depthwise" else range(len(inputs))
    for channel in planes:
        for r in range(layer.kernel[0]):
            values = inputs[channel, top[0] + r * layer.dilation[0], across]
            if layer.kind == "depthwise":
                own = row * layer.kernel[0] + r if layer.kernel[0] <= lines else r % lines
                yield r, own, values
            else:
                yield channel * layer.kernel[0] + r, channel % lines, values
