"""SCNN on linear layers, for which it was not made: an element holds every 64th input, so a vector
of activations has one member and at most a quarter of the multipliers works. docs/machines/scnn.md
has the rule, an assumption of ours.
"""

import numpy as np

from archsim.machines.scnn.counts import Occupation, ScnnCycles
from archsim.machines.scnn.tiling import ScnnArray
from archsim.machines.shared.geometry import Mask, ceil_div


def layer_cycles(weights: Mask, activations: Mask, array: ScnnArray) -> ScnnCycles:
    """Cycles of a linear layer from its masks of non-zeros (K, C) and (positions, C).

    A group is as many neurons as accumulators, one position; groups of a position follow each
    other. There are no bank conflicts.
    """
    (K, C), positions = weights.shape, len(activations)
    groups = ceil_div(K, array.accumulators)
    padded = np.zeros((groups * array.accumulators, C), bool)
    padded[:K] = weights
    live = padded.reshape(groups, array.accumulators, C).sum(axis=1, dtype=np.int64)
    # An activation meets the weights of its own input alone, so a vector has one activation.
    vectors = -(-live // array.weights)
    share = ceil_div(C, array.elements)
    dealt = np.zeros((positions * groups, share * array.elements), np.int64)
    dealt[:, :C] = (activations[:, None] * vectors).reshape(positions * groups, C)
    operations = dealt.reshape(-1, share, array.elements).sum(axis=1)
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
