"""Cases of a layer: all of it, or a seeded sample of its tiles."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from archsim.analysis.cosim.case import Case
from archsim.analysis.cosim.operands import Operands, operands_of
from archsim.analysis.cosim.rule_times import RuleTimes
from archsim.analysis.cosim.stimuli import Pass, Plan, case_of
from archsim.formats.errors import InputError
from archsim.formats.widths import WIDTH_KEYS
from archsim.machines.smartdeal import rule
from archsim.machines.smartdeal.parts import Parts
from archsim.workload.layer import Layer
from archsim.workload.tensors import LayerTensors

RUN = 3
"""Tiles of a sample that follow each other, so that a rebuild may outlast a tile."""


@dataclass(frozen=True)
class LayerCases:
    """What the cases of one convolution group of a layer are made from."""

    plan: Plan
    operands: Operands
    rule: RuleTimes
    group: int

    def case(self, passes: list[Pass]) -> Case:
        """Some passes of one slice, one after the other."""
        own = ",".join(str(filter_) for filter_ in passes[0].own)
        tiles = passes[0].tiles
        title = f"{self.plan.layer.name}, filter {own}, tiles {tiles[0]} to {tiles[-1]}"
        opens = self.rule.opens(passes)
        return case_of(self.plan, self.operands, passes, opens, title)

    def seats(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """(filters of the stream, filters of the slice) of every slice of every output-channel
        group.
        """
        array = rule.array_of(self.plan.machine, self.plan.layer)
        filters = len(self.operands.codes)
        clusters = array.seats // self.plan.machine.slices.slices
        found = []
        for first in range(0, filters, array.seats_per_stream):
            stream = tuple(range(first, min(first + array.seats_per_stream, filters)))
            found += [
                (stream, tuple(range(own, own + clusters)))
                for own in range(first, stream[-1] + 1, clusters)
            ]
        return found


def check(machine: Parts, layer: Layer) -> None:
    """InputError for a layer without weights, and for keys that the Verilog has not."""
    if not layer.is_array:
        raise InputError.at(f"layer {layer.name!r}", f"{layer.op}: only conv and linear have RTL")
    there = {
        "mac_array.serial": (machine.array.serial, ("booth",)),
        "rebuild_engine.basis_rows_per_cycle": (machine.engine.basis_rows_per_cycle, (1,)),
        "rebuild_engine.output_register": (machine.engine.output_register, (True,)),
        "rebuild_engine.fill": (machine.engine.fill, ("group",)),
        "pe_slices.sync": (machine.slices.sync, ("tile",)),
        "pe_slices.barrier_cycles": (machine.slices.barrier_cycles, (0, 1)),
        "pe_slices.empty_tiles": (machine.slices.empty_tiles, ("cycle",)),
        "pe_slices.tree_positions_per_cycle": (machine.slices.tree_positions_per_cycle, (1,)),
    }
    for key in WIDTH_KEYS:
        there[key] = max(getattr(machine.arch, key), getattr(layer, key)), (4, 8)
    if layer.kind == "linear":
        array = rule.array_of(machine, layer)
        there["pe_slices.clusters"] = (array.seats // machine.slices.slices, (2,))
    for key, (found, legal) in there.items():
        if found not in legal:
            wanted = " or ".join(str(value) for value in legal)
            raise InputError.at(key, f"{found}: the Verilog has {wanted}")


def groups_of(layer: Layer, tensors: LayerTensors, machine: Parts) -> Iterator[LayerCases]:
    """Each convolution group of a layer; a depthwise layer is one."""
    check(machine, layer)
    rows = rule.coefficients_of(tensors, machine)
    inputs = tensors.need("input")
    plan = Plan(layer, machine, inputs.dtype == np.int8)
    groups = 1 if layer.kind == "depthwise" else layer.groups
    channels, filters = layer.in_channels // groups, layer.out_channels // groups
    for group in range(groups):
        own = inputs[group * channels : (group + 1) * channels] if groups > 1 else inputs
        jobs = rule.jobs_of(layer, own, machine)
        operands = operands_of(layer, tensors, machine, group)
        yield LayerCases(plan, operands, RuleTimes(plan, jobs, rows, group * filters), group)


def whole(layer: Layer, tensors: LayerTensors, machine: Parts) -> list[Case]:
    """A layer on each slice of the machine that has filters of it: all its tiles, output-channel
    group after group.
    """
    cases = []
    slices = machine.slices.slices
    for one in groups_of(layer, tensors, machine):
        seats, tiles = one.seats(), tuple(range(one.plan.tiles))
        for place in range(min(slices, len(seats))):
            passes = [Pass(stream, own, tiles) for stream, own in seats[place::slices]]
            cases.append(one.case(passes))
    return cases


def sample(
    layer: Layer, tensors: LayerTensors, machine: Parts, tiles: int, seed: int
) -> list[Case]:
    """At least so many tiles of a layer, in runs of consecutive ones on slices drawn at random."""
    draw = np.random.default_rng(seed)
    groups = list(groups_of(layer, tensors, machine))
    cases, drawn = [], 0
    while drawn < tiles:
        one = groups[int(draw.integers(len(groups)))]
        seats = one.seats()
        stream, own = seats[int(draw.integers(len(seats)))]
        run = min(RUN, one.plan.tiles)
        # The last tiles of a plane are narrower: they are drawn as often as all others together.
        last = one.plan.tiles - run
        first = last if draw.random() < 0.2 else int(draw.integers(last + 1))
        cases.append(one.case([Pass(stream, own, tuple(range(first, first + run)))]))
        drawn += run
    return cases
