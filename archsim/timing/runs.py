"""How many runs of consecutive bytes the streams of a stage make in off-chip memory.

Closed forms, from what the traffic rule decides alone (docs/machines/README.md, "DRAM with rows"):
an activation stands row by row, all channels of a row together, so that rows that follow each other
are one run; weights stand in the order in which groups and passes take them. What moves in one
piece of time is one run, and no row stays open from one to the next.
"""

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

import numpy as np

from archsim.arch.component import Component
from archsim.machines.shared.geometry import Ints, differences
from archsim.machines.shared.traffic import Order
from archsim.timing.entries import Entry
from archsim.timing.strips import Strips
from archsim.workload.layer import Layer
from archsim.workload.rows import rows_read


class Span(NamedTuple):
    """Bytes of a stream, and in how many runs they come."""

    nbytes: int
    runs: int


def input_runs(entry: Entry, order: Order, strips: Strips) -> int:
    """Of the moving flows: the stretches of rows that are read, cut where a block begins that is
    held, or all of them again for each block of weights. A row that is cut into strips is a run of
    each.
    """
    layer, sections = entry.stage.anchor, entry.tiles.sections
    # Sections follow each other, so each begins runs of its own.
    turns = sum(section.copies for section in sections) or 1
    samples = 1 if sections else entry.samples
    stretches = _stretches(layer, samples) if layer is not None and entry.forward else 1
    if layer is not None and strips.width:
        rows = int(rows_read(layer.geometry, layer.in_size).sum())
        stretches = samples * rows * -(-layer.out_size[1] // strips.width)
    of_turn = stretches + order.blocks - 1 if order.hold_inputs else stretches * order.blocks
    return of_turn * turns


def weight_runs(by_group: Ints, passes: Ints, order: Order) -> int:
    """Of a stationary flow: each group in each pass, each time that weights are read. A group
    without weights has none; both arrays are (G,).
    """
    return int(passes[by_group > 0].sum()) * order.weight_reads


def psum_runs(passes: Ints, copies: Ints) -> int:
    """Of spilled partial sums, written or read: the plane of each group after each pass (G,) but
    the last, as often as the group stands for several (G,).
    """
    return int((passes - 1) @ copies)


def operand_runs(layer: Layer, samples: int, *, fused: bool) -> int:
    """Of what an element-wise layer reads: each operand but the one that streams in; of a pool the
    stretches of rows that its windows see.
    """
    if layer.op == "pool":
        return _stretches(layer, samples)
    return max(1, len(layer.inputs) - fused)


def result_runs(entry: Entry) -> int:
    """Of results: all of them where one group makes them, else the part of each group in each row
    of each sample. Sections make theirs one after the other.
    """
    made = entry.tiles.outputs.sum(axis=1) > 0
    if not entry.tiles.sections:
        groups = int(np.count_nonzero(made))
        return groups * _result_rows(entry) * entry.samples if groups > 1 else 1
    runs, first = 0, 0
    for section in entry.tiles.sections:
        groups = int(np.count_nonzero(made[first : first + section.groups]))
        first += section.groups
        runs += section.copies * (groups * _result_rows(entry) if groups > 1 else 1)
    return runs


def _result_rows(entry: Entry) -> int:
    """Rows of the plane that a stage makes; gradients of weights have none, and a group's lie
    together.
    """
    last, anchor = entry.layers[-1], entry.stage.anchor
    if entry.forward:
        return last.out_size[0] * last.positions
    return anchor.in_size[0] if entry.tiles.phase == "bp" and anchor is not None else 1


def _stretches(layer: Layer, samples: int) -> int:
    """Runs in which the rows lie that a layer reads of all samples, whose planes follow each
    other.
    """
    if layer.op not in {"conv", "pool"}:
        return 1
    read = rows_read(layer.geometry, layer.in_size)
    begun = int(np.count_nonzero(read[1:] & ~read[:-1]) + read[0])
    return samples * begun - (samples - 1) * int(read[0] & read[-1])


def cycles_by_runs(
    part: Component, spans: Sequence[Sequence[Span]], nbytes: Ints, own: Sequence[int]
) -> list[int] | None:
    """Cycles of each transfer (N,) of a flow in a memory where they depend on how bytes lie; None
    of a memory where they do not. `spans` and `own`, how many transfers are its, are each stage's.
    """
    cycles: list[int] = []
    for of_stage, sizes in zip(spans, np.split(nbytes, np.cumsum(own)[:-1]), strict=True):
        parts = [part.cycles_of_runs(*span) for span in of_stage]
        known = [one for one in parts if one is not None]
        if len(known) < len(parts):
            return None
        cycles += spread(sizes, fsum(known)).tolist()
    return cycles


def spread(sizes: Ints, whole: float) -> Ints:
    """Whole cycles of transfers of these bytes (N,) that take `whole` together, each in proportion;
    what is left of a cycle goes to the next, so that no rounding adds up.
    """
    ends = np.cumsum(sizes)
    if not len(ends) or not ends[-1]:
        return np.zeros_like(sizes)
    # A share that is whole may come out a little larger.
    until = np.ceil(ends * (whole / int(ends[-1])) - 1e-6).astype(np.int64)
    return differences(until)
