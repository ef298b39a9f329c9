"""SCNN on linear layers, for which it was not made: an element holds every 64th input, so a vector
of activations has one member and at most a quarter of the multipliers works. docs/machines/scnn.md
has the rule, an assumption of ours.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.machines.scnn.counts import Occupation, ScnnCycles
from archsim.machines.scnn.tiling import ScnnArray
from archsim.machines.shared.geometry import Ints, ceil_div
from archsim.machines.shared.run_length import SCNN_SPAN, stored_entries

OPERATIONS = 1 << 20
"""Of elements, groups and positions that are held together."""


def layer_cycles(weights: NDArray[Any], activations: NDArray[Any], array: ScnnArray) -> ScnnCycles:
    """Cycles of a linear layer from its weights (K, C) and activations (positions, C), or the
    masks of their non-zeros.

    A group is as many neurons as accumulators, one position; groups of a position follow each
    other. There are no bank conflicts.
    """
    live = _live_by_group(weights, array)
    step = max(1, OPERATIONS // max(len(live) * array.elements, live.shape[1]))
    blocks = [
        _of_positions(live, activations[first : first + step] != 0, array)
        for first in range(0, len(activations), step)
    ]
    cycles = np.concatenate([block.group_cycles for block in blocks])
    return replace(
        blocks[0],
        group_cycles=cycles,
        group_operations=cycles,
        vector_ops=sum(block.vector_ops for block in blocks),
        macs=sum(block.macs for block in blocks),
        busy=sum(block.busy for block in blocks),
        lost={cause: sum(block.lost[cause] for block in blocks) for cause in blocks[0].lost},
    )


def stored_inputs(activations: NDArray[Any], array: ScnnArray) -> int:
    """Values that the elements store of activations (positions, C); a block is what one element
    has of a position.
    """
    positions, C = activations.shape
    width = ceil_div(C, array.elements) * array.elements
    step, stored = max(1, OPERATIONS // width), 0
    for first in range(0, positions, step):
        some = activations[first : first + step]
        dealt = np.zeros((len(some), width), bool)
        np.not_equal(some, 0, out=dealt[:, :C])
        blocks = dealt.reshape(len(some), -1, array.elements).transpose(2, 0, 1)
        entries = stored_entries(blocks.reshape(array.elements * len(some), -1), SCNN_SPAN)
        stored += int(entries.sum())
    return stored


def _live_by_group(weights: NDArray[Any], array: ScnnArray) -> Ints:
    """Non-zero weights of each group of neurons by input, (groups, C)."""
    firsts = range(0, len(weights), array.accumulators)
    groups = [weights[first : first + array.accumulators] for first in firsts]
    return np.stack([np.count_nonzero(group, axis=0) for group in groups])


def _of_positions(live: Ints, activations: NDArray[np.bool_], array: ScnnArray) -> ScnnCycles:
    """Cycles of some positions of a layer, its groups having so many `live` weights (groups, C)."""
    (groups, C), positions = live.shape, len(activations)
    share = ceil_div(C, array.elements)
    # An activation meets the weights of its own input alone, so a vector has one activation.
    vectors = _dealt(-(-live // array.weights), share, array)
    issued = _dealt(activations, share, array) @ vectors.transpose(0, 2, 1)
    operations = np.rint(issued).astype(np.int64).transpose(1, 2, 0)
    operations = operations.reshape(positions * groups, array.elements)
    products = int((np.count_nonzero(activations, axis=0) * live).sum())
    cycles = operations.max(axis=1)
    mapped = np.arange(array.elements) < C
    occupation = Occupation(operations, np.zeros_like(operations), products, mapped)
    return ScnnCycles(
        group_cycles=cycles,
        group_operations=cycles,
        vector_ops=int(operations.sum()),
        macs=products,
        busy=products,
        lost=occupation.losses(cycles, array),
        banks="proven",
    )


def _dealt(rows: NDArray[Any], share: int, array: ScnnArray) -> NDArray[np.float64]:
    """Rows (rows, C) dealt to the elements, (elements, rows, share): floats, which are exact below
    2^53, for a matrix product of integers does not go through BLAS.
    """
    dealt = np.zeros((len(rows), share * array.elements))
    dealt[:, : rows.shape[1]] = rows
    return dealt.reshape(len(rows), share, array.elements).transpose(2, 0, 1)
